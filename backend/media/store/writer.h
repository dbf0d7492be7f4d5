/*
 * The writer: one thread that writes chunks to disk in the order of arrival, so that a
 * slow disk delays neither the network nor readers. Callers bound its queue: while
 * media_writer_is_full(), transfers pause.
 *
 * A chunk that finds no space stays in the stage of its file, and is retried with the
 * next chunk that does. While the disk stalls, callers keep further bytes in the stage,
 * too.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STORE_WRITER_H
#define SEEDANCEFS_BACKEND_MEDIA_STORE_WRITER_H

#include <stdbool.h>

struct media_chunk;
struct media_file;
struct media_writer;

/*
 * `news` is called on the writer's thread when a file is complete, when writing starts to
 * fail or works again, and when the queue has space again: it must only wake another
 * thread.
 */
int media_writer_create(void (*news)(void *context), void *context,
			struct media_writer **ret_writer);
int media_writer_start(struct media_writer *writer);
/* Writes the queue, then ends. */
void media_writer_stop(struct media_writer *writer);
void media_writer_destroy(struct media_writer *writer);

/* Queues a chunk that is staged in the file. Any thread. */
void media_writer_add(struct media_writer *writer, struct media_file *file,
		      struct media_chunk *chunk);
/* Queues the chunks of the file that found no space before. */
void media_writer_retry(struct media_writer *writer, struct media_file *file);
bool media_writer_is_full(struct media_writer *writer);
/* Whether nothing was written for a second although the queue is not empty. */
bool media_writer_is_stuck(struct media_writer *writer);

#endif
