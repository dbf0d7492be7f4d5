/* The deadline for fetching an output, and when fetching starts. Any thread. */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_DEADLINE_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_DEADLINE_H

#include "backend/tasks/task.h"

struct backend;

/*
 * When the video's link expires, in seconds since the epoch; 0: unknown. For a link that
 * does not tell, the life time that the service documents is assumed.
 */
int64_t backend_link_expires_s(struct backend *backend, const struct task_view *view,
			       bool *ret_is_guess);

/*
 * When the rest of the video will be fetched in the background, ms since the epoch, if
 * that is known; else 0.
 */
int64_t backend_keep_begins_ms(struct backend *backend, const struct task_view *view);

#endif
