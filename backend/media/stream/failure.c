/*
 * Failed transfers: retried later, with a new link or with the file's new version, or
 * given up; and the texts that users see about it.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/core/note.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_LAST_MS 8000
#define TRIES_LEAST 10 /* while a read waits */
#define REFUSALS_MAX 2 /* consecutive, of new links */

static const char *note_head(const struct media *media)
{
	return media->kind == OUTPUT_VIDEO ? "video.mp4: reading stopped"
					   : "last_frame.png: reading stopped";
}

/* Bytes arrive again: removes the note about the failure. */
void media_clear_note(struct media *media)
{
	AUTOVIEW *view = tasks_view(media->backend->tasks, media->number);

	if (view && view->note && text_starts_with(view->note, note_head(media)))
		backend_set_note(media->backend, media->number, NULL);
}

static void note_failure(struct media *media, const char *why)
{
	AUTOFREE char *note =
		text_format("%s (%s); the next read retries", note_head(media), why);

	log_warn("event=media_failed task=%" PRIu64 " reason=\"%s\"", media->number, why);
	backend_set_note(media->backend, media->number, note);
}

void media_set_trouble(struct media *media, const char *trouble)
{
	if (!trouble)
		media->is_linkless = false;
	if (trouble || media->trouble)
		text_set(&media->trouble, trouble);
}

void media_give_up(struct media *media, const char *why)
{
	media_set_trouble(media, why);
	note_failure(media, why);
	media->wants_all = false;
	media->failures = media->refusals = 0;
	media->backend->streaming->events->gave_up(media, why);
	media_stop_transfers(media);
	media_answer_all(media, -EIO);
}

void media_note_overdue(struct media *media)
{
	double seconds = (double)media->backend->config->read_timeout_ms / 1000;
	AUTOFREE char *why = media->trouble ? text_dup(media->trouble)
					    : text_format("no data for %g s", seconds);

	media->overdue_ms = clock_boot_ms();
	media->failures = media->refusals = 0;
	note_failure(media, why ? why : "no data");
}

/* Short enough that a read sees several attempts, however short its time-out is. */
static int64_t backoff_ms(const struct media *media)
{
	int64_t timeout_ms = media->backend->config->read_timeout_ms;
	unsigned doublings = media->failures < 6 ? media->failures : 6;
	int64_t ms = (int64_t)BACKOFF_FIRST_MS << doublings;

	if (ms > BACKOFF_LAST_MS)
		ms = BACKOFF_LAST_MS;
	if (ms > timeout_ms / TRIES_LEAST)
		ms = timeout_ms / TRIES_LEAST;
	return backend_jitter(media->backend, ms);
}

/*
 * A server's own delay counts as far as a reader can wait for it and for one more
 * attempt.
 */
static void retry_later(struct media *media, int64_t retry_after_ms)
{
	int64_t most_ms = media->backend->config->read_timeout_ms / 2;
	int64_t at_ms = clock_boot_ms();
	int64_t ms = backoff_ms(media);

	if (retry_after_ms > most_ms)
		retry_after_ms = most_ms;
	at_ms += retry_after_ms > ms ? retry_after_ms : ms;
	if (timer_is_set(&media->retry) && media->retry.at_ms >= at_ms)
		return;
	media->failures++;
	timer_set(&media->backend->timers, &media->retry, at_ms);
}

void media_retry_due(void *context)
{
	media_pump(context);
}

/*
 * After the first new link, reading continues immediately; if that one fails as well,
 * after a delay.
 */
static void refreshed(void *context, int result)
{
	struct media *media = context;

	media->is_refreshing = false;
	media->is_linkless = result == -ENODATA || result == -ENOENT;
	if (result == -EIO && media->refusals)
		media->refusals--; /* nothing was learnt: the read's time-out ends it */
	if (result || media->refusals > 1)
		retry_later(media, 0);
	else
		media_pump(media);
}

static void refresh_links(struct media *media, void (*done)(void *context, int result))
{
	struct backend *backend = media->backend;

	backend->media_needs->refresh_links(backend, media->number, done, media);
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
	refresh_links(media, refreshed);
}

static void asked_again(void *context, int result)
{
	struct media *media = context;

	(void)result;
	media->is_refreshing = false;
	retry_later(media, 0);
}

/* This is no refusal; but the host may have changed, which a new link shows. */
static void unreachable(struct media *media)
{
	if (media->is_refreshing)
		return;
	media->is_refreshing = true;
	refresh_links(media, asked_again);
}

/*
 * The link leads to another file: the current version is stale, and the new one is
 * probed.
 */
static void become_stale(struct media *media)
{
	struct backend *backend = media->backend;
	struct task_view *view;

	if (media_file_is_complete(media->file))
		return; /* it is complete on disk, whatever the service has now */
	view = tasks_begin(backend->tasks, media->number);
	media->is_stale = true;
	if (view && view->outputs[media->kind].version == media->version) {
		view->outputs[media->kind].is_ready = false;
		view->listing_ms = clock_wall_ms();
		tasks_try_commit(backend->tasks, view);
		backend->media_needs->probe_sizes(backend, media->number, false);
	} else if (view) {
		tasks_abandon(backend->tasks, view);
	}
	media_give_up(media, "the file at the media host changed");
}

static char *describe(const struct transfer *transfer,
		      const struct http_response *response)
{
	if (transfer->objection)
		return text_dup(transfer->objection);
	if (response->status >= 300)
		return text_format("HTTP status %d", response->status);
	return text_dup(response->failure
				? response->failure
				: "the connection closed before the end of the response");
}

/* The transfer used a link that was renewed in the meantime. */
static bool is_outdated(const struct transfer *transfer)
{
	const struct media *media = transfer->media;
	AUTOVIEW *view = tasks_view(media->backend->tasks, media->number);
	const char *url = view ? view->outputs[media->kind].url : NULL;

	return url && strcmp(url, transfer->url);
}

/* A background piece; its job handles the failure. */
static bool is_left_to_job(struct media *media, const struct transfer *transfer,
			   const struct http_response *response, const char *why)
{
	const struct media_failure failure = {
		.response = response,
		.why = why,
		.brought = transfer->brought,
		.is_background = transfer->is_background,
		.is_refused = transfer->objection ||
			      media_answer_is_dead_link(response->status, transfer->said),
	};

	return media->backend->streaming->events->failed(media, &failure);
}

void media_transfer_failed(struct media *media, const struct transfer *transfer,
			   const struct http_response *response)
{
	AUTOFREE char *text = describe(transfer, response);
	const char *why = text ? text : "no connection", *said = transfer->said;
	int status = response->status;

	if (transfer->is_changed ||
	    media_answer_is_resized(response, media_file_size(media->file))) {
		become_stale(media);
		return;
	}
	if (is_left_to_job(media, transfer, response, why))
		return;
	media_set_trouble(media, why);
	media->again_start = transfer->start;
	media->again_end = transfer->limit;
	media->again_is_bulk = transfer->limit < transfer->end;
	if (transfer->has_no_memory)
		media_give_up(media, "out of memory");
	else if (media_answer_is_dead_link(status, said) && is_outdated(transfer))
		return; /* the new link is tried next */
	else if (transfer->objection || media_answer_is_dead_link(status, said))
		refused(media, why);
	else if (response->outcome == HTTP_NOT_SENT)
		unreachable(media);
	else if (media_answer_is_passing(status, said))
		retry_later(media, response->retry_after_ms);
	else
		refused(media, why);
}
