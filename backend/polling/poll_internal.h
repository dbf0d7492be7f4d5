/*
 * Internals of polling: poll.c (the polls, and what follows an answer), poll_batch.c (one
 * query for several tasks), observed.c (applying an answer) and cancel.c.
 */
#ifndef SEEDANCEFS_BACKEND_POLLING_POLL_INTERNAL_H
#define SEEDANCEFS_BACKEND_POLLING_POLL_INTERNAL_H

#include "backend/base/timers.h"
#include "backend/polling/poll.h"

struct query;
struct refresh;

struct polling {
	struct task_poll *first;
};

/* A task that is polled. Backend thread only. */
struct task_poll {
	struct backend *backend;
	struct task_poll *next;
	uint64_t number;
	struct timer timer;
	const struct provider_section *section; /* of the call in progress */
	struct query *query;
	struct http_call *cancel;
	unsigned failures; /* in a row */
	unsigned gone;	   /* in a row */
	unsigned silent;   /* in a row: answers that say nothing about the task */
	unsigned doubts;   /* in a row: reported failures that may be wrong */
	unsigned untold;   /* in a row: answers without a known state */
	int64_t heard_ms;  /* wall clock of the last word about the task; 0: none */
	bool asks_alone;   /* a query about several tasks left it out */
	struct refresh *refreshes;
};

/* --- poll.c --- */
void task_poll_drop(struct task_poll *task_poll);
void task_poll_schedule(struct task_poll *task_poll, int64_t delay_ms);
/* Handles what an answer says about the task. May drop the poll. */
void task_poll_observed(struct task_poll *task_poll, struct observation *seen,
			int64_t retry_after_ms);
/*
 * Handles a failed query. `is_answered`: an answer arrived but cannot be used. May drop
 * the poll.
 */
void task_poll_failed(struct task_poll *task_poll, bool is_answered, const char *why,
		      int64_t retry_after_ms);

/* The delay of the next poll; it grows with failures. */
int64_t task_poll_interval(const struct task_poll *task_poll);

/* --- observed.c --- */
/*
 * The service does not know the task, or says nothing about it: enters `unknown`. Call it
 * between tasks_begin() and tasks_commit().
 */
void task_poll_put_gone(struct task_view *view, const struct problem *problem);

/* --- cancel.c --- */
/*
 * Whether the service can cancel the task in the state just reported; if not, drops the
 * wish. Call it between tasks_begin() and tasks_commit().
 */
bool task_poll_can_cancel(const struct task_poll *task_poll, struct task_view *view);
/* Requests the cancel. May drop the poll. */
void task_poll_send_cancel(struct task_poll *task_poll);

/* --- poll_batch.c --- */
/*
 * The timer function of a poll: sends a query, together with polls of the same service
 * that are due soon.
 */
void poll_batch_due(void *context);
/* Removes a poll from its query, if it has one. The query continues for the others. */
void poll_batch_leave(struct task_poll *task_poll);

#endif
