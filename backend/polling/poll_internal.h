/*
 * The inside of polling: poll.c (the polls and what follows an answer), poll_batch.c (one
 * query for several tasks), observed.c (what a service said) and cancel.c.
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

/* A task that is asked about. Backend thread only. */
struct task_poll {
	struct backend *backend;
	struct task_poll *next;
	uint64_t number;
	struct timer timer;
	const struct provider_section *section; /* of the call under way */
	struct query *query;
	struct http_call *cancel;
	unsigned failures; /* in a row */
	unsigned gone;	   /* in a row */
	unsigned silent;   /* in a row: an answer that says nothing of the task */
	unsigned doubts;   /* in a row: it says that it failed, and may be wrong */
	unsigned untold;   /* in a row: answers that do not tell how the task stands */
	int64_t heard_ms;  /* wall clock, when a service said something of it; 0: not yet
			    */
	bool asks_alone;   /* a query for several left it out */
	struct refresh *refreshes;
};

/* --- poll.c --- */
void task_poll_drop(struct task_poll *task_poll);
void task_poll_schedule(struct task_poll *task_poll, int64_t delay_ms);
/* The answer to a query of it: what it says, or why there is none. May drop it. */
void task_poll_observed(struct task_poll *task_poll, struct observation *seen,
			int64_t retry_after_ms);
/* `is_answered`: the service could be asked, but what it says is of no use. */
void task_poll_failed(struct task_poll *task_poll, bool is_answered, const char *why,
		      int64_t retry_after_ms);

/* The time to the next poll, longer after failures. */
int64_t task_poll_interval(const struct task_poll *task_poll);

/* --- observed.c --- */
/* The service no longer has it, or does not tell of it: `unknown`. In tasks_begin() … */
void task_poll_put_gone(struct task_view *view, const struct problem *problem);

/* --- cancel.c --- */
/* Whether the service can in the state that it just told; if not, that is the end of it.
 * In tasks_begin() … */
bool task_poll_can_cancel(const struct task_poll *task_poll, struct task_view *view);
/* Asks for it. May drop the poll. */
void task_poll_send_cancel(struct task_poll *task_poll);

/* --- poll_batch.c --- */
/* Asks now, together with whoever would ask the same service soon. A timer's function. */
void poll_batch_due(void *context);
/* A follower leaves its query, if it has one; the others' goes on. */
void poll_batch_leave(struct task_poll *task_poll);

#endif
