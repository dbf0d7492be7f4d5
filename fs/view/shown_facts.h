/*
 * What `status`, task.json and the gallery say besides what the task's record holds.
 * Any thread.
 */
#ifndef SEEDANCEFS_FS_VIEW_SHOWN_FACTS_H
#define SEEDANCEFS_FS_VIEW_SHOWN_FACTS_H

#include "fs/folder/filesystem.h"

/* Why a pending task does not go out; free() it. NULL: it settles, counted from
 * *ret_active_ms (boot clock), or it is not pending. */
char *shown_waiting(struct filesystem *fs, const struct task_view *view,
		    int64_t *ret_active_ms);
/* How much of the video is on disk; 0 where there is none. */
int shown_kept_percent(struct filesystem *fs, const struct task_view *view);
/* Whether the simulator made it: then nothing was billed. */
bool shown_is_simulated(struct filesystem *fs, const struct task_view *view);

#endif
