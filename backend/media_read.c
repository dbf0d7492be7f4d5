/*
 * Reads of media. Those whose bytes are here never come this way but for a look at the
 * map; one that must wait is parked with its range, and answered when its bytes came or
 * its deadline passed.
 */
#include "backend/media_inside.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>

#define DEADLINE_MS 120000 /* without progress */

/* --- answering --- */

static bool is_ready(const struct media *media, const struct wait *wait)
{
	return media_file_has(media->file, wait->offset, wait->end - wait->offset);
}

/* Answers the waits that `is_over` (all, with NULL) with the result. */
static void answer(struct media *media, int result,
		   bool (*is_over)(const struct media *media, const struct wait *wait))
{
	struct backend *backend = media->backend;
	struct wait **at = &media->waits;

	while (*at) {
		struct wait *wait = *at;

		if (is_over && !is_over(media, wait)) {
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		backend->events.read_done(backend->events.context, wait->read, result);
		free(wait);
	}
}

void media_answer_ready(struct media *media)
{
	answer(media, 0, is_ready);
}

void media_answer_all(struct media *media, int result)
{
	answer(media, result, NULL);
}

/* --- parking --- */

struct park_command {
	struct command command;
	struct media *media;
	struct wait *wait;
};

static void run_park(struct backend *backend, struct command *command)
{
	struct park_command *park = (struct park_command *)command;
	struct media *media = park->media;
	struct wait *wait = park->wait;

	free(park);
	wait->since_ms = clock_boot_ms();
	wait->next = media->waits;
	media->waits = wait;
	if (!media->transfers)
		media->progress_ms = wait->since_ms;
	media_follow_read(media, wait);
}

int backend_media_park(struct backend *backend, struct media *media, uint64_t offset,
		       size_t size, void *read, uint64_t id)
{
	struct park_command *park = calloc(1, sizeof(*park));
	struct wait *wait = calloc(1, sizeof(*wait));
	uint64_t file_size = media_file_size(media->file);

	if (!park || !wait) {
		free(park);
		free(wait);
		return -ENOMEM;
	}
	wait->id = id;
	wait->offset = offset;
	wait->end = size < file_size - offset ? offset + size : file_size;
	wait->read = read;
	park->command.run = run_park;
	park->media = media;
	park->wait = wait;
	core_send(backend, &park->command);
	return 0;
}

struct unpark_command {
	struct command command;
	uint64_t id;
	int result;
};

static bool unpark_in(struct media *media, uint64_t id, int result)
{
	struct backend *backend = media->backend;

	for (struct wait **at = &media->waits; *at; at = &(*at)->next) {
		struct wait *wait = *at;

		if (wait->id != id)
			continue;
		*at = wait->next;
		backend->events.read_done(backend->events.context, wait->read, result);
		free(wait);
		return true;
	}
	return false;
}

static void run_unpark(struct backend *backend, struct command *command)
{
	struct unpark_command *unpark = (struct unpark_command *)command;

	for (struct media *media = media_first(backend); media; media = media->next)
		if (unpark_in(media, unpark->id, unpark->result)) {
			media_stop_unwanted(media);
			break;
		}
	free(unpark);
}

void backend_media_unpark(struct backend *backend, uint64_t id, int result)
{
	struct unpark_command *unpark = calloc(1, sizeof(*unpark));

	if (!unpark)
		return; /* its deadline ends it */
	unpark->command.run = run_unpark;
	unpark->id = id;
	unpark->result = result;
	core_send(backend, &unpark->command);
}

/* --- bytes that are here --- */

struct ahead_command {
	struct command command;
	struct media *media;
	uint64_t offset;
};

static void run_ahead(struct backend *backend, struct command *command)
{
	struct ahead_command *ahead = (struct ahead_command *)command;
	struct media *media = ahead->media;

	media_follow_reader(media, ahead->offset);
	free(ahead);
	backend_media_close(backend, media);
}

static void report_ahead(struct backend *backend, struct media *media, uint64_t offset)
{
	struct ahead_command *ahead = calloc(1, sizeof(*ahead));

	if (!ahead)
		return;
	atomic_store_explicit(&media->mark, UINT64_MAX, memory_order_relaxed);
	pthread_mutex_lock(&backend->media_lock);
	media->users++;
	pthread_mutex_unlock(&backend->media_lock);
	ahead->command.run = run_ahead;
	ahead->media = media;
	ahead->offset = offset;
	core_send(backend, &ahead->command);
}

const char *backend_media_bytes(struct backend *backend, struct media *media,
				uint64_t offset, size_t size)
{
	if (!media_file_has(media->file, offset, size))
		return NULL;
	if (offset + size > atomic_load_explicit(&media->mark, memory_order_relaxed))
		report_ahead(backend, media, offset + size);
	return media_file_bytes(media->file) + offset;
}

/* --- once a second, while something is under way --- */

static bool is_overdue(const struct media *media, const struct wait *wait)
{
	int64_t since_ms =
		wait->since_ms > media->progress_ms ? wait->since_ms : media->progress_ms;

	return clock_boot_ms() - since_ms > DEADLINE_MS;
}

void media_tick_due(void *context)
{
	struct media *media = context;
	struct wait *before = media->waits;
	bool is_syncing;

	answer(media, -EIO, is_overdue);
	if (before && !media->waits)
		media_stop_unwanted(media);
	is_syncing = media_file_sync_poll(media->file) == -EINPROGRESS;
	if (!media_is_idle(media) || is_syncing)
		timer_set(&media->backend->timers, &media->tick,
			  clock_boot_ms() + MEDIA_TICK_MS);
	else
		media_close_unused(media);
}
