#include "backend/sim/tasks/image.h"

#include "backend/base/base64.h"
#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/formats/image_size.h"
#include "backend/formats/type.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void image_clear(struct image *image)
{
	free(image->bytes);
	*image = (struct image){ .bytes = NULL };
}

/* A side from outside may be larger than an int. */
static int side(unsigned pixels)
{
	return pixels > INT_MAX ? INT_MAX : (int)pixels;
}

static const char *suffix_of(const struct media_type *type)
{
	static const char *const suffixes[] = { "png", "jpeg", "webp",
						"bmp", "tiff", "gif" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (type->kind == MEDIA_IMAGE &&
		    !strcmp(type->mime + strlen("image/"), suffixes[i]))
			return suffixes[i];
	return NULL;
}

static int recognise(struct image *image)
{
	struct media_source source = media_of_bytes(image->bytes, image->size);
	struct media_type type;
	unsigned width, height;
	int r = media_type_read(source, &type);

	if (!r)
		r = media_size_read(source, &type, &width, &height);
	if (r)
		return r;
	image->suffix = suffix_of(&type);
	image->width = side(width);
	image->height = side(height);
	return image->suffix ? 0 : -EPROTONOSUPPORT;
}

/* The start of the data, or NULL. */
static const char *skip_head(const char *url)
{
	static const char prefix[] = "data:image/", infix[] = ";base64,";
	size_t length;

	if (strncmp(url, prefix, strlen(prefix)))
		return NULL;
	url += strlen(prefix);
	length = strspn(url, "abcdefghijklmnopqrstuvwxyz0123456789.+-");
	if (!length || strncmp(url + length, infix, strlen(infix)))
		return NULL;
	return url + length + strlen(infix);
}

static int decode(const char *data, struct image *image)
{
	AUTOBUFFER bytes = BUFFER_INIT(IMAGE_BYTES_MAX);
	int r = base64_decode(data, strlen(data), &bytes);

	if (r)
		return r == -ENOMEM || r == -EFBIG ? r : -EBADMSG;
	image->size = bytes.size;
	image->bytes = (unsigned char *)buffer_take(&bytes);
	return image->size ? 0 : -EBADMSG;
}

int image_from_data_url(const char *url, struct image *ret)
{
	CLEANUP(image_clear) struct image image = { .bytes = NULL };
	const char *data = skip_head(url);
	int r;

	if (!data)
		return -EINVAL;
	r = decode(data, &image);
	if (!r)
		r = recognise(&image);
	if (r)
		return r;
	*ret = image;
	image.bytes = NULL;
	return 0;
}

int image_from_bytes(const void *bytes, size_t size, struct image *ret)
{
	CLEANUP(image_clear) struct image image = { .bytes = NULL, .size = size };
	int r;

	if (size > IMAGE_BYTES_MAX)
		return -EFBIG;
	image.bytes = malloc(size ? size : 1);
	if (!image.bytes)
		return -ENOMEM;
	memcpy(image.bytes, bytes, size);
	r = recognise(&image);
	if (r)
		return r;
	*ret = image;
	image.bytes = NULL;
	return 0;
}
