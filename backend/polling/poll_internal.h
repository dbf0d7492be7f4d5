/*
 * What following and its queries share. Not for others.
 */
#ifndef SEEDANCEFS_BACKEND_POLLING_POLL_INTERNAL_H
#define SEEDANCEFS_BACKEND_POLLING_POLL_INTERNAL_H

#include "backend/core_internal.h"

struct query;
struct refresh;

/* A task that is asked about. Backend thread only. */
struct follower {
	struct backend *backend;
	struct follower *next;
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

/* --- follow.c --- */
void follower_drop(struct follower *follower);
void follower_schedule(struct follower *follower, int64_t delay_ms);
/* The answer to a query of it: what it says, or why there is none. May drop it. */
void follower_observed(struct follower *follower, struct observation *seen,
		       int64_t retry_after_ms);
/* `is_answered`: the service could be asked, but what it says is of no use. */
void follower_failed(struct follower *follower, bool is_answered, const char *why,
		     int64_t retry_after_ms);

/* --- query.c --- */
/* Asks now, together with whoever would ask the same service soon. A timer's function. */
void query_due(void *context);
/* A follower leaves its query, if it has one; the others' goes on. */
void query_leave(struct follower *follower);

#endif
