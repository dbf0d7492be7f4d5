/*
 * Reads of media. A read whose bytes are here only checks the map. A read that must wait
 * is parked: its caller's record (struct media_read) goes to `arrived` and from there to
 * `waits`, which the backend's thread owns. It leaves that list exactly once, with its
 * answer: bytes, error, deadline, cancellation, or the stop of the backend.
 */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>

#define TICK_MS 1000
#define ECHO_MS 250

/* --- answering --- */

static bool is_ready(const struct media *media, const struct media_read *read)
{
	return media_file_has(media->file, read->offset, read->end - read->offset);
}

/* The caller of backend_media_park() owns the record again. */
static void answer(struct media_read **at, int result)
{
	struct media_read *read = *at;

	*at = read->next;
	read->done(read, result);
}

static void take_list(struct media *media, struct media_read *read)
{
	while (read) {
		struct media_read *next = read->next;

		read->next = media->waits;
		media->waits = read;
		read = next;
	}
}

/*
 * Other threads park reads at any time, even while a transfer keeps this thread in curl.
 * Therefore new reads are taken over whenever bytes arrive.
 */
static void take_arrived(struct media *media)
{
	/* Only this thread removes reads or refuses them. */
	if (atomic_load_explicit(&media->arrived, memory_order_relaxed) !=
	    &media->refused)
		take_list(media, atomic_exchange_explicit(&media->arrived, NULL,
							  memory_order_acquire));
}

bool media_has_waits(struct media *media)
{
	take_arrived(media);
	return media->waits != NULL;
}

/*
 * Answers the waits that `is_over` selects (all, with NULL) with the result. False: there
 * were none.
 */
static bool answer_those(struct media *media, int result,
			 bool (*is_over)(const struct media *media,
					 const struct media_read *read))
{
	struct media_read **at = &media->waits;
	bool had_any = false;

	take_arrived(media);
	while (*at) {
		if (is_over && !is_over(media, *at)) {
			at = &(*at)->next;
			continue;
		}
		answer(at, result);
		had_any = true;
	}
	return had_any;
}

void media_answer_ready(struct media *media)
{
	answer_those(media, 0, is_ready);
}

void media_answer_all(struct media *media, int result)
{
	answer_those(media, result, NULL);
}

void media_refuse_reads(struct media *media)
{
	struct media_read *arrived =
		atomic_exchange_explicit(&media->arrived, &media->refused,
					 memory_order_acquire);

	if (arrived != &media->refused)
		take_list(media, arrived);
	media_answer_all(media, -EIO);
}

/* --- cancelling --- */

void media_read_cancel(struct media_read *read, int result)
{
	atomic_store(&read->cancelled, result);
}

/* Ends the cancelled reads of one media. False: there were none. */
static bool end_cancelled(struct media *media)
{
	struct media_read **at = &media->waits;
	bool had_any = false;

	take_arrived(media);
	while (*at) {
		int result = atomic_load(&(*at)->cancelled);

		if (!result) {
			at = &(*at)->next;
			continue;
		}
		answer(at, result);
		had_any = true;
	}
	if (had_any) {
		media_stop_unwanted(media);
		media_hold_back(media);
	}
	return had_any;
}

/* A cancellation after the exchange sends the command again. */
static void run_cancel(struct backend *backend, struct command *command)
{
	(void)command;
	atomic_exchange(&backend->streaming->is_cancel_sent, false);
	for (struct media *media = media_first(backend); media; media = media->next)
		end_cancelled(media);
}

void media_reads_init(struct backend *backend)
{
	backend->streaming->cancel.run = run_cancel;
}

/* The command is part of the backend: cancelling needs no memory. */
void backend_media_end_cancelled(struct backend *backend)
{
	if (!atomic_exchange(&backend->streaming->is_cancel_sent, true))
		backend_send(backend, &backend->streaming->cancel);
}

/* --- parking --- */

struct park_command {
	struct command command;
	struct media *media;
	uint64_t offset, end;
};

/*
 * The kernel immediately repeats a read that failed: a reader whose wait failed does not
 * wait twice.
 */
static bool is_echo(const struct media *media)
{
	return media->overdue_ms > media->progress_ms &&
	       clock_boot_ms() - media->overdue_ms < ECHO_MS;
}

/* The read may have been cancelled before it was parked, and may already be over. */
static void run_park(struct backend *backend, struct command *command)
{
	struct park_command *park = (struct park_command *)command;
	struct media *media = park->media;

	end_cancelled(media);
	if (is_echo(media))
		media_answer_all(media, -EIO);
	else
		media_follow_read(media, park->offset, park->end);
	free(park);
	backend_media_close(backend, media);
}

/* False: the media accepts no further reads. */
static bool arrive(struct media *media, struct media_read *read)
{
	struct media_read *first =
		atomic_load_explicit(&media->arrived, memory_order_relaxed);

	do {
		if (first == &media->refused)
			return false;
		read->next = first;
	} while (!atomic_compare_exchange_weak_explicit(&media->arrived, &first, read,
							memory_order_release,
							memory_order_relaxed));
	return true;
}

/* From arrive() on, the backend owns the record; the command holds the media open. */
int backend_media_park(struct backend *backend, struct media *media, uint64_t offset,
		       size_t size, struct media_read *read)
{
	struct park_command *park = calloc(1, sizeof(*park));
	uint64_t file_size = media_file_size(media->file);

	if (!park)
		return -ENOMEM;
	read->offset = offset;
	read->end = size < file_size - offset ? offset + size : file_size;
	read->since_ms = clock_boot_ms();
	*park = (struct park_command){ .command.run = run_park,
				       .media = media,
				       .offset = offset,
				       .end = read->end };
	backend_media_ref(backend, media);
	if (!arrive(media, read)) {
		free(park);
		backend_media_close(backend, media);
		return -EIO;
	}
	backend_send(backend, &park->command);
	return 0;
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

/* --- once a second, while reads or transfers are active --- */

/*
 * The deadline has expired: for too long, nothing arrived that the read could have waited
 * for.
 */
static bool is_overdue(const struct media *media, const struct media_read *read)
{
	return clock_boot_ms() - read->since_ms > media->backend->config->read_timeout_ms;
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
	if (answer_those(media, -EIO, is_overdue))
		media_note_overdue(media);
	if (had_waits && !media->waits)
		media_stop_unwanted(media);
	media_stop_idle(media);
	if (!media->is_refreshing && !timer_is_set(&media->retry))
		media_pump(media); /* what a stopped transfer was to fetch */
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
