/*
 * When bytes are fetched although nobody reads, and in which pieces. Pure: prefetch.h does
 * it.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PLAN_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* A link may allow 100 requests (providers/README.md, 6.3), and there is no other one. */
#define KEEP_REQUESTS_LOW 64

/* A link's life, ms on the wall clock. */
struct prefetch_life {
	int64_t begin_ms; /* the task succeeded */
	int64_t end_ms;	  /* it dies */
};

/*
 * When the rest of a file shall be fetched: half of the link's life is left then, and a
 * night's sleep of a laptop if it lives that long at all.
 */
int64_t prefetch_begin_ms(const struct prefetch_life *life);

/* It goes on now, whoever reads: the link is in its last tenth, or nearly used up. */
bool prefetch_is_urgent(const struct prefetch_life *life, unsigned requests,
			int64_t now_ms);

/* Whether `a` is fetched before `b`. */
struct prefetch_rank {
	bool is_urgent;
	int64_t end_ms;
};
bool prefetch_goes_first(const struct prefetch_rank *a, const struct prefetch_rank *b);

/* The pieces of a file: few, and none small. */
uint64_t prefetch_piece_bytes(uint64_t size);

/*
 * How long to wait after so many failures in a row, when the link has `left_ms` to live
 * (negative: it should be dead): longer and longer, but with another try before its end.
 */
int64_t prefetch_retry_ms(unsigned failures, int64_t left_ms);

#endif
