/*
 * Decides which bytes of a media are fetched next.
 *
 * A sequential reader is a run. At first exactly the bytes that it needs are fetched,
 * then growing ranges; the next range begins while the reader is still in the first half
 * of the present bytes. A run that proved to read much has a single request for all
 * remaining bytes, which pauses ahead of it. A reader that needs a block in transfer
 * waits for that transfer.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/clock.h"

#include <errno.h>

#define WINDOW_FIRST_BYTES (256u << 10)
#define WINDOW_MOST_BYTES (32u << 20)
#define WINDOW_GROWTH 4
/*
 * A first read of this size at the file's start is a bulk reader: cp, cat, dd. Programs
 * that only inspect a file read less at once.
 */
#define BULK_READ_BYTES (256u << 10)
#define BULK_FIRST_BYTES (2u << 20)
/* A run of this length reads much. */
#define BULK_RUN_BYTES (2u << 20)
/*
 * Until a reader has read this far sequentially, only the bytes that it waits for are
 * fetched.
 */
#define PROOF_BYTES (1u << 20)
/* Bytes at most this far behind a limit are waited for, without a separate request. */
#define REACH_BYTES (8u << 20)
/* Reordered readahead within this distance still counts as sequential. */
#define NEAR_BYTES (1u << 20)
#define ALL_FAILURES_MAX 20 /* in a row, without waiting readers */

/* --- present and claimed bytes --- */

static uint64_t next_of(const struct transfer *transfer)
{
	return transfer->chunk ? transfer->chunk->offset : transfer->position;
}

/*
 * The end of the bytes that the transfer claims: its limit, which one piece may exceed.
 */
static uint64_t claim_end(const struct transfer *transfer)
{
	uint64_t begun = media_is_at_limit(transfer) ? 0 : MEDIA_BLOCK_BYTES - 1;
	uint64_t taken = (transfer->position + begun) / MEDIA_BLOCK_BYTES *
			 MEDIA_BLOCK_BYTES; /* including the block in progress */
	uint64_t end = transfer->limit > taken ? transfer->limit : taken;

	if (transfer->yields && end > taken + REACH_BYTES)
		end = taken + REACH_BYTES;
	return end < transfer->end ? end : transfer->end;
}

static bool is_claimed(const struct media *media, uint64_t offset, uint64_t *ret_end)
{
	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (offset >= next_of(transfer) && offset < claim_end(transfer)) {
			*ret_end = claim_end(transfer);
			return true;
		}
	return false;
}

/* The end of a range that begins at `start`: before the next present or claimed block. */
static uint64_t free_end(const struct media *media, uint64_t start, uint64_t wanted_end)
{
	uint64_t size = media_file_size(media->file),
		 end = media_file_next_present(media->file, start);

	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (next_of(transfer) > start && next_of(transfer) < end)
			end = next_of(transfer);
	wanted_end = (wanted_end + MEDIA_BLOCK_BYTES - 1) / MEDIA_BLOCK_BYTES *
		     MEDIA_BLOCK_BYTES;
	if (wanted_end < end)
		end = wanted_end;
	return end < size ? end : size;
}

/* The end of the present or claimed bytes that begin at `offset`. */
static uint64_t frontier(const struct media *media, uint64_t offset)
{
	uint64_t size = media_file_size(media->file), at = offset, claimed_end;

	while (at < size) {
		at = media_file_next_missing(media->file, at);
		if (!is_claimed(media, at, &claimed_end))
			break;
		at = claimed_end;
	}
	return at;
}

/*
 * Bytes that the disk does not accept must be read before too many others arrive: the
 * transfers run one after the other.
 */
static bool has_enough(const struct media *media)
{
	return media_lacks_disk(media) && media->transfers && media->transfers->next;
}

/*
 * How far ahead of a run to fetch: never more than it has read so far, except for a bulk
 * run.
 */
static uint64_t ahead_of(const struct media *media, const struct run *run)
{
	uint64_t most = media_most_ahead(media),
		 length = run ? run->next - run->first : 0;

	if (!run || !run->is_proven)
		return 0;
	if (!run->is_bulk && most > length)
		most = length > WINDOW_FIRST_BYTES ? length : WINDOW_FIRST_BYTES;
	return run->window < most ? run->window : most;
}

static int start(struct media *media, uint64_t missing, uint64_t end, uint64_t ahead,
		 bool is_bulk)
{
	uint64_t limit = end > missing + ahead ? end : missing + ahead;
	uint64_t stop =
		free_end(media, missing, is_bulk ? media_file_size(media->file) : limit);

	return media_start_transfer(media,
				    missing / MEDIA_BLOCK_BYTES * MEDIA_BLOCK_BYTES, stop,
				    limit);
}

/* Extends a running transfer close before `offset` up to `end`. False: none is close. */
static bool reach(struct media *media, uint64_t offset, uint64_t end, uint64_t *ret_end)
{
	for (struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next) {
		if (transfer->yields || offset < transfer->limit ||
		    offset >= transfer->end || offset - transfer->limit > REACH_BYTES)
			continue;
		transfer->limit = end < transfer->end ? end : transfer->end;
		*ret_end = transfer->limit;
		return true;
	}
	return false;
}

/*
 * Ensures that the missing bytes of the range are in transfer, and `ahead` bytes after
 * it; for a bulk reader, with one request for all remaining bytes.
 */
static int provide(struct media *media, uint64_t offset, uint64_t end, uint64_t ahead,
		   bool is_bulk)
{
	uint64_t missing = media_file_next_missing(media->file, offset), claimed_end;

	while (missing < end) {
		int r;

		if (is_claimed(media, missing, &claimed_end) ||
		    reach(media, missing, end > missing + ahead ? end : missing + ahead,
			  &claimed_end)) {
			missing = media_file_next_missing(media->file, claimed_end);
			continue;
		}
		if (has_enough(media) && !media_stop_paused(media))
			return 0;
		r = start(media, missing, end, ahead, is_bulk);
		if (r)
			return r;
		if (is_claimed(media, missing, &claimed_end))
			missing = media_file_next_missing(media->file, claimed_end);
	}
	return 0;
}

/* --- runs --- */

/* The run that a read belongs to; a new run replaces the least recently used one. */
static struct run *find_run(struct media *media, uint64_t offset, uint64_t end)
{
	struct run *oldest = &media->runs[0];
	int64_t now_ms = clock_boot_ms();

	for (size_t i = 0; i < MEDIA_RUNS_MAX; i++) {
		struct run *run = &media->runs[i];

		/* It may have read the bytes in its window without being seen here. */
		if (run->window && offset + NEAR_BYTES >= run->next &&
		    offset <= run->next + run->window + NEAR_BYTES) {
			if (end > run->next)
				run->next = end;
			run->used_ms = now_ms;
			return run;
		}
		if (run->used_ms < oldest->used_ms)
			oldest = run;
	}
	*oldest = (struct run){ .first = offset, .next = end, .used_ms = now_ms };
	if (offset == 0 && end >= BULK_READ_BYTES) {
		oldest->is_bulk = oldest->is_proven = true;
		oldest->window = BULK_FIRST_BYTES;
		oldest->grown = end;
	}
	return oldest;
}

/*
 * A reader that had to wait, and has read half the window since the last time, proves
 * that the window is too small.
 */
static void grow_window(struct run *run, uint64_t read_bytes)
{
	if (run->next - run->first >= BULK_RUN_BYTES)
		run->is_bulk = run->is_proven = true;
	if (!run->window)
		run->window = read_bytes > WINDOW_FIRST_BYTES / 2 ? 2 * read_bytes
								  : WINDOW_FIRST_BYTES;
	else if (run->window < WINDOW_MOST_BYTES &&
		 run->next - run->grown >= run->window / 2)
		run->window *= WINDOW_GROWTH;
	else
		return;
	if (run->window > WINDOW_MOST_BYTES)
		run->window = WINDOW_MOST_BYTES;
	run->is_proven = run->grown != 0;
	run->grown = run->next;
}

/* Extends the transfer that a bulk reader follows ahead of it. */
static void extend(struct media *media, const struct run *run)
{
	uint64_t limit = run->next + ahead_of(media, run);

	if (!run->is_bulk)
		return;
	for (struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (run->next + NEAR_BYTES >= transfer->start &&
		    run->next <= claim_end(transfer) + REACH_BYTES &&
		    transfer->limit < limit)
			transfer->limit = limit < transfer->end ? limit : transfer->end;
	media_resume(media);
}

/*
 * Two simultaneous ranges of one reader would only take bandwidth from the one that it
 * waits for.
 */
static bool is_behind_transfer(const struct media *media, uint64_t offset)
{
	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (transfer->end == offset && !transfer->is_ending)
			return true;
	return false;
}

static bool goes_ahead(const struct run *run)
{
	return run->is_proven && (run->is_bulk || run->next - run->first >= PROOF_BYTES);
}

/* Keeps a run's window in transfer, and sets the mark at which its reader must report. */
static void go_ahead(struct media *media, struct run *run)
{
	uint64_t size = media_file_size(media->file), end, mark = UINT64_MAX;
	bool is_held;

	extend(media, run);
	end = frontier(media, run->next);
	is_held = is_behind_transfer(media, end);
	if (goes_ahead(run) && end < size && end - run->next <= run->window / 2 &&
	    !is_held) {
		if (!provide(media, end, end + 1, ahead_of(media, run), run->is_bulk))
			end = frontier(media, run->next);
	}
	if (end < size && run->is_proven && !is_held)
		mark = end > run->window / 2 ? end - run->window / 2 : 0;
	atomic_store_explicit(&media->mark, mark, memory_order_relaxed);
}

static bool may_start(const struct media *media)
{
	return !media->is_stale && !media->is_refreshing && !timer_is_set(&media->retry);
}

void media_follow_read(struct media *media, uint64_t offset, uint64_t end)
{
	struct run *run = find_run(media, offset, end);
	uint64_t missing = media_file_next_missing(media->file, offset), ignored;

	if (missing < end)
		media->backend->streaming->events->reader_waits(media->backend);
	if (missing < end && may_start(media)) {
		grow_window(run, end - offset);
		extend(media, run);
		if (run->is_proven && !is_claimed(media, missing, &ignored))
			provide(media, offset, end, ahead_of(media, run), run->is_bulk);
	}
	if (!timer_is_set(&media->retry))
		media_pump(media);
	go_ahead(media, run);
}

void media_follow_reader(struct media *media, uint64_t offset)
{
	if (may_start(media))
		go_ahead(media, find_run(media, offset, offset));
}

void media_ahead_due(void *context)
{
	struct media *media = context;

	for (size_t i = 0; i < MEDIA_RUNS_MAX && may_start(media); i++) {
		struct run *run = &media->runs[i];

		if (run->is_proven && run->next <= media->ahead_at &&
		    media->ahead_at - run->next <= run->window)
			go_ahead(media, run);
	}
}

/* --- the complete file --- */

/* Bytes that are here but not yet on disk are not fetched again. */
static void provide_all(struct media *media)
{
	uint64_t size = media_file_size(media->file),
		 missing = media_file_next_missing(media->file, 0);

	if (!media->transfers && missing < size &&
	    !media_start_transfer(media, missing, free_end(media, missing, size), size))
		media->transfers->yields = true;
}

/* Limits the failed requests for a complete file without waiting readers. */
static bool is_hopeless(const struct media *media)
{
	return media->wants_all && !media->waits && media->failures > ALL_FAILURES_MAX;
}

/*
 * The range that waiting reads request around one of them: the kernel splits a large read
 * into many, which are one request here.
 */
static void join_waits(const struct media *media, const struct media_read *wait,
		       uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t start = wait->offset, end = wait->end;
	bool has_grown = true;

	while (has_grown) {
		has_grown = false;
		for (const struct media_read *other = media->waits; other;
		     other = other->next) {
			if (other->offset > end || other->end < start ||
			    (other->offset >= start && other->end <= end))
				continue;
			start = other->offset < start ? other->offset : start;
			end = other->end > end ? other->end : end;
			has_grown = true;
		}
	}
	*ret_start = start;
	*ret_end = end;
}

/* Requests a failed range that a read waits for again, up to its original end. */
static int provide_again(struct media *media, const struct media_read *wait)
{
	bool is_in_it =
		wait->offset >= media->again_start && wait->offset < media->again_end;

	uint64_t start, end;

	join_waits(media, wait, &start, &end);
	return provide(media, start, end, is_in_it ? media->again_end - wait->offset : 0,
		       is_in_it && media->again_is_bulk);
}

/* Starts the transfers of missing bytes for waiting reads. */
void media_pump(struct media *media)
{
	int r = 0;

	if (media->is_refreshing)
		return;
	media_answer_ready(media);
	if (media->is_stale) {
		media_answer_all(media, -EIO);
		return;
	}
	for (struct media_read *wait = media->waits; wait && !r; wait = wait->next)
		r = provide_again(media, wait);
	if (media->waits)
		media->again_start = media->again_end = 0;
	media_resume(media);
	if (media_file_is_complete(media->file))
		media->wants_all = false;
	if (is_hopeless(media))
		media_give_up(media, media->trouble ? media->trouble : "no answer");
	if (!r && media->wants_all)
		provide_all(media);
	if (!r)
		media->backend->streaming->events->pumped(media);
	if (r)
		media_give_up(media,
			      r == -ENOLINK
				      ? "the provider is no longer in the configuration"
				      : "out of memory");
	if (!media_is_idle(media))
		media_start_tick(media);
}
