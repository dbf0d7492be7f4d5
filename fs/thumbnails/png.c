#include "fs/thumbnails/png.h"

#include "backend/base/bytes.h"
#include "backend/base/digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define SIGNATURE_BYTES 8
#define HEAD_BYTES (SIGNATURE_BYTES + 25) /* including the first chunk */
#define AROUND_BYTES 12			  /* a chunk's length, type and checksum */

/* A chunk of a PNG. */
struct chunk {
	const unsigned char *type; /* four letters; the data follows them */
	uint32_t size;		   /* of the data */
};

static bool is_png(const void *png, size_t size)
{
	return size >= HEAD_BYTES && !memcmp(png, SIGNATURE, SIGNATURE_BYTES) &&
	       !memcmp((const char *)png + SIGNATURE_BYTES + 4, "IHDR", 4);
}

/*
 * Returns the chunk at *offset, and moves *offset past it. False at the end, and at a
 * truncated chunk.
 */
static bool next_chunk(const unsigned char *png, size_t size, size_t *offset,
		       struct chunk *ret_chunk)
{
	if (size - *offset < AROUND_BYTES)
		return false;
	ret_chunk->size = bytes_be32(png + *offset);
	ret_chunk->type = png + *offset + 4;
	if (ret_chunk->size > size - *offset - AROUND_BYTES)
		return false;
	*offset += AROUND_BYTES + ret_chunk->size;
	return true;
}

static bool is_text(const struct chunk *chunk, const char *key)
{
	size_t length = strlen(key) + 1;

	return !memcmp(chunk->type, "tEXt", 4) && chunk->size >= length &&
	       !memcmp(chunk->type + 4, key, length);
}

static bool is_replaced(const struct chunk *chunk, const struct png_text *texts,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_text(chunk, texts[i].key))
			return true;
	return false;
}

static void add_text(struct buffer *into, const struct png_text *text)
{
	unsigned char number[4];
	uint32_t sum = crc32_add(0, "tEXt", 4);
	size_t key_size = strlen(text->key) + 1, value_size = strlen(text->value);

	bytes_put_be32(number, (uint32_t)(key_size + value_size));
	buffer_append(into, number, sizeof(number));
	buffer_append(into, "tEXt", 4);
	buffer_append(into, text->key, key_size);
	buffer_append(into, text->value, value_size);
	sum = crc32_add(sum, text->key, key_size);
	bytes_put_be32(number, crc32_add(sum, text->value, value_size));
	buffer_append(into, number, sizeof(number));
}

int thumbnail_png_write(const void *png, size_t size, const struct png_text *texts,
			size_t count, struct buffer *into)
{
	struct chunk chunk = { 0 };
	size_t offset = HEAD_BYTES;
	bool is_whole;

	if (!is_png(png, size))
		return -EINVAL;
	buffer_append(into, png, HEAD_BYTES);
	for (size_t i = 0; i < count; i++)
		add_text(into, &texts[i]);
	while (next_chunk(png, size, &offset, &chunk))
		if (!is_replaced(&chunk, texts, count))
			buffer_append(into, chunk.type - 4, AROUND_BYTES + chunk.size);
	is_whole = offset == size && chunk.type && !memcmp(chunk.type, "IEND", 4);
	return is_whole ? buffer_error(into) : -EINVAL;
}

char *thumbnail_png_text(const void *png, size_t size, const char *key)
{
	size_t offset = SIGNATURE_BYTES, key_size = strlen(key) + 1;
	struct chunk chunk;

	if (!is_png(png, size))
		return NULL;
	while (next_chunk(png, size, &offset, &chunk))
		if (is_text(&chunk, key))
			return strndup((const char *)chunk.type + 4 + key_size,
				       chunk.size - key_size);
	return NULL;
}
