/*
 * The unsent tasks below a directory, for a change that affects all of them (a
 * defaults.json). Any thread; no lock is held during a visit.
 */
#ifndef SEEDANCEFS_FS_FOLDER_UNSENT_BELOW_H
#define SEEDANCEFS_FS_FOLDER_UNSENT_BELOW_H

#include "fs/folder/filesystem.h"

/*
 * Calls `visit` for each task whose folder is this directory or below it, and which is
 * pending or invalid because of its files, and not an archive.
 */
void unsent_below_each(struct filesystem *fs, struct node *directory,
		       void (*visit)(void *context, struct node *folder, uint64_t number),
		       void *context);

#endif
