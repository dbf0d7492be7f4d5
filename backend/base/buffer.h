/*
 * A growing byte buffer with a mandatory ceiling.
 *
 * The first failure (no memory, or the ceiling reached) sticks: later appends do nothing
 * and buffer_error() returns it, so that a caller can build a text piece by piece and
 * check once. The data is NUL-terminated whenever it is not NULL; the terminator is not
 * counted. Not thread-safe. Owner: the caller of buffer_init(); release with
 * buffer_clear().
 */
#ifndef SEEDANCEFS_BACKEND_BASE_BUFFER_H
#define SEEDANCEFS_BACKEND_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

struct buffer {
	char *data;
	size_t size;
	size_t capacity;
	size_t ceiling; /* largest size allowed, in bytes */
	int error;	/* 0, -ENOMEM or -EFBIG */
};

#define BUFFER_INIT(ceiling_bytes)         \
	{                                  \
		.ceiling = (ceiling_bytes) \
	}

void buffer_init(struct buffer *buffer, size_t ceiling_bytes);
void buffer_clear(struct buffer *buffer);

/* All return 0 or the sticky negative error. */
int buffer_append(struct buffer *buffer, const void *bytes, size_t size);
int buffer_add(struct buffer *buffer, const char *text);
int buffer_addf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int buffer_vaddf(struct buffer *buffer, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

int buffer_error(const struct buffer *buffer);

/* Hands over the text (free() it); the buffer is empty afterwards.
 * NULL after an error. */
char *buffer_take(struct buffer *buffer);

#define AUTOBUFFER __attribute__((cleanup(buffer_clear))) struct buffer

#endif
