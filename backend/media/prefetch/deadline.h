/*
 * Until when an output must be fetched, and when that begins. Any thread.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_DEADLINE_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_DEADLINE_H

#include "backend/tasks/task.h"

struct backend;

/*
 * When the video's link dies, in seconds since the epoch; 0: nobody can tell. A link that
 * does not tell by itself is taken to live as long as the service says that its links do:
 * a guess.
 */
int64_t backend_link_expires_s(struct backend *backend, const struct task_view *view,
			       bool *ret_is_guess);

/*
 * When the rest of the video is fetched although nobody reads, ms since the epoch, if
 * that is known beforehand; else 0.
 */
int64_t backend_keep_begins_ms(struct backend *backend, const struct task_view *view);

#endif
