/*
 * Facts that `status`, task.json and the gallery show in addition to the task's record.
 * Any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_SHOWN_FACTS_H
#define SEEDANCEFS_FS_VIEW_SHOWN_FACTS_H

#include "fs/folder/filesystem.h"

/*
 * Why a pending task is not sent; free() it. NULL: it settles, counted from
 * *ret_active_ms (boot clock), or it is not pending.
 */
char *shown_waiting(struct filesystem *fs, const struct task_view *view,
		    int64_t *ret_active_ms);
/* The percentage of the video that is on disk; 0 if there is no video. */
int shown_kept_percent(struct filesystem *fs, const struct task_view *view);
/* Whether the simulator made it; then nothing was billed. */
bool shown_is_simulated(struct filesystem *fs, const struct task_view *view);

#endif
