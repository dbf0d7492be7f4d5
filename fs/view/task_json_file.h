/*
 * The file task.json. Any thread; it is rendered for each call.
 */
#ifndef SEEDANCEFS_FS_VIEW_TASK_JSON_FILE_H
#define SEEDANCEFS_FS_VIEW_TASK_JSON_FILE_H

#include "fs/folder/filesystem.h"

/* Its text now and the version of that; free() it. NULL: no memory. */
char *task_json_file_text(struct filesystem *fs, const struct task_view *view,
			  uint32_t *ret_version);
uint32_t task_json_file_version(struct filesystem *fs, const struct task_view *view);

#endif
