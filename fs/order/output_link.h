/*
 * Outputs as inputs: an input that is the output of another task (fs/README.md, "Outputs
 * as inputs"). Its name is not in the tree, because the file is virtual; the folder's
 * mark identifies the task.
 */
#ifndef SEEDANCEFS_FS_ORDER_OUTPUT_LINK_H
#define SEEDANCEFS_FS_ORDER_OUTPUT_LINK_H

#include "fs/folder/filesystem.h"

/*
 * The output at a path below the tree, if its folder is a task's: 0 or -ENOENT. Local
 * disk only; any thread.
 */
int output_link_find(struct filesystem *fs, const char *path,
		     struct request_output_link *ret_shot);
/* A folder's path relative to another one: "../shot-1". To be freed; NULL: no memory. */
char *output_link_relative(const char *from, const char *to);
/* The task of a folder, by the folder's path below the tree; 0: none. */
uint64_t output_link_task(struct filesystem *fs, const char *path);

#endif
