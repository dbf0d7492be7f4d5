/*
 * The texts of `status` and `error.txt`. Pure: time and bytes kept come in as parameters.
 */
#ifndef SEEDANCEFS_FS_VIEW_STATUS_TEXT_H
#define SEEDANCEFS_FS_VIEW_STATUS_TEXT_H

#include "backend/backend.h"

#define STATUS_MAX_BYTES 4000 /* one page: a reader gets it in one piece */

struct status_facts {
	const char *waiting; /* what the folder side waits for; NULL: the view's own */
	int kept_percent;    /* of the video, on disk */
	bool is_simulated;   /* made by the simulator */
	int64_t now_ms;	     /* wall clock */
	int64_t prefetch_begins_ms; /* the rest of it is fetched then; 0: not known */
	int64_t link_expires_s;	    /* seconds since the epoch; 0: not told */
	bool link_expires_is_guess; /* the link does not tell, the service's papers do */
};

/* Each returns a text to free(); NULL without memory. */
char *status_text_render(const struct task_view *view, const struct status_facts *facts);
char *error_text_render(const struct task_view *view);

/* Whether there is an error.txt. */
bool error_text_exists(const struct task_view *view);

#endif
