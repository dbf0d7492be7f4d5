/*
 * A media file that is being fetched: on disk a sparse file of the final size, and beside
 * it a map of the blocks of 4 KiB that are present; in memory the bytes that have arrived
 * and are not on disk yet (stage.h). Both count as present.
 *
 * The map is a shared mapping, so it survives a kill of the daemon at any time without a
 * system call per block. It does not survive a power cut: after a reboot, a map counts
 * only if everything that it marks had been made durable.
 *
 * Without disk space, or without a disk, the file is only passed on: the latest bytes are
 * in memory, and nothing is stored.
 *
 * Threads: the backend's thread stages, the writer's thread (writer.h) writes and marks;
 * any number of threads read. A block is marked after its bytes were written, so a reader
 * that sees the mark sees the bytes. Reference counted.
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
 * Opens `name` in the directory, or creates it with `size` missing bytes. An existing
 * file of another size or another `etag` (may be NULL) is emptied. If the disk has no
 * space (or `directory` is itself -errno), the file is in memory only. Returns 0 or
 * -errno.
 */
int media_file_open(int directory, const char *name, uint64_t size, const char *etag,
		    struct media_file **ret_file);
/* The present bytes of a file that is not open. Changes nothing on disk. */
uint64_t media_file_look(int directory, const char *name, uint64_t size,
			 const char *etag);
struct media_file *media_file_ref(struct media_file *file);
void media_file_unref(struct media_file *file);

uint64_t media_file_size(const struct media_file *file);
/* The descriptor of the file on disk; borrowed. -ENODATA: it is in memory only. */
int media_file_descriptor(const struct media_file *file);

/* Whether all bytes of a range are present. An empty range always is. Any thread. */
bool media_file_has(const struct media_file *file, uint64_t offset, uint64_t size);
/* Whether the complete file is on disk. */
bool media_file_is_complete(const struct media_file *file);
/* Bytes that are on disk. */
uint64_t media_file_kept(const struct media_file *file);

/*
 * Locates the bytes of a range within the file. 0; -EAGAIN if some are missing; -ENOMEM.
 * Clear the view afterwards. Any thread.
 */
int media_file_view(struct media_file *file, uint64_t offset, size_t size,
		    struct media_view *ret_view);

/* The first missing byte at or after `offset`; the size if there is none. */
uint64_t media_file_next_missing(const struct media_file *file, uint64_t offset);
/* The first present byte at or after `offset`; the size if there is none. */
uint64_t media_file_next_present(const struct media_file *file, uint64_t offset);

struct media_chunk;

/* Makes the chunk's bytes visible to readers; it is not on disk yet. Any thread. */
void media_file_stage(struct media_file *file, struct media_chunk *chunk);
/*
 * Writes a staged chunk to disk; on failure it stays in memory, and
 * media_file_disk_error() has the reason. Writer's thread only.
 */
void media_file_write_chunk(struct media_file *file, struct media_chunk *chunk);
/* Keeps the chunk in memory for now. Any thread. */
void media_file_keep_chunk(struct media_file *file, struct media_chunk *chunk);
/* Whether the disk reports that much free space. */
bool media_file_has_room(const struct media_file *file, uint64_t bytes);
/* Forgets all bytes, since they are unreliable. Backend thread only. */
void media_file_forget(struct media_file *file, int error);
/* Why the last chunk could not be written: -errno, or 0. Any thread. */
int media_file_disk_error(const struct media_file *file);
/* A staged chunk that found no space: a reference, or NULL. */
struct media_chunk *media_file_take_homeless(struct media_file *file);
/* Bytes that found no space. */
size_t media_file_homeless(const struct media_file *file);
/* Whether chunks are queued for the disk. */
bool media_file_is_writing(const struct media_file *file);

/* Writes bytes; marks nothing. 0 or -errno. One thread at a time. */
int media_file_write(struct media_file *file, uint64_t offset, const void *bytes,
		     size_t size);
/*
 * Marks the blocks that are entirely within [start, end); start is a multiple of the
 * block size.
 */
void media_file_mark(struct media_file *file, uint64_t start, uint64_t end);

/*
 * Starts making the written bytes durable, in the background; media_file_sync_poll()
 * returns -EINPROGRESS until it is done, then 0, -EAGAIN (more was written meanwhile) or
 * -errno. Backend thread only.
 */
int media_file_sync_begin(struct media_file *file);
int media_file_sync_poll(struct media_file *file);
/* Waits for the sync and records it. */
void media_file_sync_finish(struct media_file *file);
/* Whether everything marked in the map is durable. */
bool media_file_is_synced(const struct media_file *file);

/* --- facts stored beside the map; backend thread only --- */

enum media_check {
	MEDIA_UNCHECKED,
	MEDIA_RIGHT, /* the bytes match the expected digest, or there is none */
	MEDIA_WRONG, /* they do not match */
};

enum media_check media_file_check(const struct media_file *file);
/* Makes the map durable, which waits for the disk. */
/* 0 once it is durable, or -errno. */
int media_file_set_check(struct media_file *file, enum media_check check);
/* The server's latest digest (http/expected_digest.h); "": none. */
const char *media_file_expected_digest(const struct media_file *file);
void media_file_set_expected_digest(struct media_file *file, const char *expected_digest);
/*
 * Counts a request made with a link, which is identified by a number; returns the count.
 */
unsigned media_file_count_requests(struct media_file *file, uint64_t link,
				   unsigned count);
/* The same for a file that is not open. Changes nothing on disk. */
unsigned media_file_look_requests(int directory, const char *name, uint64_t link);

#endif
