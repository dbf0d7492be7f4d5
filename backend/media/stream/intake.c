/*
 * The bytes that transfers receive: from curl's pieces to chunks that readers find and
 * the writer writes to disk; and when transfers pause.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/http/http.h"
#include "backend/media/store/writer.h"

#include <errno.h>
#include <string.h>

#define RESERVE_BYTES (4u << 20)
#define WORTH_BYTES (64u << 10)

/* --- staging --- */

/*
 * Reserves disk space, because writing costs less then; in steps, so that an abandoned
 * transfer leaves little of it.
 */
static void reserve(struct transfer *transfer, struct media_chunk *chunk)
{
	uint64_t to = chunk->offset + RESERVE_BYTES;

	if (chunk->offset + chunk->size <= transfer->reserved)
		return;
	chunk->reserve_end = to < transfer->end ? to : transfer->end;
	transfer->reserved = chunk->reserve_end;
}

/*
 * Missing blocks became complete: earlier failures are over. Only a transfer that brought
 * enough bytes resets the back-off: some servers break off repeatedly.
 */
static void note_progress(struct transfer *transfer, uint64_t bytes)
{
	struct media *media = transfer->media;

	transfer->brought += bytes;
	media->progress_ms = clock_boot_ms();
	for (struct media_read *wait = media->waits; wait; wait = wait->next)
		if (wait->offset < transfer->end && wait->end > transfer->start)
			wait->since_ms = media->progress_ms;
	media->refusals = 0;
	media_set_trouble(media, NULL);
	if (transfer->brought >= WORTH_BYTES)
		media->failures = 0;
}

/* Readers find the chunk from now on, and it is written to disk. Takes over the chunk. */
static void stage(struct transfer *transfer, struct media_chunk *chunk)
{
	struct media *media = transfer->media;

	reserve(transfer, chunk);
	if (!media_file_has(media->file, chunk->offset, chunk->size))
		note_progress(transfer, chunk->size);
	media_file_stage(media->file, chunk);
	if (media_file_disk_error(media->file) && !media->has_no_room)
		atomic_store(&media->backend->streaming->has_written,
			     true); /* people are notified */
	if (media_writer_is_stuck(media->backend->streaming->writer))
		media_file_keep_chunk(media->file, chunk);
	else
		media_writer_add(media->backend->streaming->writer, media->file, chunk);
	media_chunk_unref(chunk);
	media_answer_ready(media);
}

/* The end of a transfer's last block: it may bring only the first part of the block. */
static uint64_t last_block_end(const struct transfer *transfer)
{
	uint64_t size = media_file_size(transfer->media->file);
	uint64_t end = (transfer->end + MEDIA_BLOCK_BYTES - 1) / MEDIA_BLOCK_BYTES *
		       MEDIA_BLOCK_BYTES;

	return end < size ? end : size;
}

/*
 * A chunk at `position`, which ends at a round offset, so that the page cache stores it
 * in one large folio.
 */
static struct media_chunk *chunk_at(struct transfer *transfer, uint64_t position)
{
	uint64_t end = (position / MEDIA_CHUNK_BYTES + 1) * MEDIA_CHUNK_BYTES;

	if (end > last_block_end(transfer))
		end = last_block_end(transfer);
	return media_chunk_create(&transfer->media->backend->streaming->chunks, position,
				  (size_t)(end - position));
}

int media_take_in(struct transfer *transfer, const char *bytes, size_t size)
{
	while (size) {
		struct media_chunk *chunk = transfer->chunk;
		size_t room, part;

		if (!chunk)
			chunk = transfer->chunk = chunk_at(transfer, transfer->position);
		if (!chunk)
			return -ENOMEM;
		room = chunk->capacity - chunk->size;
		part = size < room ? size : room;
		memcpy(chunk->bytes + chunk->size, bytes, part);
		chunk->size += part;
		transfer->position += part;
		bytes += part;
		size -= part;
		if (chunk->size == chunk->capacity)
			stage(transfer, TAKE(transfer->chunk));
	}
	return 0;
}

/*
 * Splits off the chunk's complete blocks, by copying the smaller part; NULL: no memory.
 * The transfer keeps the rest.
 */
static struct media_chunk *split(struct transfer *transfer, size_t whole)
{
	struct media_chunk *chunk = transfer->chunk, *other;
	size_t rest = chunk->size - whole;
	bool is_mostly_full = whole >= MEDIA_CHUNK_BYTES / 2;

	other = is_mostly_full
			? chunk_at(transfer, chunk->offset + whole)
			: media_chunk_create(&transfer->media->backend->streaming->chunks,
					     chunk->offset, whole);
	if (!other)
		return NULL;
	if (is_mostly_full) {
		memcpy(other->bytes, chunk->bytes + whole, rest);
		other->size = rest;
		chunk->size = whole;
		transfer->chunk = other;
		return chunk;
	}
	memcpy(other->bytes, chunk->bytes, whole);
	other->size = whole;
	memmove(chunk->bytes, chunk->bytes + whole, rest);
	chunk->offset += whole;
	chunk->size = rest;
	chunk->capacity -= whole;
	return other;
}

/* Stages the bytes received so far, except for an incomplete block. */
void media_stage_blocks(struct transfer *transfer)
{
	size_t whole = transfer->chunk ? transfer->chunk->size / MEDIA_BLOCK_BYTES *
						 MEDIA_BLOCK_BYTES
				       : 0;
	struct media_chunk *blocks = whole ? split(transfer, whole) : NULL;

	if (blocks)
		stage(transfer, blocks);
}

/* The transfer ends here, complete or not. */
void media_stage_rest(struct transfer *transfer)
{
	media_stage_blocks(transfer);
	media_chunk_unref(transfer->chunk);
	transfer->chunk = NULL;
}

/* --- pausing --- */

uint64_t media_most_ahead(const struct media *media)
{
	return media_lacks_disk(media) ? MEDIA_HOMELESS_BYTES / 4 : UINT64_MAX;
}

bool media_is_waited_for(const struct transfer *transfer)
{
	struct media *media = transfer->media;

	if (!media_has_waits(media))
		return false;
	for (const struct media_read *wait = media->waits; wait; wait = wait->next)
		if (wait->end > transfer->position && wait->offset < transfer->end)
			return true;
	return false;
}

bool media_is_at_limit(const struct transfer *transfer)
{
	return transfer->position >= transfer->limit && transfer->limit < transfer->end;
}

/*
 * The reader is far behind; or the disk is slow; or the disk accepts nothing, and readers
 * take nothing at the moment.
 */
bool media_must_pause(const struct transfer *transfer)
{
	const struct media *media = transfer->media;
	struct media_writer *writer = media->backend->streaming->writer;

	return media_is_at_limit(transfer) ||
	       (media_writer_is_full(writer) && !media_writer_is_stuck(writer)) ||
	       (media_file_homeless(media->file) > MEDIA_HOMELESS_BYTES / 2 &&
		!media_is_waited_for(transfer));
}

/* Accepting more may end the transfer, but not within the call: a turn does that. */
void media_resume(struct media *media)
{
	for (struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (transfer->is_paused && !media_must_pause(transfer)) {
			transfer->is_paused = false;
			transfer->is_held = false;
			transfer->paused_ms = 0;
			http_resume(transfer->call);
		}
}
