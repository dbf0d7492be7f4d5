/* Creating and destroying the streams. */
#include "backend/media/stream/stream_internal.h"

#include "backend/base/cleanup.h"
#include "backend/media/store/writer.h"

#include <errno.h>
#include <stdlib.h>

/* Runs on the writer's thread. */
static void written(void *context)
{
	struct backend *backend = context;

	atomic_store(&backend->streaming->has_written, true);
	backend_wake(backend);
}

int streaming_create(struct backend *backend)
{
	struct streaming *streaming = calloc(1, sizeof(*streaming));

	if (!streaming)
		return -ENOMEM;
	pthread_mutex_init(&streaming->lock, NULL);
	pthread_cond_init(&streaming->opened, NULL);
	media_pool_init(&streaming->chunks);
	backend->streaming = streaming;
	media_reads_init(backend);
	return media_writer_create(written, backend, &streaming->writer);
}

void streaming_set_events(struct backend *backend, const struct stream_events *events)
{
	backend->streaming->events = events;
}

int streaming_start(struct backend *backend)
{
	return media_writer_start(backend->streaming->writer);
}

/* Makes large parts of files survive a power cut. */
static void sync_all(struct backend *backend)
{
	for (struct media *media = media_first(backend); media; media = media->next)
		if (media_is_worth_a_sync(media))
			media_file_sync_begin(media->file);
	for (struct media *media = media_first(backend); media; media = media->next)
		media_file_sync_finish(media->file);
}

void streaming_stop_writer(struct backend *backend)
{
	media_writer_stop(backend->streaming->writer);
}

void streaming_stop(struct backend *backend)
{
	for (struct media *media = media_first(backend); media; media = media->next) {
		media_refuse_reads(media);
		media_stop_transfers(media);
	}
	streaming_stop_writer(backend);
	sync_all(backend);
}

void streaming_destroy(struct backend *backend)
{
	struct streaming *streaming = backend->streaming;

	if (!streaming)
		return;
	while (streaming->media) {
		struct media *media = streaming->media;

		streaming->media = media->next;
		media_destroy(media);
	}
	media_writer_destroy(streaming->writer);
	media_pool_clear(&streaming->chunks);
	pthread_mutex_destroy(&streaming->lock);
	pthread_cond_destroy(&streaming->opened);
	free(streaming);
}
