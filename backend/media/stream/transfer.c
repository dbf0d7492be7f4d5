/*
 * The running transfers of a media: their start, the handling of their answers, and their
 * end.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/core/section.h"
#include "backend/http/http.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define IDLE_MS 5000
#define HELD_MS 1000

/* --- stopping --- */

void media_stop_transfer(struct transfer *transfer)
{
	struct transfer **at = &transfer->media->transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	http_cancel(transfer->call);
	media_stage_rest(transfer);
	free(transfer->url);
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
		if (transfer->is_paused && media_is_at_limit(transfer) &&
		    now_ms - transfer->paused_ms >
			    (transfer->is_held ? HELD_MS : IDLE_MS))
			media_stop_transfer(transfer);
	}
}

bool media_stop_paused(struct media *media)
{
	struct transfer *next;
	bool has_stopped = false;

	for (struct transfer *transfer = media->transfers; transfer; transfer = next) {
		next = transfer->next;
		if (!transfer->is_paused || media_is_waited_for(transfer))
			continue;
		media_stop_transfer(transfer);
		has_stopped = true;
	}
	return has_stopped;
}

/* The end of the bytes that waiting reads need from it. */
static uint64_t needed_end(const struct transfer *transfer)
{
	uint64_t end = transfer->position;

	for (const struct media_read *wait = transfer->media->waits; wait;
	     wait = wait->next)
		if (wait->offset < transfer->end && wait->end > end)
			end = wait->end < transfer->end ? wait->end : transfer->end;
	return end;
}

void media_hold_back(struct media *media)
{
	for (struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next) {
		uint64_t end = needed_end(transfer);

		if (transfer->is_background || transfer->yields ||
		    transfer->is_streamed || end >= transfer->limit)
			continue;
		transfer->limit = end;
		transfer->is_held = true;
	}
	atomic_store_explicit(&media->mark, 0, memory_order_relaxed);
	media_start_tick(media);
}

/*
 * Another request fetches the bytes from `start` on: transfers that would reach `start`
 * end there.
 */
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

/*
 * Transfers that readers began continue in the background, except those that followed a
 * reader.
 */
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
	if (media->job) {
		leave_to_keeper(media);
		return;
	}
	media_stop_transfers(media);
	timer_clear(&media->backend->timers, &media->ahead);
	timer_clear(&media->backend->timers, &media->retry);
}

/* The complete file is already in transfer: one transfer is enough. */

/* The whole file is on its way already: once is enough. */
static bool is_being_streamed(const struct media *media)
{
	for (const struct transfer *other = media->transfers; other; other = other->next)
		if (other->is_checked && !other->start &&
		    other->end == media_file_size(media->file))
			return true;
	return false;
}

/*
 * Sets where the received bytes belong. A complete file has no limit: it is streamed
 * once.
 */
static void take_span(struct transfer *transfer, const struct answer_span *span,
		      bool is_whole)
{
	transfer->is_cut = span->end < transfer->asked_end;
	transfer->start = transfer->position = span->start;
	if (is_whole || span->end < transfer->end)
		transfer->end = span->end;
	if (is_whole) {
		transfer->asked_end = transfer->limit = span->end;
		transfer->yields = false;
		transfer->is_streamed = true;
	}
	if (transfer->limit > transfer->end)
		transfer->limit = transfer->end;
}

/* Checks the answer's head, once. False: its bytes are not accepted. */
static bool check_head(struct transfer *transfer, const struct http_response *response,
		       const char *bytes, size_t size)
{
	struct media *media = transfer->media;
	AUTOVIEW *view = tasks_view(media->backend->tasks, media->number);
	struct answer_wanted wanted = { .start = transfer->start,
					.end = transfer->asked_end,
					.size = media_file_size(media->file) };
	enum answer_verdict verdict;
	struct answer_span span;

	if (view)
		wanted.etag = view->outputs[media->kind].etag;
	if (!wanted.etag)
		wanted.etag = media->etag;
	verdict = media_answer_judge(response, &wanted, bytes, size, &span,
				     &transfer->objection);
	transfer->is_changed = verdict == ANSWER_CHANGED;
	if (verdict != ANSWER_FITS)
		return false;
	transfer->objection = NULL;
	transfer->is_redundant = response->status == 200 && is_being_streamed(media);
	if (transfer->is_redundant)
		return false;
	if (response->etag && !media->etag)
		text_set(&media->etag, response->etag);
	media->backend->streaming->events->head_came(media->backend, media->number,
						     media->kind, media->file, response);
	take_span(transfer, &span, response->status == 200);
	transfer->is_checked = true;
	transfer->first_ms = clock_boot_ms();
	return true;
}

/*
 * A transfer is ending when its remaining bytes are no more than arrive while the next
 * request is answered: then the connection is never idle, and rarely shared.
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

/* All bytes are here, and the server announces more: it may never send them. */
static bool is_overlong(const struct transfer *transfer,
			const struct http_response *response)
{
	return transfer->position == transfer->end && response->content_length >= 0 &&
	       (uint64_t)response->content_length > transfer->end - transfer->start;
}

static int take_bytes(void *context, const struct http_response *response,
		      const char *bytes, size_t size)
{
	struct transfer *transfer = context;
	uint64_t room;
	bool is_surplus;

	if (response->status != 200 && response->status != 206)
		return media_answer_keep_said(transfer->said, &transfer->said_size, bytes,
					      size)
			       ? 0
			       : -1;
	if (!transfer->is_checked && !check_head(transfer, response, bytes, size))
		return -1;
	transfer->is_paused = media_must_pause(transfer);
	if (transfer->is_paused) {
		transfer->paused_ms = clock_boot_ms();
		return HTTP_SINK_PAUSE;
	}
	room = transfer->end - transfer->position;
	is_surplus = size > room;
	transfer->has_no_memory =
		media_take_in(transfer, bytes, is_surplus ? (size_t)room : size) != 0;
	if (transfer->has_no_memory)
		return -1;
	look_ahead(transfer);
	return is_surplus || is_overlong(transfer, response) ? -1 : 0;
}

/* Readers wait for received bytes: they need not wait for a complete chunk. */
static void turned(void *context)
{
	media_stage_blocks(context);
}

/* --- how they end --- */

/* A short range without bytes would be followed by the same range, forever. */
static bool is_well_ended(const struct transfer *transfer)
{
	if (transfer->is_redundant)
		return true;
	return transfer->is_checked && transfer->position >= transfer->end &&
	       (!transfer->is_cut || transfer->brought);
}

static void transfer_done(void *context, struct http_response *response)
{
	struct transfer *transfer = context;
	struct media *media = transfer->media;
	struct transfer copy;

	media_stage_rest(transfer);
	copy = *transfer;
	transfer->call = NULL;
	transfer->url = NULL;
	media_stop_transfer(transfer);
	if (!is_well_ended(&copy)) {
		media_transfer_failed(media, &copy, response);
	} else if (copy.is_checked) {
		media->failures = 0;
		media_clear_note(media);
	}
	free(copy.url);
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
		view ? backend_section_of(backend, view) : NULL;
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
	options.stall_ms = backend->config->read_timeout_ms / 4;
	trust_media(backend->trust, section, &options);
	request.url = strdup(url);
	transfer->url = strdup(url);
	if (!request.url || !transfer->url ||
	    http_request_add_header(&request, "Range: bytes=%" PRIu64 "-%" PRIu64, start,
				    end - 1) ||
	    http_request_add_header(&request, "Accept-Encoding: identity") ||
	    http_start(backend->http, &request, &options, &transfer->call)) {
		http_request_clear(&request);
		free(transfer->url);
		free(transfer);
		return -ENOMEM;
	}
	cut_others(media, start);
	transfer->next = media->transfers;
	media->transfers = transfer; /* in front: media_start_piece() marks it */
	backend->streaming->events->link_used(backend, media->number, media->kind, url,
					      media->file);
	return 0;
}
