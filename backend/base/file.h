/*
 * Reads and writes of whole buffers: the kernel may transfer less with one call, and
 * signals may interrupt it.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_FILE_H
#define SEEDANCEFS_BACKEND_BASE_FILE_H

#include "backend/base/buffer.h"

#include <stddef.h>
#include <stdint.h>

/* All of it, or -errno; then some of it may be written. */
int file_write(int fd, const void *bytes, size_t size);
/* The same at an offset; the descriptor's own stays. */
int file_write_at(int fd, const void *bytes, size_t size, uint64_t offset);

/* Fewer bytes than `size` only at the end of the file. 0 or -errno. */
int file_read_at(int fd, void *bytes, size_t size, uint64_t offset, size_t *ret_got);

/*
 * Appends a file to a buffer: a regular file from its start, whatever the descriptor's
 * position; a pipe up to its end. 0, -errno or the error of the buffer.
 */
int file_read_all(int fd, struct buffer *into);

/* The first line of a small file of the kernel's; "" when it cannot be read. */
void file_read_line(const char *path, char *ret_line, size_t size);

#endif
