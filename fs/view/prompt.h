/*
 * A folder's prompt, to be shown: as it was sent, or as it stands in the folder while
 * nothing was. Blocking, local disk only; any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_PROMPT_H
#define SEEDANCEFS_FS_VIEW_PROMPT_H

#include "fs/folder/filesystem.h"

/*
 * The prompt on one line, cleaned and cut to max_bytes; free() it. NULL when there is
 * none. `folder` is the directory of the task; NULL: it is not known.
 */
char *prompt_of(struct filesystem *fs, struct node *folder, const struct task_view *view,
		size_t max_bytes);

#endif
