/*
 * Media that is open: who waits for which bytes, and the transfers that bring them.
 *
 * Reads of bytes that are here never come this way; a read that must wait is parked with
 * its range. The transfers are ranges of the file, grown while a reader goes on in order:
 * the first is small, each further one larger, and the next one begins while the reader
 * is still in the first half of what is here. Whoever needs a block that is on its way
 * waits for that one transfer.
 */
#include "backend/core.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/content_range.h"
#include "backend/media_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#define WINDOW_FIRST_BYTES (256u << 10)
#define WINDOW_MOST_BYTES (32u << 20)
#define WINDOW_GROWTH 4
#define NEAR_BYTES                                                          \
	(1u << 20) /* reordered readahead still counts as going on in order \
		    */
#define JOIN_BYTES                                                          \
	(2u << 20) /* how far behind a transfer's front a read waits for it \
		    */
#define RUNS_MAX 16
#define BACKOFF_FIRST_MS 250
#define BACKOFF_LAST_MS 8000
#define DEADLINE_MS 120000 /* without progress */
#define TICK_MS 1000
#define REFUSALS_MAX 2 /* of fresh links, in a row */

/* A read that waits. Backend thread only. */
struct wait {
	struct wait *next;
	uint64_t id;
	uint64_t offset, end;
	void *read;
	int64_t since_ms;
};

/* A range on its way. Backend thread only. */
struct transfer {
	struct transfer *next;
	struct media *media;
	struct http_call *call;
	uint64_t start, position, end;
	bool is_checked; /* the answer's head fits */
	bool is_misfit;	 /* it does not: the file changed, or the server cannot be used */
	int write_error;
};

/* A reader that goes on in order. Backend thread only. */
struct run {
	uint64_t next;	 /* where it is expected to read on */
	uint64_t window; /* bytes to have on their way for it */
	uint64_t grown;	 /* where it stood when the window grew last; 0: never */
	bool is_proven;	 /* it went on in order at least once: fetch ahead */
	int64_t used_ms;
};

struct media {
	/* Set when opened. */
	struct backend *backend;
	uint64_t number;
	enum output_kind kind;
	uint32_t version;
	struct media_file *file;

	/* Guarded by media_lock. */
	struct media *next;
	unsigned users;

	/* Any thread. */
	_Atomic uint64_t mark; /* a reader that gets here tells the backend: it goes on */

	/* Backend thread only. */
	struct wait *waits;
	struct transfer *transfers;
	struct run runs[RUNS_MAX];
	struct timer retry, tick;
	int64_t progress_ms; /* boot clock, when bytes came last */
	unsigned failures, refusals;
	bool is_refreshing;
	bool wants_all; /* fetch the whole file, readers or not */
	bool is_stale;	/* the server has another file now */
};

static void pump(struct media *media);

/* --- names and files --- */

char *media_file_name(enum output_kind kind, uint32_t version)
{
	return text_format("%s.%" PRIu32, kind == OUTPUT_VIDEO ? "video" : "last_frame",
			   version);
}

int media_task_directory(struct backend *backend, uint64_t number)
{
	AUTOFREE char *name = text_format("%" PRIu64, number);
	int fd;

	if (!name)
		return -ENOMEM;
	if (mkdirat(backend->media_directory, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(backend->media_directory, name,
		    O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static void remove_version(int directory, enum output_kind kind, uint32_t version)
{
	AUTOFREE char *name = media_file_name(kind, version);
	AUTOFREE char *map = name ? text_format("%s.map", name) : NULL;

	if (!map)
		return;
	unlinkat(directory, name, 0);
	unlinkat(directory, map, 0);
}

void media_drop(struct backend *backend, uint64_t number, enum output_kind kind)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	AUTOFREE char *name = text_format("%" PRIu64, number);
	AUTOCLOSE int directory =
		name ? openat(backend->media_directory, name,
			      O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
		     : -1;

	if (directory < 0 || !view)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (kind == OUTPUT_COUNT || (int)kind == i)
			for (uint32_t version = 1;
			     version <= view->outputs[i].version + 1; version++)
				remove_version(directory, (enum output_kind)i, version);
	if (kind == OUTPUT_COUNT)
		unlinkat(backend->media_directory, name, AT_REMOVEDIR);
}

/* --- opening --- */

static void retry_due(void *context);
static void tick_due(void *context);

static struct media *find(struct backend *backend, uint64_t number, enum output_kind kind,
			  uint32_t version)
{
	for (struct media *media = backend->media; media; media = media->next)
		if (media->number == number && media->kind == kind &&
		    media->version == version)
			return media;
	return NULL;
}

static int make(struct backend *backend, const struct task_view *view,
		enum output_kind kind, struct media **ret_media)
{
	const struct output *output = &view->outputs[kind];
	AUTOFREE struct media *media = calloc(1, sizeof(*media));
	AUTOFREE char *name = media_file_name(kind, output->version);
	AUTOCLOSE int directory = media_task_directory(backend, view->number);
	int r;

	if (!media || !name)
		return -ENOMEM;
	if (directory < 0)
		return directory;
	r = media_file_open(directory, name, output->size, output->etag, &media->file);
	if (r)
		return r;
	media->backend = backend;
	media->number = view->number;
	media->kind = kind;
	media->version = output->version;
	media->users = 1;
	timer_init(&media->retry, retry_due, media);
	timer_init(&media->tick, tick_due, media);
	atomic_init(&media->mark, UINT64_MAX);
	*ret_media = TAKE(media);
	return 0;
}

int backend_media_open(struct backend *backend, uint64_t number, enum output_kind kind,
		       uint32_t version, struct media **ret_media)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	SCOPED_LOCK(&backend->media_lock);
	struct media *media;
	int r;

	if (!view)
		return -ENOENT;
	media = find(backend, number, kind, version);
	if (media) {
		media->users++;
		*ret_media = media;
		return 0;
	}
	if (!view->outputs[kind].is_ready || view->outputs[kind].version != version)
		return -ESTALE;
	r = make(backend, view, kind, &media);
	if (r)
		return r;
	media->next = backend->media;
	backend->media = media;
	*ret_media = media;
	return 0;
}

void backend_media_ref(struct backend *backend, struct media *media)
{
	SCOPED_LOCK(&backend->media_lock);

	media->users++;
}

uint64_t backend_media_size(const struct media *media)
{
	return media_file_size(media->file);
}

uint64_t backend_media_kept(struct backend *backend, const struct task_view *view,
			    enum output_kind kind)
{
	const struct output *output = &view->outputs[kind];
	struct media *media = NULL;
	uint64_t kept = 0;

	if (!output->is_ready ||
	    backend_media_open(backend, view->number, kind, output->version, &media))
		return 0;
	kept = media_file_kept(media->file);
	backend_media_close(backend, media);
	return kept;
}

/* --- transfers: what comes in --- */

static void stop_transfer(struct transfer *transfer)
{
	struct transfer **at = &transfer->media->transfers;

	while (*at != transfer)
		at = &(*at)->next;
	*at = transfer->next;
	http_cancel(transfer->call);
	free(transfer);
}

static bool ready_wait(const struct media *media, const struct wait *wait)
{
	return media_file_has(media->file, wait->offset, wait->end - wait->offset);
}

/* Answers the waits that `is_over` (all, with NULL) with the result. */
static void answer_waits(struct media *media, int result,
			 bool (*is_over)(const struct media *media,
					 const struct wait *wait))
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
		       range.last < transfer->end &&
		       (!range.has_total || range.total == size);
	if (response->content_length >= 0 && (uint64_t)response->content_length != size)
		return false;
	/* A server without ranges: the whole file comes, from its start. */
	transfer->start = transfer->position = 0;
	transfer->end = size;
	return true;
}

static int take_bytes(void *context, const struct http_response *response,
		      const char *bytes, size_t size)
{
	struct transfer *transfer = context;
	struct media *media = transfer->media;
	uint64_t before;

	if (response->status != 200 && response->status != 206)
		return 0; /* an error's text: small, or the stall limit ends it */
	if (!transfer->is_checked) {
		transfer->is_misfit = !head_fits(transfer, response);
		if (transfer->is_misfit)
			return -1;
		transfer->is_checked = true;
	}
	if (size > transfer->end - transfer->position)
		size = (size_t)(transfer->end - transfer->position);
	before = transfer->position;
	transfer->write_error = media_file_write(media->file, before, bytes, size);
	if (transfer->write_error)
		return -1;
	transfer->position += size;
	before = before / MEDIA_BLOCK_BYTES * MEDIA_BLOCK_BYTES;
	media_file_mark(media->file, before, transfer->position);
	media->progress_ms = clock_boot_ms();
	media->failures = media->refusals = 0;
	answer_waits(media, 0, ready_wait);
	return 0;
}

/* --- transfers: how they end --- */

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

static void give_up(struct media *media, const char *why)
{
	note_failure(media, why);
	media->wants_all = false;
	media->failures = media->refusals = 0;
	answer_waits(media, -EIO, NULL);
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

static void retry_due(void *context)
{
	pump(context);
}

static void refreshed(void *context, int result)
{
	struct media *media = context;

	media->is_refreshing = false;
	if (result)
		retry_later(media);
	else
		pump(media);
}

static void refused(struct media *media, const char *why)
{
	if (media->is_refreshing)
		return;
	if (++media->refusals > REFUSALS_MAX) {
		give_up(media, why);
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
	give_up(media, "the file at the service changed");
}

static void failed(struct media *media, const struct transfer *transfer,
		   const struct http_response *response)
{
	AUTOFREE char *why = response->status
				     ? text_format("HTTP status %d", response->status)
				     : text_dup(response->failure);
	int status = response->status;

	if (transfer->is_misfit)
		become_stale(media);
	else if (transfer->write_error)
		give_up(media, strerror(-transfer->write_error));
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
	stop_transfer(transfer);
	if (!is_whole)
		failed(media, &copy, response);
	else
		clear_note(media);
	if (media_file_is_complete(media->file))
		media_file_sync_begin(media->file);
	if (!timer_is_set(&media->retry))
		pump(media);
}

/* --- transfers: how they begin --- */

static bool is_claimed(const struct media *media, uint64_t offset, uint64_t *ret_end)
{
	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (offset >= transfer->start && offset < transfer->end) {
			*ret_end = transfer->end;
			return true;
		}
	return false;
}

/* The end of a range that begins at `start`: before the next present or claimed block. */
static uint64_t free_end(const struct media *media, uint64_t start, uint64_t wanted_end)
{
	uint64_t size = media_file_size(media->file),
		 end = media_file_next_present(media->file, start);

	for (const struct transfer *transfer = media->transfers; transfer;
	     transfer = transfer->next)
		if (transfer->start > start && transfer->start < end)
			end = transfer->start;
	wanted_end = (wanted_end + MEDIA_BLOCK_BYTES - 1) / MEDIA_BLOCK_BYTES *
		     MEDIA_BLOCK_BYTES;
	if (wanted_end < end)
		end = wanted_end;
	return end < size ? end : size;
}

static int start_transfer(struct media *media, uint64_t start, uint64_t end)
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
					.done = transfer_done,
					.context = transfer };
	const char *url = view ? view->outputs[media->kind].url : NULL;

	if (!transfer || !section || !url) {
		free(transfer);
		return transfer ? -ENOLINK : -ENOMEM;
	}
	transfer->media = media;
	transfer->start = transfer->position = start;
	transfer->end = end;
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
	transfer->next = media->transfers;
	media->transfers = transfer;
	return 0;
}

/* The run that a read belongs to; a new one takes the place of the one used least lately.
 */
static struct run *find_run(struct media *media, uint64_t offset, uint64_t end)
{
	struct run *oldest = &media->runs[0];
	int64_t now_ms = clock_boot_ms();

	for (size_t i = 0; i < RUNS_MAX; i++) {
		struct run *run = &media->runs[i];

		/* What was in its window it may have read without being seen here. */
		if (run->window && offset + NEAR_BYTES >= run->next &&
		    offset <= run->next + run->window + NEAR_BYTES) {
			if (end > run->next)
				run->next = end;
			run->used_ms = now_ms;
			return run;
		}
		if (run->used_ms < oldest->used_ms)
			oldest = run;
	}
	*oldest = (struct run){ .next = end, .used_ms = now_ms };
	return oldest;
}

/*
 * A reader that had to wait, and has read on by half the window since the last time,
 * proves that the window is too small.
 */
static void grow_window(struct run *run, uint64_t read_bytes)
{
	if (!run->window)
		run->window = read_bytes > WINDOW_FIRST_BYTES / 2 ? 2 * read_bytes
								  : WINDOW_FIRST_BYTES;
	else if (run->window < WINDOW_MOST_BYTES &&
		 run->next - run->grown >= run->window / 2)
		run->window *= WINDOW_GROWTH;
	else
		return;
	if (run->window > WINDOW_MOST_BYTES)
		run->window = WINDOW_MOST_BYTES;
	run->is_proven = run->grown != 0;
	run->grown = run->next;
}

/* Sees to it that the first missing byte of the range is on its way. */
static int provide(struct media *media, uint64_t offset, uint64_t end, uint64_t ahead)
{
	uint64_t missing = media_file_next_missing(media->file, offset), claimed_end;

	while (missing < end) {
		uint64_t stop;
		int r;

		if (is_claimed(media, missing, &claimed_end)) {
			missing = media_file_next_missing(media->file, claimed_end);
			continue;
		}
		stop = free_end(media, missing,
				end > missing + ahead ? end : missing + ahead);
		r = start_transfer(media, missing / MEDIA_BLOCK_BYTES * MEDIA_BLOCK_BYTES,
				   stop);
		if (r)
			return r;
		missing = media_file_next_missing(media->file, stop);
	}
	return 0;
}

/* Where what is here or on its way from `offset` on ends. */
static uint64_t frontier(const struct media *media, uint64_t offset)
{
	uint64_t size = media_file_size(media->file), at = offset, claimed_end;

	while (at < size) {
		at = media_file_next_missing(media->file, at);
		if (!is_claimed(media, at, &claimed_end))
			break;
		at = claimed_end;
	}
	return at;
}

/* Keeps a run's window on its way, and sets the mark at which its reader is to report. */
static void go_ahead(struct media *media, struct run *run)
{
	uint64_t size = media_file_size(media->file), end = frontier(media, run->next);

	if (run->is_proven && end < size && end - run->next <= run->window / 2) {
		if (!provide(media, end, end + 1, run->window))
			end = frontier(media, run->next);
	}
	if (end < size && run->is_proven)
		atomic_store_explicit(&media->mark,
				      end > run->window / 2 ? end - run->window / 2 : 0,
				      memory_order_relaxed);
	else
		atomic_store_explicit(&media->mark, UINT64_MAX, memory_order_relaxed);
}

static void provide_all(struct media *media)
{
	uint64_t size = media_file_size(media->file);

	if (media->transfers || media_file_is_complete(media->file))
		return;
	provide(media, media_file_next_missing(media->file, 0),
		media_file_next_missing(media->file, 0) + 1, size);
}

static bool is_idle(const struct media *media)
{
	return !media->waits && !media->transfers && !media->wants_all;
}

/* Starts whatever is missing for those who wait. */
static void pump(struct media *media)
{
	int r = 0;

	if (media->is_refreshing)
		return;
	answer_waits(media, 0, ready_wait);
	if (media->is_stale) {
		answer_waits(media, -EIO, NULL);
		return;
	}
	for (struct wait *wait = media->waits; wait && !r; wait = wait->next)
		r = provide(media, wait->offset, wait->end, 0);
	if (!r && media->wants_all)
		provide_all(media);
	if (media->wants_all && media_file_is_complete(media->file))
		media->wants_all = false;
	if (r)
		give_up(media, r == -ENOLINK
				       ? "the configuration no longer has its provider"
				       : "no memory");
	if (!is_idle(media) && !timer_is_set(&media->tick))
		timer_set(&media->backend->timers, &media->tick,
			  clock_boot_ms() + TICK_MS);
}

/* --- reads --- */

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
	uint64_t ignored;
	struct run *run;

	free(park);
	wait->since_ms = clock_boot_ms();
	wait->next = media->waits;
	media->waits = wait;
	if (!media->transfers)
		media->progress_ms = wait->since_ms;
	run = find_run(media, wait->offset, wait->end);
	if (!ready_wait(media, wait) && !media->is_stale &&
	    !timer_is_set(&media->retry) && !media->is_refreshing) {
		grow_window(run, wait->end - wait->offset);
		if (run->is_proven &&
		    !is_claimed(media, media_file_next_missing(media->file, wait->offset),
				&ignored))
			provide(media, wait->offset, wait->end, run->window);
	}
	if (!timer_is_set(&media->retry))
		pump(media);
	go_ahead(media, run);
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

/* Transfers that nobody waits for any more stop; what they brought is kept. */
static void stop_unwanted(struct media *media)
{
	if (media->waits || media->wants_all)
		return;
	while (media->transfers)
		stop_transfer(media->transfers);
	timer_clear(&media->backend->timers, &media->retry);
}

static void run_unpark(struct backend *backend, struct command *command)
{
	struct unpark_command *unpark = (struct unpark_command *)command;

	for (struct media *media = backend->media; media; media = media->next)
		if (unpark_in(media, unpark->id, unpark->result)) {
			stop_unwanted(media);
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

struct ahead_command {
	struct command command;
	struct media *media;
	uint64_t offset;
};

static void run_ahead(struct backend *backend, struct command *command)
{
	struct ahead_command *ahead = (struct ahead_command *)command;
	struct media *media = ahead->media;

	if (!media->is_stale && !media->is_refreshing && !timer_is_set(&media->retry))
		go_ahead(media, find_run(media, ahead->offset, ahead->offset));
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

static void close_on_thread(struct media *media);

static void tick_due(void *context)
{
	struct media *media = context;
	struct wait *before = media->waits;
	bool is_syncing;

	answer_waits(media, -EIO, is_overdue);
	if (before && !media->waits)
		stop_unwanted(media);
	is_syncing = media_file_sync_poll(media->file) == -EINPROGRESS;
	if (!is_idle(media) || is_syncing)
		timer_set(&media->backend->timers, &media->tick,
			  clock_boot_ms() + TICK_MS);
	else
		close_on_thread(media);
}

/* --- closing --- */

static void media_destroy(struct media *media)
{
	struct backend *backend = media->backend;

	answer_waits(media, -EIO, NULL);
	while (media->transfers)
		stop_transfer(media->transfers);
	timer_clear(&backend->timers, &media->retry);
	timer_clear(&backend->timers, &media->tick);
	follow_forget(backend, media);
	media_file_unref(media->file);
	free(media);
}

/* Unlinks it from the table if nobody has it open. */
static bool unlink_unused(struct backend *backend, struct media *media)
{
	SCOPED_LOCK(&backend->media_lock);
	struct media **at = &backend->media;

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
 * The last one left. Transfers stop unless everything is wanted; a file that is whole is
 * made durable first. What is still under way closes it from the tick.
 */
static void close_on_thread(struct media *media)
{
	struct backend *backend = media->backend;
	bool is_in_use;

	{
		SCOPED_LOCK(&backend->media_lock);

		is_in_use = media->users > 0;
	}
	if (is_in_use)
		return;
	stop_unwanted(media);
	if (!is_idle(media) || media_file_sync_poll(media->file) == -EINPROGRESS) {
		if (!timer_is_set(&media->tick))
			timer_set(&backend->timers, &media->tick,
				  clock_boot_ms() + TICK_MS);
		return;
	}
	if (unlink_unused(backend, media))
		media_destroy(media);
}

struct close_command {
	struct command command;
	struct media *media;
};

/* Two closes of one media may be queued: only one of them still finds it in the table. */
static void run_close(struct backend *backend, struct command *command)
{
	struct close_command *close = (struct close_command *)command;
	struct media *media = close->media, *found;

	free(close);
	pthread_mutex_lock(&backend->media_lock);
	for (found = backend->media; found && found != media; found = found->next)
		;
	pthread_mutex_unlock(&backend->media_lock);
	if (found)
		close_on_thread(found);
}

void backend_media_close(struct backend *backend, struct media *media)
{
	struct close_command *close;
	bool is_last;

	{
		SCOPED_LOCK(&backend->media_lock);

		is_last = --media->users == 0;
	}
	if (!is_last)
		return;
	close = calloc(1, sizeof(*close));
	if (!close)
		return; /* it stays open until the end: no harm but memory */
	close->command.run = run_close;
	close->media = media;
	core_send(backend, &close->command);
}

/* --- the whole file --- */

static void fetch_output(struct backend *backend, const struct task_view *view,
			 enum output_kind kind)
{
	struct media *media;

	if (!view->outputs[kind].is_ready ||
	    backend_media_open(backend, view->number, kind, view->outputs[kind].version,
			       &media))
		return;
	media->wants_all = true;
	pump(media);
	backend_media_close(backend, media);
}

void media_fetch(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	if (!view)
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		fetch_output(backend, view, (enum output_kind)i);
	if (!probe_is_under_way(backend, number))
		probe_task(backend, number, true);
}

static int open_whole(struct backend *backend, const struct task_view *view,
		      enum output_kind kind, int *ret_fd)
{
	AUTOFREE char *name = media_file_name(kind, view->outputs[kind].version);
	AUTOCLOSE int directory = media_task_directory(backend, view->number);

	if (!name || directory < 0)
		return name ? directory : -ENOMEM;
	*ret_fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? -errno : 0;
}

int media_whole(struct backend *backend, const struct task_view *view,
		enum output_kind kind, int *ret_fd)
{
	struct media *media;
	int r = backend_media_open(backend, view->number, kind,
				   view->outputs[kind].version, &media);

	if (r)
		return r;
	if (media_file_is_complete(media->file)) {
		r = open_whole(backend, view, kind, ret_fd);
	} else {
		media->wants_all = true;
		pump(media);
		r = -EAGAIN;
	}
	backend_media_close(backend, media);
	return r;
}

void media_stop(struct backend *backend)
{
	for (struct media *media = backend->media; media; media = media->next) {
		answer_waits(media, -EIO, NULL);
		while (media->transfers)
			stop_transfer(media->transfers);
	}
}

void media_clear(struct backend *backend)
{
	while (backend->media) {
		struct media *media = backend->media;

		backend->media = media->next;
		media_destroy(media);
	}
}
