#include "backend/media/prefetch/plan.h"

#include "backend/base/cleanup.h"

#define NIGHT_MS INT64_C(43200000)
#define PIECES_MOST 16u
#define PIECE_LEAST_BYTES (UINT64_C(8) << 20)
#define PIECE_STEP_BYTES (UINT64_C(1) << 20)
#define RETRY_LEAST_MS 1000 /* with less than twice that to live: after its end */

int64_t prefetch_begin_ms(const struct prefetch_life *life)
{
	int64_t half_ms = life->begin_ms + (life->end_ms - life->begin_ms) / 2;
	int64_t night_ms = life->end_ms - NIGHT_MS;
	int64_t at_ms = half_ms < night_ms ? half_ms : night_ms;

	return at_ms > life->begin_ms ? at_ms : life->begin_ms;
}

bool prefetch_is_urgent(const struct prefetch_life *life, unsigned requests,
			int64_t now_ms)
{
	int64_t tenth_ms = (life->end_ms - life->begin_ms) / 10;

	return requests >= KEEP_REQUESTS_LOW || now_ms >= life->end_ms - tenth_ms;
}

bool prefetch_goes_first(const struct prefetch_rank *a, const struct prefetch_rank *b)
{
	if (a->is_urgent != b->is_urgent)
		return a->is_urgent;
	return a->end_ms < b->end_ms;
}

uint64_t prefetch_piece_bytes(uint64_t size)
{
	uint64_t bytes = (size + PIECES_MOST - 1) / PIECES_MOST;

	bytes = (bytes + PIECE_STEP_BYTES - 1) / PIECE_STEP_BYTES * PIECE_STEP_BYTES;
	return bytes > PIECE_LEAST_BYTES ? bytes : PIECE_LEAST_BYTES;
}

int64_t prefetch_retry_ms(unsigned failures, int64_t left_ms)
{
	static const int64_t steps_ms[] = { 2000,   5000,   15000,   60000,
					    300000, 900000, 3600000, 10800000 };
	unsigned last = ARRAY_SIZE(steps_ms) - 1;
	unsigned step = failures ? failures - 1 : 0;
	int64_t ms = steps_ms[step < last ? step : last];

	if (left_ms <= 0 || ms <= left_ms / 2)
		return ms;
	return left_ms / 2 > RETRY_LEAST_MS ? left_ms / 2 : left_ms + RETRY_LEAST_MS;
}
