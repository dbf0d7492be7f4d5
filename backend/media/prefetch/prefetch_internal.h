/*
 * The inside of keeping, which its rooms share: keep.c (whose turn it is), keep_piece.c
 * (what is fetched) and keep_outcome.c (what failed, what is whole, what is lost).
 * Backend thread only.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_INTERNAL_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PREFETCH_INTERNAL_H

#include "backend/media/prefetch/prefetch.h"
#include "backend/media/prefetch/plan.h"

/* An output that is not whole. */
struct keeper {
	struct backend *backend;
	struct keeper *next;
	uint64_t number;
	enum output_kind kind;

	struct media *media; /* open while it is its turn */
	bool has_begun;	     /* its time came */
	bool is_complete; /* nothing is to be fetched: durability and a check are missing
			   */
	bool is_fetching; /* a piece is on its way */
	int64_t at_ms;	  /* boot clock, of its next turn; INT64_MAX: not by itself */

	struct keep_life life;
	int64_t ahead_ms;  /* the service's clock, of ours */
	uint64_t link;	   /* keep_link_number() of the one … */
	unsigned requests; /* … that so many requests were made with */

	bool lacks_room;    /* … on disk for the next piece; the task's note says so */
	unsigned failures;  /* in a row */
	unsigned tries;	    /* that failed, in all */
	bool was_refused;   /* the last one */
	bool is_refreshing; /* the service is asked for a fresh link */
	char why[200];	    /* … it failed */
};

/* A name for a link that can be kept where the link itself must not be. */
uint64_t keep_link_number(const char *url);

/* --- keep.c --- */
struct keeper *keeper_add(struct backend *backend, uint64_t number,
			  enum output_kind kind);
bool keeper_is_urgent(const struct keeper *keeper);
/* At the next one's time, but not before `least_ms` from now. */
void keep_set_timer(struct backend *backend, int64_t least_ms);
struct keeper *keeper_find(const struct backend *backend, uint64_t number,
			   enum output_kind kind);
void keeper_drop(struct keeper *keeper);
/* Reckons its link's life anew, and its time if that has not come yet. */
void keeper_plan(struct keeper *keeper, const struct task_view *view);
/* Its turn is over; the next one is so much later (INT64_MAX: is told). */
void keeper_release(struct keeper *keeper, int64_t delay_ms);

/* --- keep_outcome.c --- */
/* It failed: its next turn is later, `least_ms` at the least; or it is lost. May drop it.
 */
void keeper_retry(struct keeper *keeper, int64_t least_ms);

#endif
