/*
 * The texts of `status` and `error.txt`. Pure: the time and the percentage on disk are
 * parameters.
 */
#ifndef SEEDANCEFS_FS_VIEW_STATUS_TEXT_H
#define SEEDANCEFS_FS_VIEW_STATUS_TEXT_H

#include "backend/backend.h"

#define STATUS_MAX_BYTES 4000 /* one page, so that a reader gets it in one piece */

struct status_facts {
	const char *waiting; /* what fs/ waits for; NULL: use the view's own text */
	int kept_percent;    /* of the video, on disk */
	bool is_simulated;   /* made by the simulator */
	int64_t now_ms;	     /* wall clock */
	int64_t prefetch_begins_ms; /* when the rest is fetched; 0: unknown */
	int64_t link_expires_s;	    /* seconds since the epoch; 0: unknown */
	bool link_expires_is_guess; /* as documented, not from the link */
};

/* Each returns a text to free(); NULL without memory. */
char *status_text_render(const struct task_view *view, const struct status_facts *facts);
char *error_text_render(const struct task_view *view);

/* Whether error.txt exists. */
bool error_text_exists(const struct task_view *view);

#endif
