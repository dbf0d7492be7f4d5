/*
 * Shots made of shots: an input that is the output of another task. Its name is not in
 * the tree, for the file is virtual; the folder's mark tells the task.
 */
#ifndef SEEDANCEFS_FS_ORDER_OUTPUT_LINK_H
#define SEEDANCEFS_FS_ORDER_OUTPUT_LINK_H

#include "fs/folder/filesystem.h"

/*
 * The output that a path below the tree names, when its folder is a task's: 0 or -ENOENT.
 * Local disk only; any thread.
 */
int output_link_find(struct filesystem *fs, const char *path,
		     struct request_output_link *ret_shot);
/* A folder's path as seen from another one: "../shot-1". free() it; NULL: no memory. */
char *output_link_relative(const char *from, const char *to);
/* The task of a folder, by its path below the tree; 0: it is none. */
uint64_t output_link_task(struct filesystem *fs, const char *path);

#endif
