/*
 * The pieces of a file that is fetched although nobody reads, and what is learnt of its
 * link on the way.
 */
#include "backend/media/prefetch/prefetch.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/media/prefetch/prefetch_internal.h"
#include "backend/media/media_internal.h"

#include <errno.h>
#include <string.h>

#define QUIET_MS 1000
#define SYNC_MS 120000	      /* what is not durable by then is looked at again */
#define STOP_BYTES (4u << 20) /* a piece with less to go is not stopped */
#define STOP_REQUESTS 32      /* used with the link: from here on no piece is stopped */

/* --- pieces --- */

/* The last missing byte's end. */
static uint64_t missing_end(const struct media_file *file)
{
	uint64_t size = media_file_size(file), at = 0, end = 0;

	while ((at = media_file_next_missing(file, at)) < size)
		at = end = media_file_next_present(file, at);
	return end;
}

/* Where a link is nearly used up, one request fetches the rest, what is here among it. */
static int start_piece(struct keeper *keeper, struct media *media)
{
	const struct media_file *file = media->file;
	uint64_t start = media_file_next_missing(file, 0),
		 end = media_file_next_present(file, start),
		 most = start + keep_piece_bytes(media_file_size(file));
	int r;

	if (keeper->requests >= KEEP_REQUESTS_LOW)
		end = missing_end(file);
	else if (end > most)
		end = most;
	r = media_start_transfer(media, start, end, end);
	if (r)
		return r;
	media->transfers->is_background = true;
	media->transfers->yields = keeper->requests < STOP_REQUESTS;
	keeper->is_fetching = true;
	return 0;
}

/* At most. */
static uint64_t piece_bytes(const struct keeper *keeper, const struct media *media)
{
	uint64_t size = media_file_size(media->file),
		 left = size - media_file_kept(media->file);
	uint64_t piece = keep_piece_bytes(size);

	return keeper->requests >= KEEP_REQUESTS_LOW || left < piece ? left : piece;
}

/* It is made durable and checked with the media's ticks, which end in keep_whole(). */
static void finish(struct keeper *keeper, struct media *media)
{
	keeper->failures = 0;
	keeper->is_complete = true;
	keeper->lacks_room = false;
	media->needs_sync = !media_file_is_synced(media->file);
	media_start_tick(media);
	keeper_release(keeper, SYNC_MS);
}

static bool has_piece(const struct media *media)
{
	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (transfer->is_background)
			return true;
	return false;
}

void keep_go_on(struct media *media)
{
	struct keeper *keeper = media->keeper;

	if (!keeper)
		return;
	if (media_file_is_complete(media->file)) {
		finish(keeper, media);
	} else if (has_piece(media)) {
		return;
	} else if (keeper->is_fetching) {
		keeper->failures = 0;
		keeper_release(keeper, 0);
	} else if (media->transfers && keeper->requests < KEEP_REQUESTS_LOW) {
		return; /* a reader's: comes back at its end */
	} else if (media->is_stale || media->is_refreshing ||
		   timer_is_set(&media->retry) ||
		   media_writer_is_stuck(media->backend->writer)) {
		keeper_release(keeper, QUIET_MS);
	} else if (media_file_next_missing(media->file, 0) >=
		   media_file_size(media->file)) {
		return; /* the last of it is on its way to the disk */
	} else if (!media_file_has_room(media->file, piece_bytes(keeper, media))) {
		keep_no_room(media); /* before the link is used */
	} else {
		keeper->lacks_room = false;
		if (start_piece(keeper, media))
			keeper_retry(keeper, 0);
	}
}

bool keep_lacks_room(const struct media *media)
{
	const struct keeper *keeper =
		keeper_find(media->backend, media->number, media->kind);

	return keeper && keeper->lacks_room;
}

static void stop_pieces(struct media *media)
{
	struct keeper *keeper = media->keeper;
	bool has_stopped = false;
	struct transfer *next;

	if (keeper_is_urgent(keeper) || keeper->requests >= STOP_REQUESTS)
		return;
	for (struct transfer *transfer = media->transfers; transfer; transfer = next) {
		next = transfer->next;
		if (!transfer->is_background ||
		    transfer->end - transfer->position <= STOP_BYTES)
			continue;
		media_stop_transfer(transfer);
		has_stopped = true;
	}
	if (has_stopped)
		keeper_release(keeper, 0);
}

void keep_yield(struct backend *backend)
{
	backend->read_ms = clock_boot_ms();
	for (struct media *media = media_first(backend); media; media = media->next)
		if (media->keeper)
			stop_pieces(media);
}

/* --- what is learnt on the way --- */

uint64_t keep_link_number(const char *url)
{
	uint64_t number = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (const char *at = url ? url : ""; *at; at++)
		number = (number ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return number;
}

void keep_count(struct backend *backend, uint64_t number, enum output_kind kind,
		const char *url, struct media_file *file)
{
	struct keeper *keeper = keeper_find(backend, number, kind);
	uint64_t link = keep_link_number(url);
	unsigned in_file = file ? media_file_count_requests(file, link, 1) : 0;

	if (!keeper && backend->config->keep != KEEP_LAZY)
		keeper = keeper_add(backend, number, kind);
	if (!keeper)
		return;
	if (keeper->link != link)
		keeper->requests = 0;
	keeper->link = link;
	keeper->requests++;
	if (file && in_file < keeper->requests)
		media_file_count_requests(file, link, keeper->requests - in_file);
	else if (in_file > keeper->requests)
		keeper->requests = in_file;
	if (keeper->requests < KEEP_REQUESTS_LOW || keeper->has_begun || keeper->media)
		return;
	keeper->at_ms = clock_boot_ms();
	keep_set_timer(backend, 0);
}

void keep_heard(struct backend *backend, uint64_t number, enum output_kind kind,
		struct media_file *file, const struct http_response *response)
{
	struct keeper *keeper = keeper_find(backend, number, kind);

	if (response->promise)
		media_file_set_promise(file, response->promise);
	if (keeper && response->date_ms)
		keeper->ahead_ms = response->date_ms - clock_wall_ms();
}
