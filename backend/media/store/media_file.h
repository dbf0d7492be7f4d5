/*
 * A media file while it is being fetched: on disk a sparse file of the final size, and
 * beside it a map that tells which blocks of 4 KiB hold their bytes; in memory what came
 * and is not on disk yet (stage.h). Both count as here.
 *
 * The map is a shared mapping, so what was written survives a kill of the daemon at any
 * time without a system call for each block. A power cut is another matter: a map counts
 * beyond the boot that wrote it only while all that it marks was made durable.
 *
 * A disk without room, or none at all, makes a file that is only passed on: what came
 * last is here in memory, and nothing is kept.
 *
 * Threads: the backend's stages, the writer's (writer.h) writes and marks; any
 * number read. A block is marked present after its bytes were written, so a reader that
 * sees the mark sees the bytes. Reference counted.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STORE_MEDIA_FILE_H
#define SEEDANCEFS_BACKEND_MEDIA_STORE_MEDIA_FILE_H

#include "backend/media/store/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_BLOCK_BYTES 4096u

struct media_file;

/*
 * Opens `name` in the directory, or creates it with `size` bytes, all missing. What is
 * there of another size or another `etag` (may be NULL) is emptied. Where the disk has no
 * room for it (or `directory` is such an error itself: -errno), the file is in memory
 * only. Returns 0 or -errno.
 */
int media_file_open(int directory, const char *name, uint64_t size, const char *etag,
		    struct media_file **ret_file);
/* The bytes that are here of a file that is not open. Changes nothing on disk. */
uint64_t media_file_look(int directory, const char *name, uint64_t size,
			 const char *etag);
struct media_file *media_file_ref(struct media_file *file);
void media_file_unref(struct media_file *file);

uint64_t media_file_size(const struct media_file *file);
/* Of the bytes on disk; borrowed. -ENODATA: they are in memory only. */
int media_file_descriptor(const struct media_file *file);

/* Whether all of the bytes are here. An empty range always is. Any thread. */
bool media_file_has(const struct media_file *file, uint64_t offset, uint64_t size);
/* All of it is on disk. */
bool media_file_is_complete(const struct media_file *file);
/* Bytes that are on disk. */
uint64_t media_file_kept(const struct media_file *file);

/*
 * Shows where the bytes of a range within the file are. 0; -EAGAIN when some are not
 * here; -ENOMEM. Clear the view afterwards. Any thread.
 */
int media_file_view(struct media_file *file, uint64_t offset, size_t size,
		    struct media_view *ret_view);

/* The first missing byte at or behind `offset`; the size if there is none. */
uint64_t media_file_next_missing(const struct media_file *file, uint64_t offset);
/* The first present byte at or behind `offset`; the size if there is none. */
uint64_t media_file_next_present(const struct media_file *file, uint64_t offset);

struct media_chunk;

/* Readers find the chunk's bytes from now on; it is not on disk yet. Any thread. */
void media_file_stage(struct media_file *file, struct media_chunk *chunk);
/*
 * Brings a staged chunk to disk; or it stays in memory, and media_file_disk_error() tells
 * why. The writer's thread.
 */
void media_file_write_chunk(struct media_file *file, struct media_chunk *chunk);
/* It is not brought to disk for now. Any thread. */
void media_file_keep_chunk(struct media_file *file, struct media_chunk *chunk);
/* Whether the disk has so much room left, as far as it tells. */
bool media_file_has_room(const struct media_file *file, uint64_t bytes);
/* Nothing of it is here any more: it cannot be relied on. Backend thread only. */
void media_file_forget(struct media_file *file, int error);
/* Why the last chunk that was to be written is not on disk: -errno, or 0. Any thread. */
int media_file_disk_error(const struct media_file *file);
/* A staged chunk that found no room: a reference, or NULL. */
struct media_chunk *media_file_take_homeless(struct media_file *file);
/* Bytes that found no room. */
size_t media_file_homeless(const struct media_file *file);
/* Chunks are on their way to the disk. */
bool media_file_is_writing(const struct media_file *file);

/* Writes bytes; marks nothing. 0 or -errno. One thread at a time. */
int media_file_write(struct media_file *file, uint64_t offset, const void *bytes,
		     size_t size);
/* Marks the blocks that lie whole in [start, end);
 * start is a multiple of the block size. */
void media_file_mark(struct media_file *file, uint64_t start, uint64_t end);

/*
 * Begins to make what is written durable, in the background; media_file_sync_poll()
 * returns -EINPROGRESS until it is done, then 0, -EAGAIN (more was written meanwhile) or
 * -errno. Backend thread only.
 */
int media_file_sync_begin(struct media_file *file);
int media_file_sync_poll(struct media_file *file);
/* Waits for it, and puts it down. */
void media_file_sync_finish(struct media_file *file);
/* What is marked in the map is durable. */
bool media_file_is_synced(const struct media_file *file);

/* --- what is remembered beside the map; backend thread only --- */

enum media_check {
	MEDIA_UNCHECKED,
	MEDIA_RIGHT, /* the bytes are what was promised, or nothing was */
	MEDIA_WRONG, /* they are not */
};

enum media_check media_file_check(const struct media_file *file);
/* Makes the map durable: waits for the disk. */
/* 0 once that is durable, or -errno. */
int media_file_set_check(struct media_file *file, enum media_check check);
/* The digest that the server promised last (http/expected_digest.h); "": none. */
const char *media_file_promise(const struct media_file *file);
void media_file_set_expected_digest(struct media_file *file, const char *expected_digest);
/* Counts requests made with a link, which is named by any number; returns how many. */
unsigned media_file_count_requests(struct media_file *file, uint64_t link,
				   unsigned count);
/* The same of a file that is not open. Changes nothing on disk. */
unsigned media_file_look_requests(int directory, const char *name, uint64_t link);

#endif
