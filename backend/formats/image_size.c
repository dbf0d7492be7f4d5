#include "backend/formats/image_size.h"

#include "backend/base/bytes.h"
#include "backend/base/cleanup.h"

#include <string.h>

#define SEGMENTS_MAX 4096 /* of a JPEG's head: more are a broken file */
#define ENTRIES_MAX 256	  /* of a TIFF's first directory */

struct size {
	unsigned width, height;
};

/* Reads exactly `count` bytes: 1; 0 when the medium ends before; -errno. */
static int read_at(struct media_source source, uint64_t at, unsigned char *bytes,
		   size_t count)
{
	size_t got;
	int r = media_source_read(source, at, bytes, count, &got);

	return r ? r : got == count;
}

static int read_png(struct media_source source, struct size *size)
{
	unsigned char head[24];
	int r = read_at(source, 0, head, sizeof(head));

	if (r > 0 && !memcmp(head + 12, "IHDR", 4))
		*size = (struct size){ bytes_be32(head + 16), bytes_be32(head + 20) };
	return r;
}

static int read_gif(struct media_source source, struct size *size)
{
	unsigned char head[10];
	int r = read_at(source, 0, head, sizeof(head));

	if (r > 0)
		*size = (struct size){ bytes_le16(head + 6), bytes_le16(head + 8) };
	return r;
}

/* A negative height means that the rows run downwards. */
static int read_bmp(struct media_source source, struct size *size)
{
	unsigned char head[26];
	int r = read_at(source, 0, head, sizeof(head));
	uint32_t height;

	if (r <= 0)
		return r;
	if (bytes_le32(head + 14) == 12) {
		*size = (struct size){ bytes_le16(head + 18), bytes_le16(head + 20) };
		return 1;
	}
	height = bytes_le32(head + 22);
	*size = (struct size){ bytes_le32(head + 18),
			       height >> 31 ? 0 - height : height };
	return 1;
}

static int read_webp(struct media_source source, struct size *size)
{
	unsigned char head[30];
	int r = read_at(source, 0, head, sizeof(head));
	uint32_t bits;

	if (r <= 0)
		return r;
	if (!memcmp(head + 12, "VP8 ", 4)) {
		*size = (struct size){ bytes_le16(head + 26) & 0x3fff,
				       bytes_le16(head + 28) & 0x3fff };
	} else if (!memcmp(head + 12, "VP8L", 4)) {
		bits = bytes_le32(head + 21);
		*size = (struct size){ (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1 };
	} else if (!memcmp(head + 12, "VP8X", 4)) {
		*size = (struct size){ bytes_le24(head + 24) + 1,
				       bytes_le24(head + 27) + 1 };
	}
	return 1;
}

/* The frame's header is one of the segments C0 to CF; three of those are tables. */
static bool is_frame(unsigned char marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
	       marker != 0xcc;
}

static int read_jpeg(struct media_source source, struct size *size)
{
	unsigned char segment[9];
	uint64_t at = 2;
	int r = 1;

	for (unsigned i = 0; i < SEGMENTS_MAX; i++) {
		r = read_at(source, at, segment, 4);
		if (r <= 0 || segment[0] != 0xff || segment[1] == 0xda)
			return r;
		if (is_frame(segment[1])) {
			r = read_at(source, at, segment, sizeof(segment));
			if (r > 0)
				*size = (struct size){ bytes_be16(segment + 7),
						       bytes_be16(segment + 5) };
			return r;
		}
		if (segment[1] == 0xff) /* padding */
			at++;
		else if (segment[1] == 0x01 || (segment[1] >= 0xd0 && segment[1] <= 0xd8))
			at += 2;
		else
			at += 2 + (uint64_t)bytes_be16(segment + 2);
	}
	return r;
}

/* A TIFF file says in its first bytes which end of its numbers comes first. */
static unsigned tiff_short(const unsigned char *bytes, bool is_big)
{
	return is_big ? bytes_be16(bytes) : bytes_le16(bytes);
}

static uint32_t tiff_long(const unsigned char *bytes, bool is_big)
{
	return is_big ? bytes_be32(bytes) : bytes_le32(bytes);
}

static void take_tiff_entry(const unsigned char entry[12], bool is_big, struct size *size)
{
	bool is_short = tiff_short(entry + 2, is_big) == 3;
	unsigned value =
		is_short ? tiff_short(entry + 8, is_big) : tiff_long(entry + 8, is_big);

	switch (tiff_short(entry, is_big)) {
	case 256:
		size->width = value;
		break;
	case 257:
		size->height = value;
		break;
	}
}

/* The first directory's entries 256 and 257, as short or long numbers. */
static int read_tiff(struct media_source source, struct size *size)
{
	unsigned char bytes[12];
	int r = read_at(source, 0, bytes, 8);
	bool is_big = r > 0 && bytes[0] == 'M';
	uint64_t at = r > 0 ? tiff_long(bytes + 4, is_big) : 0;
	struct size found = { 0, 0 };
	unsigned count;

	if (r > 0)
		r = read_at(source, at, bytes, 2);
	if (r <= 0)
		return r;
	count = tiff_short(bytes, is_big);
	for (unsigned i = 0; i < count && i < ENTRIES_MAX; i++) {
		r = read_at(source, at + 2 + 12 * (uint64_t)i, bytes, 12);
		if (r <= 0)
			return r;
		take_tiff_entry(bytes, is_big, &found);
	}
	*size = found;
	return 1;
}

int media_size_read(struct media_source source, const struct media_type *type,
		    unsigned *ret_width, unsigned *ret_height)
{
	static const struct {
		const char *mime;
		int (*read)(struct media_source source, struct size *size);
	} readers[] = {
		{ "image/png", read_png },   { "image/jpeg", read_jpeg },
		{ "image/webp", read_webp }, { "image/gif", read_gif },
		{ "image/bmp", read_bmp },   { "image/tiff", read_tiff },
	};
	struct size size = { 0, 0 };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (!strcmp(readers[i].mime, type->mime))
			r = readers[i].read(source, &size);
	*ret_width = size.width && size.height ? size.width : 0;
	*ret_height = size.width && size.height ? size.height : 0;
	return r < 0 ? r : 0;
}
