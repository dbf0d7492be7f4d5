/*
 * Shared by the files of prefetching: prefetch.c (the order of jobs), piece.c (transfers)
 * and results.c (failures, complete and lost outputs). Backend thread only.
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
	bool starts;	 /* examine all known tasks */
	int64_t plan_ms; /* boot clock: when to compute the times of all jobs again */
	int64_t read_ms; /* boot clock: when somebody last waited for bytes */
};

/* An output that is not whole. */
struct prefetch_job {
	struct backend *backend;
	struct prefetch_job *next;
	uint64_t number;
	enum output_kind kind;

	struct media *media; /* open during the job's turn */
	bool has_begun;	     /* the job is due */
	bool is_complete;    /* all bytes are here; only durability and verification are
			   * missing */
	bool is_fetching;    /* a piece is being transferred */
	int64_t at_ms; /* boot clock: its next turn; INT64_MAX: only after an event */

	struct prefetch_life life;
	int64_t ahead_ms;  /* how far the service's clock is ahead of ours */
	uint64_t link;	   /* prefetch_link_number() of the link … */
	unsigned requests; /* … and the number of requests with it */

	bool lacks_room;    /* … on disk for the next piece; the task's note says so */
	unsigned failures;  /* consecutive ones */
	unsigned tries;	    /* failed attempts in total */
	bool was_refused;   /* at the last attempt */
	bool is_refreshing; /* waiting for a new link from the service */
	char why[200];	    /* the reason of the failure */
};

/* A number for a link, to be stored where the link itself must not be. */
uint64_t prefetch_link_number(const char *url);

/* --- prefetch.c --- */
struct prefetch_job *prefetch_job_add(struct backend *backend, uint64_t number,
				      enum output_kind kind);
bool prefetch_job_is_urgent(const struct prefetch_job *job);
/* Sets the timer for the next job, but not before `least_ms` from now. */
void prefetch_set_timer(struct backend *backend, int64_t least_ms);
struct prefetch_job *prefetch_job_find(const struct backend *backend, uint64_t number,
				       enum output_kind kind);
void prefetch_job_drop(struct prefetch_job *job);
/* Computes the life of the link again, and the job's time unless it is due. */
void prefetch_job_plan(struct prefetch_job *job, const struct task_view *view);
/* Ends the job's turn; the next one is after the delay (INT64_MAX: after an event). */
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
/* There is no space for the next piece, which was not requested: retries soon. */
void prefetch_no_room(struct prefetch_job *job);
/*
 * The job failed: its next turn is after at least `least_ms`, or its output is lost. May
 * free the job.
 */
void prefetch_job_retry(struct prefetch_job *job, int64_t least_ms);

#endif
