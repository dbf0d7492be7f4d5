/*
 * Shots made of shots: which folder waits for which other task. No loop is ever set.
 */
#ifndef SEEDANCEFS_FS_FOLDER_WAITS_ON_H
#define SEEDANCEFS_FS_FOLDER_WAITS_ON_H

#include "fs/folder/filesystem.h"

/*
 * The task that a pending folder waits for; 0: none, or it is none of the pending ones.
 * -ELOOP when that one, or what it waits for in turn, waits for this folder: then it
 * waits for none. The settler's thread alone sets one.
 */
int folder_set_waits_on(struct filesystem *fs, uint64_t number, uint64_t waits_on);
/* Something happens to a folder:
 * it waits for nothing until it is looked at. Any thread. */
void folder_waits_no_more(struct filesystem *fs, uint64_t number);
/* Whether a folder was refused for a loop that is no more; tells it once. */
bool folder_left_loop(struct filesystem *fs, uint64_t number);
/* Calls `visit` for each folder that was refused for a loop, without the lock. */
void folder_each_in_loop(struct filesystem *fs,
			 void (*visit)(void *context, uint64_t number), void *context);
/* Calls `visit` for each folder that waits on a task, without the lock. */
void folder_each_waiting(struct filesystem *fs, uint64_t number,
			 void (*visit)(void *context, uint64_t number), void *context);

#endif
