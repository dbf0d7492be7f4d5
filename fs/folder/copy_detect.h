/*
 * Detects programs that copy a task's folder file by file and ask a person what to do
 * about a name that is taken (file managers, unzip). After the trigger they look up the
 * next file, for example `status`, would find the virtual one, and wait for the answer.
 * Meanwhile nothing else happens in the folder, so it would be ordered. Therefore the
 * folder waits in this case, and a program that certainly copies does not find the
 * virtual file: it creates its own and has nothing to ask.
 *
 * The sign of such a program: the thread that made the trigger looks up such a name, and
 * opens neither that file nor, before it, the directory.
 *   - A thread of GLib's file managers certainly copies if it made the directory, has not
 *     listed it or set its attributes since (a copier does that last), and continues
 *     immediately. The same threads also inspect new files for display.
 *   - KDE's programs hand each file to another worker: a worker of the same process
 *     certainly copies unless it was the last to list the directory.
 *   - Any other program may copy, or may be a script that checks for a file: it finds the
 *     file, and the folder waits for the program's next action.
 * The table in copy_detect.c lists the names of their threads.
 *
 * Any thread; no lock.
 */
#ifndef SEEDANCEFS_FS_FOLDER_COPY_DETECT_H
#define SEEDANCEFS_FS_FOLDER_COPY_DETECT_H

#include "fs/tree/node.h"

#include <sys/types.h>

enum copy_action {
	COPY_MADE_DIRECTORY, /* the directory is new: its maker may copy into it */
	COPY_MADE_NAME,	     /* a name was added to the directory; it may be a trigger */
	COPY_REWROTE,	     /* a file was truncated: no program waits for an answer
			      * about it */
	COPY_SET_ATTRIBUTES, /* of a file or directory: a copier's last action there */
	COPY_OPENED,	     /* a virtual file of the directory */
	COPY_LISTED,	     /* the directory was listed */
	COPY_DECIDED,	     /* a person decided what happens to the folder */
	COPY_LOOKED_UP,	     /* a virtual file of an unsent folder in the directory */
};

/* An action of a thread, about to happen or just done. */
struct copy_event {
	enum copy_action action;
	struct node
		*node;	  /* the directory; COPY_REWROTE, COPY_SET_ATTRIBUTES: the file */
	const char *name; /* COPY_MADE_NAME, COPY_LOOKED_UP */
	pid_t pid;	  /* the thread; 0: in another PID namespace */
};

/* Records an event. False: the lookup must not find the virtual file. */
bool copy_detect(struct nodes *nodes, const struct copy_event *event);

/* Milliseconds since a program that may be copying found a name taken; -1: none did. */
int64_t copy_detect_asks_ms(const struct node *directory);

#endif
