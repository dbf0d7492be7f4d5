/*
 * Programs that copy a task's folder file by file, and ask a person what to do about a
 * name that is taken (file managers, unzip): after the trigger they look for the next
 * file, a `status` say, would find the virtual one, and wait for the answer. While they
 * wait nothing else happens in the folder, so it would be ordered. So the folder waits
 * then, and a program that certainly copies does not find the virtual file: it makes its
 * own, and has nothing to ask.
 *
 * The sign of such a program: the very thread that made the trigger looks up such a name,
 * and opens neither it nor, before that, the directory.
 *   - A thread of GLib's file managers certainly copies if it made the directory, did not
 *     list it nor set its attributes since (which comes last), and goes on at once. The
 *     same threads look at what came.
 *   - KDE's hand each file to another worker: any of them certainly copies that did not
 *     just list.
 *   - Any other program may copy, or be a script that looks whether something is there:
 *     it finds the file, and the folder waits for it to say which.
 * The table in copy_detect.c has the names of their threads.
 *
 * Any thread; no lock.
 */
#ifndef SEEDANCEFS_FS_FOLDER_COPY_DETECT_H
#define SEEDANCEFS_FS_FOLDER_COPY_DETECT_H

#include "fs/tree/node.h"

#include <sys/types.h>

enum copy_action {
	COPY_MADE_DIRECTORY, /* the directory is new: its maker may go on to copy into it */
	COPY_MADE_NAME,	     /* a name came into the directory, perhaps a trigger's */
	COPY_REWROTE,	     /* a file was cut: nobody waits for an answer about it */
	COPY_SET_ATTRIBUTES, /* of a file or directory: the last that a copier does there */
	COPY_OPENED,	     /* a virtual file of the directory */
	COPY_LISTED,	     /* the directory */
	COPY_DECIDED,	     /* a person decided what becomes of the folder */
	COPY_LOOKED_UP,	     /* a virtual file of an unsent folder, in the directory */
};

/* What a thread does, or did just now. */
struct copy_event {
	enum copy_action action;
	struct node
		*node;	  /* the directory; COPY_REWROTE, COPY_SET_ATTRIBUTES: the file */
	const char *name; /* COPY_MADE_NAME, COPY_LOOKED_UP */
	pid_t pid;	  /* the thread; 0: of another namespace */
};

/* Takes an event in. False: the virtual file that is looked up is not to be found. */
bool copy_detect(struct nodes *nodes, const struct copy_event *event);

/* Milliseconds since a program that may copy found a name taken; -1: none did. */
int64_t copy_detect_asks_ms(const struct node *directory);

#endif
