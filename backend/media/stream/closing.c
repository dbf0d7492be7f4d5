/*
 * Closing media: received bytes are made durable first, and media that may be reopened
 * stays open for a while.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define LINGER_MS 2000 /* the time it stays open after its last close */
#define SYNC_BYTES (1u << 20)
#define UNUSED_MAX 64 /* the number of unused media that stay open */

void media_destroy(struct media *media)
{
	struct backend *backend = media->backend;

	media_refuse_reads(media);
	media_stop_transfers(media);
	timer_clear(&backend->timers, &media->retry);
	timer_clear(&backend->timers, &media->tick);
	timer_clear(&backend->timers, &media->linger);
	timer_clear(&backend->timers, &media->ahead);
	media_check_clear(media);
	backend->media_needs->forget_refresh(backend, media);
	media_file_unref(media->file);
	free(media->trouble);
	free(media->etag);
	free(media);
}

/* Removes it from the table if nobody has it open. */
static bool unlink_unused(struct backend *backend, struct media *media)
{
	SCOPED_LOCK(&backend->streaming->lock);
	struct media **at = &backend->streaming->media;

	if (media->users)
		return false;
	while (*at && *at != media)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = media->next;
	return true;
}

/*
 * A large part of a file that is made durable at the close survives a power cut. A small
 * part is fetched again.
 */
bool media_is_worth_a_sync(const struct media *media)
{
	return !media->is_dropped && !media->is_stale &&
	       !media_file_is_synced(media->file) &&
	       media_file_descriptor(media->file) >= 0 &&
	       media_file_kept(media->file) >= SYNC_BYTES;
}

/*
 * Before it is closed, received bytes are written to disk, and made durable if the file
 * is complete.
 */
static bool is_busy(struct media *media)
{
	return !media_is_idle(media) || media->needs_sync || media->check ||
	       media_file_is_writing(media->file) ||
	       media_file_sync_poll(media->file) == -EINPROGRESS ||
	       media_check_is_due(media);
}

static void close_now(struct media *media)
{
	if (unlink_unused(media->backend, media))
		media_destroy(media);
}

/* The media that has been unused longest, if there are too many; else NULL. */
static struct media *find_surplus(struct backend *backend)
{
	struct media *oldest = NULL;
	size_t count = 0;

	for (struct media *media = media_first(backend); media; media = media->next) {
		if (!media->unused_ms || media_is_used(media) || is_busy(media))
			continue;
		count++;
		if (!oldest || media->unused_ms <= oldest->unused_ms)
			oldest = media;
	}
	return count > UNUSED_MAX ? oldest : NULL;
}

static void linger(struct media *media)
{
	struct backend *backend = media->backend;
	struct media *surplus;

	media->unused_ms = clock_boot_ms();
	timer_set(&backend->timers, &media->linger, media->unused_ms + LINGER_MS);
	surplus = find_surplus(backend);
	if (surplus)
		close_now(surplus);
}

void media_linger_due(void *context)
{
	struct media *media = context;

	if (is_busy(media))
		media_start_tick(media);
	else
		close_now(media);
}

/*
 * The last user has closed it. Transfers stop unless the complete file is wanted; the
 * tick closes it when the last one has ended. Media that can be read again stays open for
 * a while, since players and shells reopen files.
 */
void media_close_unused(struct media *media)
{
	if (media_is_used(media))
		return;
	if (atomic_load(&media->was_read) && media_file_is_complete(media->file))
		media_clear_note(media); /* of an earlier version */
	media_stop_unwanted(media);
	if (media_is_worth_a_sync(media) && !media_file_is_writing(media->file))
		media->needs_sync = true;
	if (is_busy(media)) {
		media_start_tick(media);
		return;
	}
	if (media->is_stale || media->is_dropped ||
	    media_file_descriptor(media->file) < 0) /* there may be space next time */
		close_now(media);
	else
		linger(media);
}

struct close_command {
	struct command command;
	struct media *media;
};

/* Two closes of one media may be queued: only one of them finds it in the table. */
static void run_close(struct backend *backend, struct command *command)
{
	struct close_command *close = (struct close_command *)command;
	struct media *media = close->media, *found = media_first(backend);

	free(close);
	while (found && found != media)
		found = found->next;
	if (found)
		media_close_unused(found);
}

void backend_media_close(struct backend *backend, struct media *media)
{
	struct close_command *close;
	bool is_last;

	{
		SCOPED_LOCK(&backend->streaming->lock);

		is_last = --media->users == 0;
	}
	if (!is_last)
		return;
	close = calloc(1, sizeof(*close));
	if (!close)
		return; /* it stays open until the end, which costs only memory */
	close->command.run = run_close;
	close->media = media;
	backend_send(backend, &close->command);
}

/* Its position is unknown: the other readers report theirs with their next read. */
static void run_leave(struct backend *backend, struct command *command)
{
	struct close_command *leave = (struct close_command *)command;
	struct media *media = leave->media, *found = media_first(backend);

	free(leave);
	while (found && found != media)
		found = found->next;
	if (found)
		media_hold_back(found);
}

void backend_media_leave(struct backend *backend, struct media *media)
{
	struct close_command *leave = calloc(1, sizeof(*leave));

	if (leave) {
		leave->command.run = run_leave;
		leave->media = media;
		backend_send(backend, &leave->command);
	}
	backend_media_close(backend, media);
}
