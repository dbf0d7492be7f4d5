/*
 * What lies below a directory: the tasks that are not sent yet, for a change that
 * concerns all of them (a defaults.json). Any thread; nothing is locked while visiting.
 */
#ifndef SEEDANCEFS_FS_FOLDER_UNSENT_BELOW_H
#define SEEDANCEFS_FS_FOLDER_UNSENT_BELOW_H

#include "fs/folder/filesystem.h"

/*
 * Calls `visit` for each task that is pending, or invalid because of its files, and no
 * archive, whose folder is this directory or lies below it.
 */
void unsent_below_each(struct filesystem *fs, struct node *directory,
		       void (*visit)(void *context, struct node *folder, uint64_t number),
		       void *context);

#endif
