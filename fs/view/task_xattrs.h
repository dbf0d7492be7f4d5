/*
 * The extended attributes of a task (user.seedance.*), on its folder and on the virtual
 * files in it. They are read-only and never stored. They are made from the same view as
 * `status` and `task.json`. Blocking, local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_TASK_XATTRS_H
#define SEEDANCEFS_FS_VIEW_TASK_XATTRS_H

#include "fs/folder/filesystem.h"

/*
 * All values of one task together are small enough for a copier to store them beside a
 * file's own attributes: on ext4 they share one block of 4 KiB.
 */
#define SHOWN_PROMPT_MAX_BYTES 1000
#define SHOWN_NAMES_MAX_BYTES 256 /* all names with their NULs */

/*
 * The value of an attribute by its full name; free() it. NULL if the node has no such
 * attribute. Only the owner and root see the prompt, since the file that contains it may
 * be private.
 */
char *task_xattr_value(struct filesystem *fs, struct node *node, const char *name,
		       uid_t uid);

/* Writes the names of the node's attributes, each with its NUL. Returns their size. */
size_t task_xattr_names(struct filesystem *fs, struct node *node, uid_t uid,
			char names[SHOWN_NAMES_MAX_BYTES]);

#endif
