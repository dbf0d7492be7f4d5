/*
 * When to fetch bytes in the background, and in which pieces. Pure; prefetch.h carries it
 * out.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PLAN_H
#define SEEDANCEFS_BACKEND_MEDIA_PREFETCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A link may allow only 100 requests (providers/README.md, 6.3), and there is no other
 * link.
 */
#define KEEP_REQUESTS_LOW 64

/* The life of a link, in wall-clock ms. */
struct prefetch_life {
	int64_t begin_ms; /* the task succeeded */
	int64_t end_ms;	  /* the link expires */
};

/*
 * When to fetch the rest of a file: with half of the link's life left, and with a night's
 * sleep of a laptop left if the link lives long enough.
 */
int64_t prefetch_begin_ms(const struct prefetch_life *life);

/*
 * Whether to fetch even while somebody reads: the link is in the last tenth of its life,
 * or nearly used up.
 */
bool prefetch_is_urgent(const struct prefetch_life *life, unsigned requests,
			int64_t now_ms);

/* The order of fetching: by this rank. */
struct prefetch_rank {
	bool is_urgent;
	int64_t end_ms;
};
bool prefetch_goes_first(const struct prefetch_rank *a, const struct prefetch_rank *b);

/* The size of the pieces of a file: few pieces, and no small ones. */
uint64_t prefetch_piece_bytes(uint64_t size);

/*
 * The delay after consecutive failures, for a link with `left_ms` to live (negative: it
 * has expired): it grows, but leaves time for another attempt before the end.
 */
int64_t prefetch_retry_ms(unsigned failures, int64_t left_ms);

#endif
