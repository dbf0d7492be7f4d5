/*
 * Outputs as inputs: which folder waits for which other task. No loop is ever recorded
 * (fs/README.md, "Outputs as inputs").
 */
#ifndef SEEDANCEFS_FS_FOLDER_WAITS_ON_H
#define SEEDANCEFS_FS_FOLDER_WAITS_ON_H

#include "fs/folder/filesystem.h"

/*
 * Sets the task that a pending folder waits for; 0: none, or the folder is not pending.
 * -ELOOP if that task, directly or through others, waits for this folder: then none is
 * set. Only the settler's thread sets one.
 */
int folder_set_waits_on(struct filesystem *fs, uint64_t number, uint64_t waits_on);
/*
 * Something happens to a folder: it waits for no task until its next check. Any thread.
 */
void folder_waits_no_more(struct filesystem *fs, uint64_t number);
/*
 * Whether a folder was refused because of a loop that no longer exists. True once only.
 */
bool folder_left_loop(struct filesystem *fs, uint64_t number);
/* Calls `visit` for each folder that was refused because of a loop, without the lock. */
void folder_each_in_loop(struct filesystem *fs,
			 void (*visit)(void *context, uint64_t number), void *context);
/* Calls `visit` for each folder that waits for a task, without the lock. */
void folder_each_waiting(struct filesystem *fs, uint64_t number,
			 void (*visit)(void *context, uint64_t number), void *context);

#endif
