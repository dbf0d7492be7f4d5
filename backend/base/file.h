/*
 * Writing whole buffers to files, whatever parts the kernel takes.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_FILE_H
#define SEEDANCEFS_BACKEND_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* All of it, or -errno; then some of it may be written. */
int file_write(int fd, const void *bytes, size_t size);
/* The same at an offset; the descriptor's own stays. */
int file_write_at(int fd, const void *bytes, size_t size, uint64_t offset);

#endif
