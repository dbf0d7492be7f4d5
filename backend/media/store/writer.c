#include "backend/media/store/writer.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/thread.h"
#include "backend/media/store/media_file.h"
#include "backend/media/store/stage.h"

#include <errno.h>

/* More than this waiting for the disk: transfers pause, until half of it is written. */
#define QUEUE_MOST_BYTES (5u << 20)
#define STUCK_MS 1000

struct media_writer {
	/* Set when made. */
	void (*news)(void *context);
	void *context;
	pthread_t thread;
	bool is_started;

	pthread_mutex_t lock;
	pthread_cond_t has_chunks;
	/* Guarded by lock. */
	struct media_chunk *queue, **queue_end;
	bool is_stopping;
	/* Written with the lock held. */
	_Atomic size_t queued_bytes;
	_Atomic int64_t progress_ms; /* boot clock: when it was last seen to write */
};

int media_writer_create(void (*news)(void *context), void *context,
			struct media_writer **ret_writer)
{
	struct media_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return -ENOMEM;
	writer->news = news;
	writer->context = context;
	writer->queue_end = &writer->queue;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->has_chunks, NULL);
	*ret_writer = writer;
	return 0;
}

void media_writer_destroy(struct media_writer *writer)
{
	if (!writer)
		return;
	while (writer->queue) { /* it never ran */
		struct media_chunk *chunk = writer->queue;

		writer->queue = chunk->next_queued;
		media_file_unref(chunk->file);
		media_chunk_unref(chunk);
	}
	pthread_cond_destroy(&writer->has_chunks);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

void media_writer_add(struct media_writer *writer, struct media_file *file,
		      struct media_chunk *chunk)
{
	bool was_empty;

	media_chunk_ref(chunk);
	chunk->file = media_file_ref(file);
	chunk->next_queued = NULL;
	{
		SCOPED_LOCK(&writer->lock);

		was_empty = !writer->queue;
		if (!writer->queued_bytes)
			writer->progress_ms = clock_boot_ms();
		*writer->queue_end = chunk;
		writer->queue_end = &chunk->next_queued;
		writer->queued_bytes += chunk->size;
	}
	if (was_empty)
		pthread_cond_signal(&writer->has_chunks);
}

void media_writer_retry(struct media_writer *writer, struct media_file *file)
{
	struct media_chunk *chunk;

	while ((chunk = media_file_take_homeless(file))) {
		media_writer_add(writer, file, chunk);
		media_chunk_unref(chunk);
	}
}

bool media_writer_is_full(struct media_writer *writer)
{
	return writer->queued_bytes > QUEUE_MOST_BYTES;
}

bool media_writer_is_stuck(struct media_writer *writer)
{
	return writer->queued_bytes && clock_boot_ms() - writer->progress_ms > STUCK_MS;
}

/* The oldest chunk; NULL at the end, once nothing is queued. */
static struct media_chunk *take(struct media_writer *writer)
{
	SCOPED_LOCK(&writer->lock);
	struct media_chunk *chunk;

	while (!writer->queue && !writer->is_stopping)
		pthread_cond_wait(&writer->has_chunks, &writer->lock);
	chunk = writer->queue;
	if (!chunk)
		return NULL;
	writer->queue = chunk->next_queued;
	if (!writer->queue)
		writer->queue_end = &writer->queue;
	return chunk;
}

/* Whether there is room in the queue again by it. */
static bool count_written(struct media_writer *writer, size_t size)
{
	SCOPED_LOCK(&writer->lock);
	size_t before = writer->queued_bytes;

	writer->queued_bytes = before - size;
	writer->progress_ms = clock_boot_ms();
	return before > QUEUE_MOST_BYTES / 2 && before - size <= QUEUE_MOST_BYTES / 2;
}

/* Once it found no room, anybody may queue the chunk again. */
static void write_chunk(struct media_writer *writer, struct media_chunk *chunk)
{
	struct media_file *file = TAKE(chunk->file);
	bool was_failing = media_file_disk_error(file) != 0, is_failing, has_room;

	media_file_write_chunk(file, chunk);
	is_failing = media_file_disk_error(file) != 0;
	if (was_failing && !is_failing)
		media_writer_retry(writer, file);
	has_room = count_written(writer, chunk->size);
	if (has_room || was_failing != is_failing || media_file_is_complete(file))
		writer->news(writer->context);
	media_chunk_unref(chunk);
	media_file_unref(file);
}

static void *writer_run(void *context)
{
	struct media_chunk *chunk;

	while ((chunk = take(context)))
		write_chunk(context, chunk);
	return NULL;
}

int media_writer_start(struct media_writer *writer)
{
	int r = thread_start(&writer->thread, writer_run, writer);

	writer->is_started = r == 0;
	return r;
}

void media_writer_stop(struct media_writer *writer)
{
	if (!writer || !writer->is_started)
		return;
	{
		SCOPED_LOCK(&writer->lock);

		writer->is_stopping = true;
	}
	pthread_cond_signal(&writer->has_chunks);
	pthread_join(writer->thread, NULL);
	writer->is_started = false;
}
