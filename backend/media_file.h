/*
 * A media file on disk while it is being fetched: a sparse file of the final size, and
 * beside it a map that tells which blocks of 4 KiB hold their bytes.
 *
 * Both are shared mappings, so what was received survives a kill of the daemon at any
 * time without a system call for each piece. A power cut is another matter: a map that
 * was not made durable counts only within the boot that wrote it.
 *
 * Threads: one writes (the backend's); any number read. A block is marked present after
 * its bytes were written, so a reader that sees the mark sees the bytes. Reference
 * counted.
 */
#ifndef SEEDANCEFS_MEDIA_FILE_H
#define SEEDANCEFS_MEDIA_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_BLOCK_BYTES 4096u

struct media_file;

/*
 * Opens `name` in the directory, or creates it with `size` bytes, all missing. What is
 * there of another size or another `etag` (may be NULL) is emptied. Returns 0 or -errno.
 */
int media_file_open(int directory, const char *name, uint64_t size, const char *etag,
		    struct media_file **ret_file);
/* The bytes that are here of a file that is not open. Changes nothing on disk. */
uint64_t media_file_look(int directory, const char *name, uint64_t size,
			 const char *etag);
struct media_file *media_file_ref(struct media_file *file);
void media_file_unref(struct media_file *file);

uint64_t media_file_size(const struct media_file *file);

/* Whether all of the bytes are here. An empty range always is. Any thread. */
bool media_file_has(const struct media_file *file, uint64_t offset, uint64_t size);
bool media_file_is_complete(const struct media_file *file);
/* Bytes that are here. */
uint64_t media_file_kept(const struct media_file *file);

/*
 * The bytes of the file, mapped for reading. Only hand present ranges to the kernel
 * (write, writev): touching the memory itself could meet a file that was cut from
 * outside.
 */
const char *media_file_bytes(const struct media_file *file);

/* The first missing byte at or behind `offset`; the size if there is none. */
uint64_t media_file_next_missing(const struct media_file *file, uint64_t offset);
/* The first present byte at or behind `offset`; the size if there is none. */
uint64_t media_file_next_present(const struct media_file *file, uint64_t offset);

/* Writes bytes; marks nothing. 0 or -errno. Writer thread only. */
int media_file_write(struct media_file *file, uint64_t offset, const void *bytes,
		     size_t size);
/* Asks for room on disk for bytes that will be written soon: makes writing them cheaper.
 */
void media_file_reserve(struct media_file *file, uint64_t start, uint64_t end);
/* Marks the blocks that lie whole in [start, end); start is a multiple of the block size.
 */
void media_file_mark(struct media_file *file, uint64_t start, uint64_t end);

/*
 * Begins to make a complete file durable, in the background; media_file_sync_poll()
 * returns -EINPROGRESS until it is done, then 0 or -errno. Writer thread only.
 */
int media_file_sync_begin(struct media_file *file);
int media_file_sync_poll(struct media_file *file);
bool media_file_is_synced(const struct media_file *file);

#endif
