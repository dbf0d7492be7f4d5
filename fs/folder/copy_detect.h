/*
 * Programs that copy a task's folder file by file, and ask a person what to do about a
 * name that is taken (file managers, unzip): after the trigger they look for the next
 * file, a `status` say, would find the virtual one, and wait for the answer. While they
 * wait nothing else happens in the folder, so it would be ordered. So it waits then, and
 * who copies for sure does not find the virtual one: it makes its own, and has nothing to
 * ask.
 *
 * What tells them: the very thread that made the trigger looks up such a name, and opens
 * neither it nor, before that, the directory.
 *   - A thread of GLib's file managers copies for sure if it made the directory, did not
 *     list it nor set its attributes since (which comes last), and goes on at once. They
 *     look at what came on the same threads.
 *   - KDE's hand each file to another worker: any of them does that did not just list.
 *   - Any other program perhaps does, or is a script that looks whether something is
 *     there: it finds it, and the folder waits for it to say which.
 *
 * Any thread; no lock.
 */
#ifndef SEEDANCEFS_FS_FOLDER_COPY_DETECT_H
#define SEEDANCEFS_FS_FOLDER_COPY_DETECT_H

#include "fs/tree/node.h"

#include <sys/types.h>

/* The directory is new: who made it may go on to copy into it. */
void copy_detect_made_directory(struct node *directory, pid_t pid);
/* A name came into the directory: if it is a trigger's, `pid` may be a copier. */
void copy_detect_made(struct node *directory, const char *name, pid_t pid);
/* A trigger is written anew in its place: nobody waits for an answer. */
void copy_detect_rewritten(struct nodes *nodes, struct node *file);
/* A file or directory got its attributes,
 * which is the last that a copier does with it. */
void copy_detect_finished(struct nodes *nodes, struct node *node, pid_t pid);
/* Whether a virtual file of an unsent folder is found by that name, or is to be made. */
bool copy_detect_finds(struct node *directory, const char *name, pid_t pid);
/* A virtual file of the directory is opened. */
void copy_detect_opened(struct node *directory, pid_t pid);
/* The directory is listed. */
void copy_detect_listed(struct node *directory, pid_t pid);
/* A person decided what becomes of the folder. */
void copy_detect_answered(struct node *directory);
/* Milliseconds since somebody who may copy found a name taken; -1: nobody did. */
int64_t copy_detect_asks_ms(const struct node *directory);

#endif
