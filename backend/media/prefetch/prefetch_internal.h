/*
 * The inside of prefetching: prefetch.c (whose turn it is), piece.c (what is fetched) and
 * results.c (what failed, what is whole, what is lost).
 * Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_INTERNAL_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_INTERNAL_H

#include "backend/base/timers.h"
#include "backend/media/prefetch/plan.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/stream/background.h"
#include "backend/tasks/task.h"

/* backend->prefetching */
struct prefetching {
	struct prefetch_job *jobs;
	struct timer timer;
	bool starts;	 /* everything that is known is to be looked at */
	int64_t plan_ms; /* boot clock: the times of all jobs are computed again */
	int64_t read_ms; /* boot clock: somebody waited for bytes */
};

/* An output that is not whole. */
struct prefetch_job {
	struct backend *backend;
	struct prefetch_job *next;
	uint64_t number;
	enum output_kind kind;

	struct media *media; /* open while it is its turn */
	bool has_begun;	     /* its time came */
	bool is_complete; /* nothing is to be fetched: durability and a check are missing
			   */
	bool is_fetching; /* a piece is on its way */
	int64_t at_ms;	  /* boot clock, of its next turn; INT64_MAX: not by itself */

	struct prefetch_life life;
	int64_t ahead_ms;  /* the service's clock, of ours */
	uint64_t link;	   /* prefetch_link_number() of the one … */
	unsigned requests; /* … that so many requests were made with */

	bool lacks_room;    /* … on disk for the next piece; the task's note says so */
	unsigned failures;  /* in a row */
	unsigned tries;	    /* that failed, in all */
	bool was_refused;   /* the last one */
	bool is_refreshing; /* the service is asked for a fresh link */
	char why[200];	    /* … it failed */
};

/* A name for a link that can be kept where the link itself must not be. */
uint64_t prefetch_link_number(const char *url);

/* --- prefetch.c --- */
struct prefetch_job *prefetch_job_add(struct backend *backend, uint64_t number,
				      enum output_kind kind);
bool prefetch_job_is_urgent(const struct prefetch_job *job);
/* At the next one's time, but not before `least_ms` from now. */
void prefetch_set_timer(struct backend *backend, int64_t least_ms);
struct prefetch_job *prefetch_job_find(const struct backend *backend, uint64_t number,
				       enum output_kind kind);
void prefetch_job_drop(struct prefetch_job *job);
/* Reckons its link's life anew, and its time if that has not come yet. */
void prefetch_job_plan(struct prefetch_job *job, const struct task_view *view);
/* Its turn is over; the next one is so much later (INT64_MAX: is told). */
void prefetch_job_release(struct prefetch_job *job, int64_t delay_ms);

/* --- piece.c: stream_events --- */
void prefetch_reader_waits(struct backend *backend);
void prefetch_pumped(struct media *media);
bool prefetch_lacks_room(const struct media *media);

/* --- results.c --- */
/* stream_events. */
bool prefetch_failed(struct media *media, const struct media_failure *failure);
void prefetch_gave_up(struct media *media, const char *why);
void prefetch_disk_failed(struct media *media, const char *why);
void prefetch_whole(struct media *media);
/* There is no room for the next piece, which was not asked for: looked at again soon. */
void prefetch_no_room(struct prefetch_job *job);
/* It failed: its next turn is later, `least_ms` at the least;
 * or it is lost. May drop it. */
void prefetch_job_retry(struct prefetch_job *job, int64_t least_ms);

#endif
