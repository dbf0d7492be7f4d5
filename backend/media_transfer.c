/*
 * The ranges of a media that are on their way: how they begin, what they bring, how they
 * end; and what is done when one fails: again later, with a fresh link, or not at all.
 */
#include "backend/media_inside.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/content_range.h"
#include "backend/keep.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_LAST_MS 8000
#define IDLE_MS 5000
#define REFUSALS_MAX 2 /* of fresh links, in a row */
#define RESERVE_BYTES (4u << 20)

/* --- staging --- */

/* In steps, so that what is given up leaves little of it: writing costs less then. */
static void reserve(struct transfer *transfer, struct media_chunk *chunk)
{
	uint64_t to = chunk->offset + RESERVE_BYTES;

	if (chunk->offset + chunk->size <= transfer->reserved)
		return;
	chunk->reserve_end = to < transfer->end ? to : transfer->end;
	transfer->reserved = chunk->reserve_end;
}

/* Readers find it from now on, and it goes to disk. Takes the chunk over. */
static void stage(struct transfer *transfer, struct media_chunk *chunk)
{
	struct media *media = transfer->media;

	reserve(transfer, chunk);
	media_file_stage(media->file, chunk);
	if (media_writer_is_stuck(media->backend->writer))
		media_file_keep_chunk(media->file, chunk);
	else
		media_writer_add(media->backend->writer, media->file, chunk);
	media_chunk_unref(chunk);
	media_answer_ready(media);
}

/* A chunk at `position`, which ends at a round offset, so that the page cache takes it in
 * one large folio. */
static struct media_chunk *chunk_at(struct transfer *transfer, uint64_t position)
{
	uint64_t end = (position / MEDIA_CHUNK_BYTES + 1) * MEDIA_CHUNK_BYTES;

	if (end > transfer->end)
		end = transfer->end;
	return media_chunk_create(&transfer->media->backend->chunks, position,
				  (size_t)(end - position));
}

static int fill(struct transfer *transfer, const char *bytes, size_t size)
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

/* Splits off the chunk's whole blocks, by a copy of what is the smaller part; NULL: no
 * memory. The rest stays the transfer's. */
static struct media_chunk *split(struct transfer *transfer, size_t whole)
{
	struct media_chunk *chunk = transfer->chunk, *other;
	size_t rest = chunk->size - whole;
	bool is_mostly_full = whole >= MEDIA_CHUNK_BYTES / 2;

	other = is_mostly_full ? chunk_at(transfer, chunk->offset + whole)
			       : media_chunk_create(&transfer->media->backend->chunks,
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

/* What came so far is of use, but for a block that is not whole yet. */
static void stage_blocks(struct transfer *transfer)
{
	size_t whole = transfer->chunk ? transfer->chunk->size / MEDIA_BLOCK_BYTES *
						 MEDIA_BLOCK_BYTES
				       : 0;
	struct media_chunk *blocks = whole ? split(transfer, whole) : NULL;

	if (blocks)
		stage(transfer, blocks);
}

/* It ends here, whether it came to its end or not. */
static void stage_rest(struct transfer *transfer)
{
	stage_blocks(transfer);
	media_chunk_unref(transfer->chunk);
	transfer->chunk = NULL;
}

/* --- pausing --- */

uint64_t media_most_ahead(const struct media *media)
{
	return media_lacks_disk(media) ? MEDIA_HOMELESS_BYTES / 4 : UINT64_MAX;
}

/* Whether a read waits for what comes next. */
static bool is_waited_for(const struct transfer *transfer)
{
	struct media *media = transfer->media;

	if (!media_has_waits(media))
		return false;
	for (const struct wait *wait = media->waits; wait; wait = wait->next)
		if (wait->end > transfer->position && wait->offset < transfer->end)
			return true;
	return false;
}

static bool is_at_limit(const struct transfer *transfer)
{
	return transfer->position >= transfer->limit && transfer->limit < transfer->end;
}

/* The reader is far behind; or the disk is slow; or it takes nothing, and readers take no
 * more just now. */
static bool must_pause(const struct transfer *transfer)
{
	const struct media *media = transfer->media;
	struct media_writer *writer = media->backend->writer;

	return is_at_limit(transfer) ||
	       (media_writer_is_full(writer) && !media_writer_is_stuck(writer)) ||
	       (media_file_homeless(media->file) > MEDIA_HOMELESS_BYTES / 2 &&
		!is_waited_for(transfer));
}

/* Taking more may end the transfer, but not within the call: that comes with a turn. */
void media_resume(struct media *media)
{
	for (struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (transfer->is_paused && !must_pause(transfer)) {
			transfer->is_paused = false;
			transfer->paused_ms = 0;
			http_resume(transfer->call);
		}
}

/* --- stopping --- */

void media_stop_transfer(struct transfer *transfer)
{
	struct transfer **at = &transfer->media->transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	http_cancel(transfer->call);
	stage_rest(transfer);
	free(transfer);
}

void media_stop_transfers(struct media *media)
{
	while (media->transfers)
		media_stop_transfer(media->transfers);
}

void media_stop_idle(struct media *media)
{
	int64_t now_ms = clock_boot_ms();
	struct transfer *next;

	for (struct transfer *transfer = media->transfers; transfer; transfer = next) {
		next = transfer->next;
		if (transfer->is_paused && is_at_limit(transfer) &&
		    now_ms - transfer->paused_ms > IDLE_MS)
			media_stop_transfer(transfer);
	}
}

/* What is wanted from `start` on is another request's: those that would get there end
 * there. */
static void cut_others(struct media *media, uint64_t start)
{
	struct transfer *next;

	for (struct transfer *transfer = media->transfers; transfer; transfer = next) {
		next = transfer->next;
		if (start < transfer->start || start >= transfer->end)
			continue;
		transfer->end = start;
		if (transfer->limit > start)
			transfer->limit = start;
		if (transfer->position >= start)
			media_stop_transfer(transfer);
	}
}

/* What readers began goes on in the background, but for what followed one of them. */
static void leave_to_keeper(struct media *media)
{
	struct transfer *next;

	for (struct transfer *transfer = media->transfers; transfer; transfer = next) {
		next = transfer->next;
		transfer->is_background = true;
		if (transfer->limit < transfer->end)
			media_stop_transfer(transfer);
	}
}

void media_stop_unwanted(struct media *media)
{
	if (media_has_waits(media) || media->wants_all)
		return;
	if (media->keeper) {
		leave_to_keeper(media);
		return;
	}
	media_stop_transfers(media);
	timer_clear(&media->backend->timers, &media->ahead);
	timer_clear(&media->backend->timers, &media->retry);
}

/* --- what comes in --- */

/* 206 only if it begins where it was asked to, of a file of the same size and version. */
static bool head_fits(struct transfer *transfer, const struct http_response *response)
{
	const struct media *media = transfer->media;
	AUTOVIEW *view = tasks_view(media->backend->tasks, media->number);
	const char *etag = view ? view->outputs[media->kind].etag : NULL;
	uint64_t size = media_file_size(media->file);
	struct content_range range;

	if (etag && response->etag && strcmp(etag, response->etag))
		return false;
	if (response->status == 206)
		return !content_range_parse(response->content_range, &range) &&
		       range.has_range && range.first == transfer->start &&
		       range.last < transfer->asked_end &&
		       (!range.has_total || range.total == size);
	if (response->content_length >= 0 && (uint64_t)response->content_length != size)
		return false;
	/* A server without ranges: the whole file comes, from its start. */
	transfer->start = transfer->position = 0;
	transfer->end = transfer->asked_end = transfer->limit = size;
	return true;
}

/*
 * A transfer is ending when no more is left of it than comes while the next request is
 * answered: then the wire is never idle, and hardly ever shared.
 */
static void look_ahead(struct transfer *transfer)
{
	struct media *media = transfer->media;
	int64_t now_ms = clock_boot_ms(),
		answer_ms = transfer->first_ms - transfer->begun_ms;
	uint64_t per_ms = (transfer->position - transfer->start) /
			  (uint64_t)(now_ms - transfer->first_ms + 1);

	if (transfer->is_ending ||
	    transfer->end - transfer->position > per_ms * (uint64_t)(2 * answer_ms + 1))
		return;
	transfer->is_ending = true;
	media->ahead_at = transfer->end;
	timer_set(&media->backend->timers, &media->ahead, now_ms);
}

static int take_bytes(void *context, const struct http_response *response,
		      const char *bytes, size_t size)
{
	struct transfer *transfer = context;
	struct media *media = transfer->media;

	if (response->status != 200 && response->status != 206)
		return 0; /* an error's text: small, or the stall limit ends it */
	if (!transfer->is_checked) {
		transfer->is_misfit = !head_fits(transfer, response);
		if (transfer->is_misfit)
			return -1;
		transfer->is_checked = true;
		media->is_linkless = false;
		keep_heard(media->backend, media->number, media->kind, media->file,
			   response);
		transfer->first_ms = clock_boot_ms();
	}
	transfer->is_paused = must_pause(transfer);
	if (transfer->is_paused) {
		transfer->paused_ms = clock_boot_ms();
		return HTTP_SINK_PAUSE;
	}
	if (size > transfer->end - transfer->position)
		size = (size_t)(transfer->end - transfer->position);
	media->progress_ms = clock_boot_ms();
	media->failures = media->refusals = 0;
	media_set_trouble(media, NULL);
	transfer->has_no_memory = fill(transfer, bytes, size) != 0;
	if (transfer->has_no_memory)
		return -1;
	look_ahead(transfer);
	return transfer->position >= transfer->end && transfer->end < transfer->asked_end
		       ? -1 /* the rest is another one's */
		       : 0;
}

/* Readers wait for what came: they need not wait for a whole chunk. */
static void turned(void *context)
{
	stage_blocks(context);
}

/* --- how they end --- */

static const char *note_head(const struct media *media)
{
	return media->kind == OUTPUT_VIDEO ? "video.mp4: reading stopped"
					   : "last_frame.png: reading stopped";
}

/* Bytes came again: what the note says of a failure is over. */
static void clear_note(struct media *media)
{
	AUTOVIEW *view = tasks_view(media->backend->tasks, media->number);

	if (view && view->note && text_starts_with(view->note, note_head(media)))
		core_set_note(media->backend, media->number, NULL);
}

static void note_failure(struct media *media, const char *why)
{
	AUTOFREE char *note =
		text_format("%s (%s); a later read tries again", note_head(media), why);

	log_warn("event=media_failed task=%" PRIu64 " reason=\"%s\"", media->number, why);
	core_set_note(media->backend, media->number, note);
}

void media_set_trouble(struct media *media, const char *trouble)
{
	if (!trouble)
		media->is_linkless = false;
	if (trouble || media->trouble)
		task_set_text(&media->trouble, trouble);
}

void media_give_up(struct media *media, const char *why)
{
	media_set_trouble(media, why);
	note_failure(media, why);
	media->wants_all = false;
	media->failures = media->refusals = 0;
	keep_gave_up(media);
	media_answer_all(media, -EIO);
}

static void retry_later(struct media *media)
{
	unsigned doublings = media->failures < 6 ? media->failures : 6;
	int64_t ms = (int64_t)BACKOFF_FIRST_MS << doublings;

	media->failures++;
	timer_set(&media->backend->timers, &media->retry,
		  clock_boot_ms() + core_jitter(media->backend, ms > BACKOFF_LAST_MS
									? BACKOFF_LAST_MS
									: ms));
}

void media_retry_due(void *context)
{
	media_pump(context);
}

static void refreshed(void *context, int result)
{
	struct media *media = context;

	media->is_refreshing = false;
	media->is_linkless = result == -ENODATA || result == -ENOENT;
	if (result)
		retry_later(media);
	else
		media_pump(media);
}

static void refused(struct media *media, const char *why)
{
	if (media->is_refreshing)
		return;
	if (++media->refusals > REFUSALS_MAX) {
		media_give_up(media, why);
		return;
	}
	media->is_refreshing = true;
	follow_refresh(media->backend, media->number, refreshed, media);
}

/* The file behind the link is another one: the present version is over, a new one is
 * probed. */
static void become_stale(struct media *media)
{
	struct backend *backend = media->backend;
	struct task_view *view = tasks_begin(backend->tasks, media->number);

	media->is_stale = true;
	if (view && view->outputs[media->kind].version == media->version) {
		view->outputs[media->kind].is_ready = false;
		view->listing_ms = clock_wall_ms();
		tasks_commit(backend->tasks, view);
		probe_task(backend, media->number, false);
	} else if (view) {
		tasks_abandon(backend->tasks, view);
	}
	media_give_up(media, "the file at the service changed");
}

static void failed(struct media *media, const struct transfer *transfer,
		   const struct http_response *response)
{
	bool is_kept = keep_failed(media, transfer, response);
	AUTOFREE char *why = response->status
				     ? text_format("HTTP status %d", response->status)
				     : text_dup(response->failure);
	int status = response->status;

	if (is_kept)
		return;
	media_set_trouble(media, why ? why : "no connection");
	if (transfer->is_misfit)
		become_stale(media);
	else if (transfer->has_no_memory)
		media_give_up(media, "no memory");
	else if (response->outcome == HTTP_NOT_SENT || status == 401 || status == 403 ||
		 status == 404 || status == 410)
		refused(media, why ? why : "no connection");
	else
		retry_later(media);
}

static void transfer_done(void *context, struct http_response *response)
{
	struct transfer *transfer = context;
	struct media *media = transfer->media;
	bool is_whole = transfer->is_checked && transfer->position >= transfer->end;
	struct transfer copy = *transfer;

	transfer->call = NULL;
	media_stop_transfer(transfer); /* what it brought is staged */
	if (!is_whole)
		failed(media, &copy, response);
	else
		clear_note(media);
	if (!timer_is_set(&media->retry))
		media_pump(media);
}

/* --- how they begin --- */

int media_start_transfer(struct media *media, uint64_t start, uint64_t end,
			 uint64_t limit)
{
	struct backend *backend = media->backend;
	AUTOVIEW *view = tasks_view(backend->tasks, media->number);
	const struct provider_section *section =
		view ? core_section_of(backend, view) : NULL;
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	struct http_request request = { .method = "GET" };
	struct http_options options = { .may_reuse = true,
					.follows = true,
					.sink = take_bytes,
					.turned = turned,
					.done = transfer_done,
					.context = transfer };
	const char *url = view ? view->outputs[media->kind].url : NULL;

	if (!transfer || !section || !url) {
		free(transfer);
		return transfer ? -ENOLINK : -ENOMEM;
	}
	transfer->media = media;
	transfer->start = transfer->position = start;
	transfer->end = transfer->asked_end = end;
	transfer->limit = limit < end ? limit : end;
	transfer->begun_ms = clock_boot_ms();
	options.allows_private = config_is_loopback(section->base_url);
	request.url = strdup(url);
	if (!request.url ||
	    http_request_add_header(&request, "Range: bytes=%" PRIu64 "-%" PRIu64, start,
				    end - 1) ||
	    http_start(backend->http, &request, &options, &transfer->call)) {
		http_request_clear(&request);
		free(transfer);
		return -ENOMEM;
	}
	cut_others(media, start);
	transfer->next = media->transfers;
	media->transfers = transfer; /* in front: keep.c marks it */
	keep_count(backend, media->number, media->kind, url, media->file);
	return 0;
}
