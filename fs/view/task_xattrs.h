/*
 * What a task shows as extended attributes (user.seedance.*): of its folder, and of the
 * virtual files in it. They are read-only, never stored, and made from the view that
 * `status` and `task.json` are made from. Blocking, local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_TASK_XATTRS_H
#define SEEDANCEFS_FS_VIEW_TASK_XATTRS_H

#include "fs/folder/filesystem.h"

/*
 * All values of one task stay so small together that a copier can store them beside a
 * file's own: on ext4 they share one block of 4 KiB.
 */
#define SHOWN_PROMPT_MAX_BYTES 1000
#define SHOWN_NAMES_MAX_BYTES 256 /* all names with their NULs */

/*
 * The value of an attribute by its whole name; free() it. NULL when the node shows none
 * of that name. The prompt is the owner's and root's to see, as the file that it stands
 * in may be.
 */
char *task_xattr_value(struct filesystem *fs, struct node *node, const char *name,
		       uid_t uid);

/* Writes the names that the node shows, each with its NUL; returns their size. */
size_t task_xattr_names(struct filesystem *fs, struct node *node, uid_t uid,
			char names[SHOWN_NAMES_MAX_BYTES]);

#endif
