/*
 * The writer: one thread that brings chunks of bytes to disk, in the order they came, so
 * that a slow disk holds up neither the network nor readers. What waits for it is bounded
 * by whoever adds: while media_writer_is_full(), transfers pause.
 *
 * A chunk that finds no room stays in its file's stage; it is tried again with the next
 * one that does. While the disk stands still, whoever has more bytes keeps them there,
 * too.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STORE_WRITER_H
#define SEEDANCEFS_BACKEND_MEDIA_STORE_WRITER_H

#include <stdbool.h>

struct media_chunk;
struct media_file;
struct media_writer;

/*
 * `news` is called on the writer's thread when a file became whole, when writing one
 * begins to fail or works again, and when there is room in the queue again: it must only
 * wake.
 */
int media_writer_create(void (*news)(void *context), void *context,
			struct media_writer **ret_writer);
int media_writer_start(struct media_writer *writer);
/* Writes what is queued, then ends. */
void media_writer_stop(struct media_writer *writer);
void media_writer_destroy(struct media_writer *writer);

/* Queues a chunk that is staged in the file. Any thread. */
void media_writer_add(struct media_writer *writer, struct media_file *file,
		      struct media_chunk *chunk);
/* Queues the chunks of the file that found no room before. */
void media_writer_retry(struct media_writer *writer, struct media_file *file);
bool media_writer_is_full(struct media_writer *writer);
/* Nothing was written for a second, though there is something to write. */
bool media_writer_is_stuck(struct media_writer *writer);

#endif
