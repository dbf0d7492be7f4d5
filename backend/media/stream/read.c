/*
 * Reads of media. Those whose bytes are here never come this way but for a look at the
 * map; one that must wait is parked with its range, and answered when its bytes came or
 * its deadline passed.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>

#define TICK_MS 1000
#define ECHO_MS 250

/* --- answering --- */

static bool is_ready(const struct media *media, const struct wait *wait)
{
	return media_file_has(media->file, wait->offset, wait->end - wait->offset);
}

/*
 * Reads are parked by other threads at any time, also while a transfer keeps this one in
 * curl for long: so they are looked at whenever bytes came.
 */
static void take_arrived(struct media *media)
{
	struct wait *wait =
		atomic_exchange_explicit(&media->arrived, NULL, memory_order_acquire);

	while (wait) {
		struct wait *next = wait->next;

		wait->next = media->waits;
		media->waits = wait;
		wait = next;
	}
}

bool media_has_waits(struct media *media)
{
	take_arrived(media);
	return media->waits != NULL;
}

/* Answers the waits that `is_over` (all, with NULL) with the result. False: none was. */
static bool answer(struct media *media, int result,
		   bool (*is_over)(const struct media *media, const struct wait *wait))
{
	struct backend *backend = media->backend;
	struct wait **at = &media->waits;
	bool had_any = false;

	take_arrived(media);
	while (*at) {
		struct wait *wait = *at;

		if (is_over && !is_over(media, wait)) {
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		backend->events.read_done(backend->events.context, wait->read, result);
		free(wait);
		had_any = true;
	}
	return had_any;
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
	uint64_t offset, end;
	int64_t since_ms;
};

/*
 * The kernel asks once more, at once, for what was an error: whoever waited in vain does
 * not wait twice as long.
 */
static bool is_echo(const struct media *media)
{
	return media->overdue_ms > media->progress_ms &&
	       clock_boot_ms() - media->overdue_ms < ECHO_MS;
}

static void run_park(struct backend *backend, struct command *command)
{
	struct park_command *park = (struct park_command *)command;
	struct media *media = park->media;

	take_arrived(media);
	if (is_echo(media))
		media_answer_all(media, -EIO);
	else
		media_follow_read(media, park->offset, park->end);
	free(park);
	backend_media_close(backend, media);
}

static void arrive(struct media *media, struct wait *wait)
{
	wait->next = atomic_load_explicit(&media->arrived, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&media->arrived, &wait->next, wait,
						      memory_order_release,
						      memory_order_relaxed))
		;
}

/* The read may be over before the command is run:
 * that one has the media open by itself. */
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
	wait->since_ms = clock_boot_ms();
	backend_media_ref(backend, media);
	*park = (struct park_command){ .command.run = run_park,
				       .media = media,
				       .offset = wait->offset,
				       .end = wait->end,
				       .since_ms = wait->since_ms };
	arrive(media, wait);
	backend_send(backend, &park->command);
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

	take_arrived(media);
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
			media_hold_back(media);
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
	backend_send(backend, &unpark->command);
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
	backend_media_ref(backend, media);
	ahead->command.run = run_ahead;
	ahead->media = media;
	ahead->offset = offset;
	backend_send(backend, &ahead->command);
}

int backend_media_view(struct backend *backend, struct media *media, uint64_t offset,
		       size_t size, struct media_view *ret_view)
{
	int r = media_file_view(media->file, offset, size, ret_view);

	if (!r && !atomic_load_explicit(&media->was_read, memory_order_relaxed))
		atomic_store_explicit(&media->was_read, true, memory_order_relaxed);
	if (!r &&
	    offset + size > atomic_load_explicit(&media->mark, memory_order_relaxed))
		report_ahead(backend, media, offset + size);
	return r;
}

/* --- once a second, while something is under way --- */

/* Nothing that it could have waited for came for too long. */
static bool is_overdue(const struct media *media, const struct wait *wait)
{
	return clock_boot_ms() - wait->since_ms > media->backend->config->read_timeout_ms;
}

void media_start_tick(struct media *media)
{
	if (!timer_is_set(&media->tick))
		timer_set(&media->backend->timers, &media->tick,
			  clock_boot_ms() + TICK_MS);
}

void media_tick_due(void *context)
{
	struct media *media = context;
	bool had_waits = media_has_waits(media);
	bool is_syncing;

	media_retry_disk(media);
	if (answer(media, -EIO, is_overdue))
		media_note_overdue(media);
	if (had_waits && !media->waits)
		media_stop_unwanted(media);
	media_stop_idle(media);
	if (!media->is_refreshing && !timer_is_set(&media->retry))
		media_pump(media); /* what a stopped transfer was to bring */
	if (media->needs_sync) {
		media->needs_sync = false;
		media_file_sync_begin(media->file);
	}
	is_syncing = media_file_sync_poll(media->file) == -EINPROGRESS ||
		     media_check_go_on(media);
	if (!media_is_idle(media) || is_syncing ||
	    (media->has_no_room && media_is_used(media)))
		media_start_tick(media);
	else
		media_close_unused(media);
}
