/*
 * The bytes of a medium: an open file, or memory. Files are read with pread(2), which
 * does not move the descriptor's position. Borrows what it points to. Any thread.
 */
#ifndef SEEDANCEFS_BACKEND_FORMATS_SOURCE_H
#define SEEDANCEFS_BACKEND_FORMATS_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct media_source {
	const void *bytes; /* NULL: the file */
	size_t size;
	int fd;
};

static inline struct media_source media_of_file(int fd)
{
	return (struct media_source){ .fd = fd };
}

static inline struct media_source media_of_bytes(const void *bytes, size_t size)
{
	return (struct media_source){ .bytes = bytes, .size = size, .fd = -1 };
}

/* Fewer bytes than `size` only where the medium ends. 0 or -errno. */
int media_source_read(struct media_source source, uint64_t at, void *bytes, size_t size,
		      size_t *ret_got);

#endif
