#include "backend/media/stream/background.h"
#include "backend/media/stream/stream_internal.h"

#include "backend/media/store/writer.h"

struct media_id media_id(const struct media *media)
{
	return (struct media_id){ media->number, media->kind, media->version };
}

struct backend *media_backend(const struct media *media)
{
	return media->backend;
}

struct media_file *media_file_of(const struct media *media)
{
	return media->file;
}

void media_set_job(struct media *media, struct prefetch_job *job)
{
	media->job = job;
}

struct prefetch_job *media_job(const struct media *media)
{
	return media->job;
}

/* --- pieces --- */

bool media_may_request(const struct media *media)
{
	return !media->is_stale && !media->is_refreshing &&
	       !timer_is_set(&media->retry) &&
	       !media_writer_is_stuck(media->backend->streaming->writer);
}

bool media_has_transfers(const struct media *media)
{
	return media->transfers != NULL;
}

int media_start_piece(struct media *media, uint64_t start, uint64_t end, bool yields)
{
	int r = media_start_transfer(media, start, end, end);

	if (r)
		return r;
	media->transfers->is_background = true; /* the new transfer is the first */
	media->transfers->yields = yields;
	return 0;
}

bool media_has_piece(const struct media *media)
{
	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (transfer->is_background)
			return true;
	return false;
}

bool media_stop_pieces(struct media *media, uint64_t bytes_least)
{
	bool has_stopped = false;
	struct transfer *next;

	for (struct transfer *transfer = media->transfers; transfer; transfer = next) {
		next = transfer->next;
		if (!transfer->is_background ||
		    transfer->end - transfer->position < bytes_least)
			continue;
		media_stop_transfer(transfer);
		has_stopped = true;
	}
	return has_stopped;
}

/* --- readers --- */

bool media_is_wanted(struct media *media)
{
	return media_has_waits(media) || media->wants_all;
}

static bool is_read(struct media *media)
{
	if (media_has_waits(media))
		return true;
	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (!transfer->is_background)
			return true;
	return false;
}

bool media_any_is_read(struct backend *backend)
{
	for (struct media *media = media_first(backend); media; media = media->next)
		if (is_read(media))
			return true;
	return false;
}

/* --- results --- */

void media_make_durable(struct media *media)
{
	media->needs_sync = !media_file_is_synced(media->file);
	media_start_tick(media);
}

void media_set_stale(struct media *media)
{
	media->is_stale = true;
}
