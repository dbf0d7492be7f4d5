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
/* Takes over what a service said of a task. 0; -ENOMEM: nothing of it was taken. */
int poll_observe(struct backend *backend, uint64_t number, struct observation *seen);
/*
 * Asks for the task once more, for fresh links; `done` is told 0 when the service
 * answered and the view's links are what it said, else -ENODATA (it gave no link),
 * -ENOENT (it says that there is no such task) or -EIO.
 */
void poll_refresh(struct backend *backend, uint64_t number,
		  void (*done)(void *context, int result), void *context);
/* Forgets who waits for a refresh. */
void poll_forget(struct backend *backend, void *context);

#endif
