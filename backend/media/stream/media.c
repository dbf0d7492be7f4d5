/*
 * Which media is open: the files' names, opening and closing, and the fetching of a whole
 * file. media/media_internal.h tells what is in the other rooms.
 */
#include "backend/media/media_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/media/prefetch/prefetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define LINGER_MS 2000 /* how long one stays open after its last close */
#define SYNC_BYTES (1u << 20)
#define UNUSED_MAX 64 /* how many may do so at once */

/* --- names and files --- */

char *media_file_name(enum output_kind kind, uint32_t version)
{
	return text_format("%s.%" PRIu32, kind == OUTPUT_VIDEO ? "video" : "last_frame",
			   version);
}

static int open_directory(struct backend *backend, const char *name)
{
	int fd = openat(backend->media_directory, name,
			O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

/* What is there is opened without asking the filesystem for a change,
 * which could wait. */
int media_task_directory(struct backend *backend, uint64_t number)
{
	AUTOFREE char *name = text_format("%" PRIu64, number);
	int fd = name ? open_directory(backend, name) : -ENOMEM;

	if (fd != -ENOENT)
		return fd;
	if (mkdirat(backend->media_directory, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return open_directory(backend, name);
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

/* Their files are about to go: whoever has them open reads on, nobody else keeps them. */
static void close_dropped(struct backend *backend, uint64_t number, enum output_kind kind)
{
	struct media *next;

	for (struct media *media = media_first(backend); media; media = next) {
		next = media->next;
		if (media->number != number ||
		    (kind != OUTPUT_COUNT && media->kind != kind))
			continue;
		media->is_dropped = true;
		media->wants_all = media->needs_sync = false;
		media_close_unused(media);
	}
}

void media_drop(struct backend *backend, uint64_t number, enum output_kind kind)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	AUTOFREE char *name = text_format("%" PRIu64, number);
	AUTOCLOSE int directory =
		name ? openat(backend->media_directory, name,
			      O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
		     : -1;

	prefetch_drop(backend, number, kind);
	close_dropped(backend, number, kind);
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

void media_drop_older(struct backend *backend, uint64_t number, enum output_kind kind,
		      uint32_t version)
{
	AUTOCLOSE int directory =
		version > 1 ? media_task_directory(backend, number) : -1;

	for (uint32_t older = 1; directory >= 0 && older < version; older++)
		remove_version(directory, kind, older);
}

/* --- opening --- */

static void linger_due(void *context);

struct media *media_first(struct backend *backend)
{
	SCOPED_LOCK(&backend->media_lock);

	return backend->media;
}

struct media *media_find(struct backend *backend, uint64_t number, enum output_kind kind,
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
	r = media_file_open(directory, name, output->size, output->etag, &media->file);
	if (r)
		return r;
	media->backend = backend;
	media->number = view->number;
	media->kind = kind;
	media->version = output->version;
	media->has_no_room = media_is_noted(media, view);
	media->is_concluded = output->is_whole && media_file_is_complete(media->file);
	media->users = 1;
	timer_init(&media->retry, media_retry_due, media);
	timer_init(&media->tick, media_tick_due, media);
	timer_init(&media->linger, linger_due, media);
	timer_init(&media->ahead, media_ahead_due, media);
	timer_init(&media->check_timer, media_check_due, media);
	atomic_init(&media->mark, UINT64_MAX);
	*ret_media = TAKE(media);
	return 0;
}

/*
 * One media is opened by one at a time, and not under the lock, for files are opened:
 * whoever else wants it waits for the first one. On that one's stack.
 */
struct opening {
	struct opening *next;
	uint64_t number;
	enum output_kind kind;
	uint32_t version;
};

/* The lock is held. */
static bool is_being_opened(const struct backend *backend, const struct opening *wanted)
{
	for (const struct opening *other = backend->openings; other; other = other->next)
		if (other->number == wanted->number && other->kind == wanted->kind &&
		    other->version == wanted->version)
			return true;
	return false;
}

/* The media if it is open; else NULL, and the opening is this one's. */
static struct media *begin_opening(struct backend *backend, struct opening *opening)
{
	SCOPED_LOCK(&backend->media_lock);
	struct media *media;

	while (!(media = media_find(backend, opening->number, opening->kind,
				    opening->version)) &&
	       is_being_opened(backend, opening))
		pthread_cond_wait(&backend->media_opened, &backend->media_lock);
	if (media) {
		media->users++;
	} else {
		opening->next = backend->openings;
		backend->openings = opening;
	}
	return media;
}

/* `media` is what was opened, or NULL. */
static void end_opening(struct backend *backend, struct opening *opening,
			struct media *media)
{
	SCOPED_LOCK(&backend->media_lock);
	struct opening **at = &backend->openings;

	while (*at != opening)
		at = &(*at)->next;
	*at = opening->next;
	if (media) {
		media->next = backend->media;
		backend->media = media;
		media_kept_forget(media);
	}
	pthread_cond_broadcast(&backend->media_opened);
}

int backend_media_open(struct backend *backend, uint64_t number, enum output_kind kind,
		       uint32_t version, struct media **ret_media)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	struct opening opening = { .number = number, .kind = kind, .version = version };
	struct media *media;
	int r = 0;

	if (!view)
		return -ENOENT;
	media = begin_opening(backend, &opening);
	if (!media) {
		if (!view->outputs[kind].is_ready ||
		    view->outputs[kind].version != version)
			r = -ESTALE;
		else
			r = make(backend, view, kind, &media);
		end_opening(backend, &opening, media);
	}
	if (!r)
		*ret_media = media;
	return r;
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

int backend_media_descriptor(const struct media *media)
{
	return media_file_is_complete(media->file) ? media_file_descriptor(media->file)
						   : -ENODATA;
}

/* --- closing --- */

bool media_is_idle(struct media *media)
{
	return !media_has_waits(media) && !media->transfers && !media->wants_all &&
	       !media->job;
}

static void media_destroy(struct media *media)
{
	struct backend *backend = media->backend;

	media_answer_all(media, -EIO);
	media_stop_transfers(media);
	timer_clear(&backend->timers, &media->retry);
	timer_clear(&backend->timers, &media->tick);
	timer_clear(&backend->timers, &media->linger);
	timer_clear(&backend->timers, &media->ahead);
	media_check_clear(media);
	poll_forget(backend, media);
	media_file_unref(media->file);
	free(media->trouble);
	free(media->etag);
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

bool media_is_used(const struct media *media)
{
	SCOPED_LOCK(&media->backend->media_lock);

	return media->users > 0;
}

/*
 * A good part of a file that is made durable when it is closed is still there after a
 * power cut. Less of it is fetched again.
 */
static bool is_worth_a_sync(const struct media *media)
{
	return !media->is_dropped && !media->is_stale &&
	       !media_file_is_synced(media->file) &&
	       media_file_descriptor(media->file) >= 0 &&
	       media_file_kept(media->file) >= SYNC_BYTES;
}

/* What came is brought to disk, and made durable if it is whole, before it is closed. */
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

/* The one that is unused longest, when there are more than may be; else NULL. */
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

static void linger_due(void *context)
{
	struct media *media = context;

	if (is_busy(media))
		media_start_tick(media);
	else
		close_now(media);
}

/*
 * The last one left. Transfers stop unless everything is wanted; what is still under way
 * closes it from the tick. Whatever can be read again stays open for a while: players
 * and shells open a file anew and go on.
 */
void media_close_unused(struct media *media)
{
	if (media_is_used(media))
		return;
	if (atomic_load(&media->was_read) && media_file_is_complete(media->file))
		media_clear_note(media); /* of a version before it */
	media_stop_unwanted(media);
	if (is_worth_a_sync(media) && !media_file_is_writing(media->file))
		media->needs_sync = true;
	if (is_busy(media)) {
		media_start_tick(media);
		return;
	}
	if (media->is_stale || media->is_dropped ||
	    media_file_descriptor(media->file) < 0) /* there may be room next time */
		close_now(media);
	else
		linger(media);
}

struct close_command {
	struct command command;
	struct media *media;
};

/* Two closes of one media may be queued: only one of them still finds it in the table. */
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

/* Nobody told how far it read: those who stay are heard of with their next read. */
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
		core_send(backend, &leave->command);
	}
	backend_media_close(backend, media);
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
	media_pump(media);
	backend_media_close(backend, media);
}

void media_fetch(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	if (!view)
		return;
	prefetch_again(backend, number);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		fetch_output(backend, view, (enum output_kind)i);
	if (!size_probe_is_under_way(backend, number))
		size_probe_task(backend, number, true);
}

int media_open_bytes(struct media *media)
{
	AUTOFREE char *name = media_file_name(media->kind, media->version);
	AUTOCLOSE int directory = media_task_directory(media->backend, media->number);
	int fd;

	if (!name || directory < 0)
		return name ? directory : -ENOMEM;
	fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static bool is_under_way(const struct media *media)
{
	return media->transfers || media->is_refreshing || timer_is_set(&media->retry);
}

/* Whoever gives it up, or never heard of it, does not want it all. */
static int fetch_whole(struct media *media, bool begins, char **ret_why)
{
	bool is_wanted = begins || media->wants_all;

	if (is_wanted)
		media->wants_all = true;
	if (is_wanted && !is_under_way(media))
		media_pump(media);
	*ret_why = text_dup(media->trouble);
	if (is_wanted)
		return -EAGAIN;
	return media->is_linkless ? -ENODATA : -EIO;
}

int media_whole(struct backend *backend, const struct task_view *view,
		enum output_kind kind, bool begins, int *ret_fd, char **ret_why)
{
	struct media *media;
	int r = backend_media_open(backend, view->number, kind,
				   view->outputs[kind].version, &media);

	if (r)
		return r;
	if (media_file_is_complete(media->file)) {
		*ret_fd = media_open_bytes(media);
		r = *ret_fd < 0 ? *ret_fd : 0;
	} else {
		r = fetch_whole(media, begins, ret_why);
	}
	backend_media_close(backend, media);
	return r;
}

/* --- the end --- */

void media_stop(struct backend *backend)
{
	for (struct media *media = media_first(backend); media; media = media->next) {
		media_answer_all(media, -EIO);
		media_stop_transfers(media);
	}
}

void media_sync(struct backend *backend)
{
	for (struct media *media = media_first(backend); media; media = media->next)
		if (is_worth_a_sync(media))
			media_file_sync_begin(media->file);
	for (struct media *media = media_first(backend); media; media = media->next)
		media_file_sync_finish(media->file);
}

void media_clear(struct backend *backend)
{
	while (backend->media) {
		struct media *media = backend->media;

		backend->media = media->next;
		media_destroy(media);
	}
}
