#include "backend/base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer, size_t ceiling_bytes)
{
	*buffer = (struct buffer)BUFFER_INIT(ceiling_bytes);
}

void buffer_clear(struct buffer *buffer)
{
	free(buffer->data);
	buffer_init(buffer, buffer->ceiling);
}

static int buffer_fail(struct buffer *buffer, int error)
{
	buffer->error = error;
	return error;
}

static int buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t wanted, capacity;
	char *data;

	if (buffer->error)
		return buffer->error;
	if (more > buffer->ceiling || buffer->size > buffer->ceiling - more)
		return buffer_fail(buffer, -EFBIG);
	wanted = buffer->size + more + 1;
	if (wanted <= buffer->capacity)
		return 0;
	capacity = buffer->capacity ? buffer->capacity : 64;
	while (capacity < wanted)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (!data)
		return buffer_fail(buffer, -ENOMEM);
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	int r = buffer_reserve(buffer, size);

	if (r)
		return r;
	if (size)
		memcpy(buffer->data + buffer->size, bytes, size);
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
	return 0;
}

int buffer_add(struct buffer *buffer, const char *text)
{
	return buffer_append(buffer, text, strlen(text));
}

int buffer_vaddf(struct buffer *buffer, const char *format, va_list arguments)
{
	va_list again;
	int length, r;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return buffer_fail(buffer, -EINVAL);
	r = buffer_reserve(buffer, (size_t)length);
	if (r)
		return r;
	vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, arguments);
	buffer->size += (size_t)length;
	return 0;
}

int buffer_addf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = buffer_vaddf(buffer, format, arguments);
	va_end(arguments);
	return r;
}

int buffer_error(const struct buffer *buffer)
{
	return buffer->error;
}

char *buffer_take(struct buffer *buffer)
{
	char *data = NULL;

	if (!buffer->error && (buffer->data || !buffer_append(buffer, "", 0))) {
		data = buffer->data;
		buffer->data = NULL;
	}
	buffer_clear(buffer);
	return data;
}
