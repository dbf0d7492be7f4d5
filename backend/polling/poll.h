/*
 * Polling: querying the services about their tasks until these end, applying the answers,
 * and requesting cancels. Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_POLLING_POLL_H
#define SEEDANCEFS_BACKEND_POLLING_POLL_H

#include "backend/core/core.h"
#include "backend/providers/provider.h"

/* Makes backend->polling. 0 or -ENOMEM. */
int polling_create(struct backend *backend);
/* Ends all polls. Callers that wait for a refresh get -EIO. */
void polling_destroy(struct backend *backend);

/*
 * Polls a task after `delay_ms`, and then repeatedly. If it is already scheduled, the
 * earlier time counts.
 */
void poll_task(struct backend *backend, uint64_t number, int64_t delay_ms);
/*
 * The task's view wants a cancel: polls the task, and requests the cancel if it is still
 * possible.
 */
void poll_cancel(struct backend *backend, uint64_t number);
/* What to do after a change by poll_apply() is committed. */
struct poll_effect {
	enum task_state ended; /* the end that the service reported; 0: none */
	bool needs_sizes;      /* the outputs' sizes must be determined */
};
/*
 * Applies what a service reported about a task: QUEUED … CANCELLED. Call it between
 * tasks_begin() and tasks_commit(), and poll_carry_out() afterwards.
 */
void poll_apply(struct task_view *view, const struct observation *seen,
		struct poll_effect *ret_effect);
void poll_carry_out(struct backend *backend, uint64_t number,
		    const struct poll_effect *effect);
/*
 * Polls the task again for fresh links. `done` gets 0 if the service answered and the
 * view contains its links, else -ENODATA (the service returned no link), -ENOENT (it does
 * not know the task), -ENOMEM or -EIO.
 */
void poll_refresh(struct backend *backend, uint64_t number,
		  void (*done)(void *context, int result), void *context);
/* Drops the refresh callbacks that have this context. */
void poll_forget(struct backend *backend, void *context);

#endif
