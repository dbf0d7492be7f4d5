#include "backend/sim/tasks/image.h"

#include "backend/base/base64.h"
#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

void image_clear(struct image *image)
{
	free(image->bytes);
	*image = (struct image){ .bytes = NULL };
}

static int big16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static int little16(const unsigned char *at)
{
	return at[1] << 8 | at[0];
}

static int clip32(uint32_t number)
{
	return number > INT32_MAX ? INT32_MAX : (int)number;
}

static int big32(const unsigned char *at)
{
	return clip32((uint32_t)big16(at) << 16 | (uint32_t)big16(at + 2));
}

static int little32(const unsigned char *at)
{
	return clip32((uint32_t)little16(at + 2) << 16 | (uint32_t)little16(at));
}

static void measure_png(struct image *image)
{
	if (image->size < 24)
		return;
	image->width = big32(image->bytes + 16);
	image->height = big32(image->bytes + 20);
}

static void measure_gif(struct image *image)
{
	if (image->size < 10)
		return;
	image->width = little16(image->bytes + 6);
	image->height = little16(image->bytes + 8);
}

static void measure_bmp(struct image *image)
{
	if (image->size < 26)
		return;
	image->width = little32(image->bytes + 18);
	image->height = little32(image->bytes + 22);
}

static bool is_frame_header(int marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
	       marker != 0xcc;
}

static void measure_jpeg(struct image *image)
{
	const unsigned char *bytes = image->bytes;

	for (size_t at = 2; at + 9 < image->size && bytes[at] == 0xff;) {
		if (is_frame_header(bytes[at + 1])) {
			image->height = big16(bytes + at + 5);
			image->width = big16(bytes + at + 7);
			return;
		}
		at += 2 + (size_t)big16(bytes + at + 2);
	}
}

static void measure_webp(struct image *image)
{
	const unsigned char *bytes = image->bytes;

	if (image->size < 30)
		return;
	if (!memcmp(bytes + 12, "VP8X", 4)) {
		image->width = (little32(bytes + 24) & 0xffffff) + 1;
		image->height = (little32(bytes + 26) >> 8 & 0xffffff) + 1;
	} else if (!memcmp(bytes + 12, "VP8L", 4)) {
		image->width = (little16(bytes + 21) & 0x3fff) + 1;
		image->height = (little32(bytes + 21) >> 14 & 0x3fff) + 1;
	} else if (!memcmp(bytes + 12, "VP8 ", 4)) {
		image->width = little16(bytes + 26) & 0x3fff;
		image->height = little16(bytes + 28) & 0x3fff;
	}
}

static void measure_tiff_entry(struct image *image, const unsigned char *entry,
			       bool little)
{
	int tag = little ? little16(entry) : big16(entry);
	int type = little ? little16(entry + 2) : big16(entry + 2);
	int value = type == 3 ? (little ? little16(entry + 8) : big16(entry + 8))
			      : (little ? little32(entry + 8) : big32(entry + 8));

	if (tag == 256)
		image->width = value;
	else if (tag == 257)
		image->height = value;
}

static void measure_tiff(struct image *image)
{
	bool little = image->bytes[0] == 'I';
	size_t at, count;

	if (image->size < 8)
		return;
	at = (size_t)(little ? little32(image->bytes + 4) : big32(image->bytes + 4));
	if (at > image->size - 2)
		return;
	count = (size_t)(little ? little16(image->bytes + at) : big16(image->bytes + at));
	for (at += 2; count && at + 12 <= image->size; count--, at += 12)
		measure_tiff_entry(image, image->bytes + at, little);
}

static const struct format {
	const char *suffix;
	const char *magic;
	size_t length;
	const char *second; /* at offset 8, four bytes */
	void (*measure)(struct image *image);
} formats[] = {
	{ "png", "\x89PNG\r\n\x1a\n", 8, NULL, measure_png },
	{ "jpeg", "\xff\xd8\xff", 3, NULL, measure_jpeg },
	{ "webp", "RIFF", 4, "WEBP", measure_webp },
	{ "bmp", "BM", 2, NULL, measure_bmp },
	{ "tiff", "II*\0", 4, NULL, measure_tiff },
	{ "tiff", "MM\0*", 4, NULL, measure_tiff },
	{ "gif", "GIF8", 4, NULL, measure_gif },
};

static bool has_format(const struct image *image, const struct format *format)
{
	if (image->size < format->length ||
	    memcmp(image->bytes, format->magic, format->length))
		return false;
	return !format->second ||
	       (image->size >= 12 && !memcmp(image->bytes + 8, format->second, 4));
}

static int recognise(struct image *image)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (!has_format(image, &formats[i]))
			continue;
		image->suffix = formats[i].suffix;
		formats[i].measure(image);
		return 0;
	}
	return -EPROTONOSUPPORT;
}

/* Where the data begins, or NULL. */
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
