/*
 * A folder's prompt for display: as it was sent, or as the folder contains it while
 * nothing is sent. Blocking, local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_PROMPT_H
#define SEEDANCEFS_FS_VIEW_PROMPT_H

#include "fs/folder/filesystem.h"

/*
 * The prompt on one line, cleaned and cut to max_bytes; free() it. NULL if there is none.
 * `folder` is the task's directory; NULL: unknown.
 */
char *prompt_of(struct filesystem *fs, struct node *folder, const struct task_view *view,
		size_t max_bytes);

#endif
