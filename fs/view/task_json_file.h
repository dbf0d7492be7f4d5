/* The file task.json. Any thread. Each call renders it. */
#ifndef SEEDANCEFS_FS_VIEW_TASK_JSON_FILE_H
#define SEEDANCEFS_FS_VIEW_TASK_JSON_FILE_H

#include "fs/folder/filesystem.h"

/* Its current text and that text's version; free() it. NULL: no memory. */
char *task_json_file_text(struct filesystem *fs, const struct task_view *view,
			  uint32_t *ret_version);
uint32_t task_json_file_version(struct filesystem *fs, const struct task_view *view);

#endif
