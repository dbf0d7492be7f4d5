/*
 * The file `status`. getattr and read serve the same snapshot (text, size and time;
 * folder/status_snapshot.h), which belongs to the task's folder. Any thread. Nothing is
 * rendered under a lock.
 */
#ifndef SEEDANCEFS_FS_VIEW_STATUS_FILE_H
#define SEEDANCEFS_FS_VIEW_STATUS_FILE_H

#include "fs/folder/filesystem.h"

/* A copy of the text, to free(); NULL: no memory. */
char *status_file_text(struct filesystem *fs, uint64_t number);
/* Its size and time for a view of the task; -ESTALE if its folder is gone. */
int status_file_stat(struct filesystem *fs, const struct task_view *view,
		     struct stat *status);
/* Makes its snapshot outdated, whatever its age. */
void status_file_outdate(struct filesystem *fs, uint64_t number);

#endif
