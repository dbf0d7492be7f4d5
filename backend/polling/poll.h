/*
 * Polling: asking the services about their tasks until they end, taking over what they
 * say, and asking them to cancel. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_POLLING_POLL_H
#define SEEDANCEFS_BACKEND_POLLING_POLL_H

#include "backend/core/core.h"
#include "backend/providers/provider.h"

/* Makes backend->polling. 0 or -ENOMEM. */
int polling_create(struct backend *backend);
/* Ends all polls; whoever waits for a refresh gets -EIO. */
void polling_destroy(struct backend *backend);

/* Polls a task from `delay_ms` on. Safe to call again: the earlier time counts. */
void poll_task(struct backend *backend, uint64_t number, int64_t delay_ms);
/* The view wants it cancelled: asks the service, after looking whether it still can. */
void poll_cancel(struct backend *backend, uint64_t number);
/* What is to be done once a change by poll_apply() is committed. */
struct poll_effect {
	enum task_state ended; /* the service told of this end; 0: of none */
	bool needs_sizes;      /* its outputs' sizes are to be learnt */
};
/*
 * Takes over what a service said of a task, QUEUED … CANCELLED. In tasks_begin() …
 * tasks_commit(); poll_carry_out() follows that.
 */
void poll_apply(struct task_view *view, const struct observation *seen,
		struct poll_effect *ret_effect);
void poll_carry_out(struct backend *backend, uint64_t number,
		    const struct poll_effect *effect);
/*
 * Asks for the task once more, for fresh links; `done` is told 0 when the service
 * answered and the view's links are what it said, else -ENODATA (it gave no link),
 * -ENOENT (it says that there is no such task), -ENOMEM or -EIO.
 */
void poll_refresh(struct backend *backend, uint64_t number,
		  void (*done)(void *context, int result), void *context);
/* Forgets who waits for a refresh. */
void poll_forget(struct backend *backend, void *context);

#endif
