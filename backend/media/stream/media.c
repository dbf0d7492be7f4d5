/* The table of open media. stream_internal.h describes the other files. */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"

#include <errno.h>

struct media *media_first(struct backend *backend)
{
	SCOPED_LOCK(&backend->streaming->lock);

	return backend->streaming->media;
}

struct media *media_find(struct backend *backend, uint64_t number, enum output_kind kind,
			 uint32_t version)
{
	for (struct media *media = backend->streaming->media; media; media = media->next)
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
	timer_init(&media->linger, media_linger_due, media);
	timer_init(&media->ahead, media_ahead_due, media);
	timer_init(&media->check_timer, media_check_due, media);
	atomic_init(&media->mark, UINT64_MAX);
	*ret_media = TAKE(media);
	return 0;
}

/*
 * Each media is opened by one thread at a time, without the lock, since that opens files;
 * other threads wait for the first one. On that thread's stack.
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
	for (const struct opening *other = backend->streaming->openings; other;
	     other = other->next)
		if (other->number == wanted->number && other->kind == wanted->kind &&
		    other->version == wanted->version)
			return true;
	return false;
}

/* The media if it is open; else NULL, and the caller opens it. */
static struct media *begin_opening(struct backend *backend, struct opening *opening)
{
	SCOPED_LOCK(&backend->streaming->lock);
	struct media *media;

	while (!(media = media_find(backend, opening->number, opening->kind,
				    opening->version)) &&
	       is_being_opened(backend, opening))
		pthread_cond_wait(&backend->streaming->opened, &backend->streaming->lock);
	if (media) {
		media->users++;
	} else {
		opening->next = backend->streaming->openings;
		backend->streaming->openings = opening;
	}
	return media;
}

/* `media` is the opened one, or NULL. */
static void end_opening(struct backend *backend, struct opening *opening,
			struct media *media)
{
	SCOPED_LOCK(&backend->streaming->lock);
	struct opening **at = &backend->streaming->openings;

	while (*at != opening)
		at = &(*at)->next;
	*at = opening->next;
	if (media) {
		media->next = backend->streaming->media;
		backend->streaming->media = media;
		media_kept_forget(media);
	}
	pthread_cond_broadcast(&backend->streaming->opened);
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
	SCOPED_LOCK(&backend->streaming->lock);

	media->users++;
}

uint64_t backend_media_size(const struct media *media)
{
	return media_file_size(media->file);
}

int backend_media_descriptor(struct media *media)
{
	if (!media_file_is_complete(media->file))
		return -ENODATA;
	atomic_store_explicit(&media->was_read, true, memory_order_relaxed);
	return media_file_descriptor(media->file);
}

bool media_is_used(const struct media *media)
{
	SCOPED_LOCK(&media->backend->streaming->lock);

	return media->users > 0;
}

bool media_is_idle(struct media *media)
{
	return !media_has_waits(media) && !media->transfers && !media->wants_all &&
	       !media->job;
}
