/*
 * Programs that copy a task's folder file by file, and ask a person what to do about a
 * name that is taken (file managers, unzip): after the trigger they look for the next
 * file, a `status` say, would find the virtual one, and wait for the answer. While they
 * wait nothing else happens in the folder, so it would be ordered. So it waits then, and
 * who copies for sure does not find the virtual one: it makes its own, and has nothing to
 * ask.
 *
 * What tells them: the very thread that made the trigger looks up such a name, and opens
 * neither it nor, before that, the directory. Scripts that look up `status` read it;
 * windows list.
 *   - A thread of GLib's file managers does this now, that now: it must have made the
 *     directory as well, and have been at nothing else since. When it is done with the
 *     copy, it sets the directory's own attributes, or goes elsewhere.
 *   - KDE's hand each file to another worker: any of them counts that did not just list.
 *
 * Any thread; no lock.
 */
#ifndef SEEDANCEFS_COPIER_H
#define SEEDANCEFS_COPIER_H

#include "fs/node.h"

#include <sys/types.h>

/* The directory is new: who made it may go on to copy into it. */
void copier_made_directory(struct node *directory, pid_t pid);
/* A name came into the directory: if it is a trigger's, `pid` may be a copier. */
void copier_made(struct node *directory, const char *name, pid_t pid);
/* Whether a virtual file of an unsent folder is found by that name, or is to be made. */
bool copier_finds(struct node *directory, const char *name, pid_t pid);
/* A virtual file of the directory is opened. */
void copier_opened(struct node *directory, pid_t pid);
/* The directory is listed. */
void copier_listed(struct node *directory, pid_t pid);
/* The file got its attributes, which is the last that a copier does with it. */
void copier_finished(struct nodes *nodes, struct node *file, pid_t pid);
/* That thread does something else: it looks into another directory (`where`; NULL: none
 * in particular), or ends what it did in this one. */
void copier_turned(const struct node *where, pid_t pid);
/* Milliseconds since the copier found a name taken; -1: there is none. */
int64_t copier_asks_ms(const struct node *directory);

#endif
