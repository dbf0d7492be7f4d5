#include "backend/formats/type.h"

#include "backend/base/bytes.h"

#include <string.h>

#define HEAD_BYTES 32
#define WINDOW_BYTES 16384

static bool has(const unsigned char *head, size_t size, size_t at, const char *magic,
		size_t length)
{
	return at + length <= size && !memcmp(head + at, magic, length);
}

#define HAS(at, magic) has(head, size, at, magic, sizeof(magic) - 1)

static struct media_type sniff_iso(const unsigned char *head, size_t size)
{
	if (HAS(8, "qt  "))
		return (struct media_type){ MEDIA_VIDEO, "video/quicktime" };
	if (HAS(8, "heic") || HAS(8, "heix"))
		return (struct media_type){ MEDIA_IMAGE, "image/heic" };
	if (HAS(8, "mif1") || HAS(8, "msf1"))
		return (struct media_type){ MEDIA_IMAGE, "image/heif" };
	if (HAS(8, "M4A "))
		return (struct media_type){ MEDIA_AUDIO, "audio/mp4" };
	return (struct media_type){ MEDIA_VIDEO, "video/mp4" };
}

static bool is_bmp(const unsigned char *head, size_t size)
{
	return HAS(0, "BM") && size >= 18 && head[15] == 0 && head[16] == 0;
}

static bool is_mpeg_audio(const unsigned char *head, size_t size)
{
	return HAS(0, "ID3") ||
	       (size >= 2 && head[0] == 0xff && (head[1] & 0xe6) == 0xe2);
}

static struct media_type sniff_riff(const unsigned char *head, size_t size)
{
	if (HAS(8, "WEBP"))
		return (struct media_type){ MEDIA_IMAGE, "image/webp" };
	if (HAS(8, "WAVE"))
		return (struct media_type){ MEDIA_AUDIO, "audio/wav" };
	return (struct media_type){ MEDIA_UNKNOWN, "application/octet-stream" };
}

static struct media_type sniff(const unsigned char *head, size_t size)
{
	if (HAS(0, "\x89PNG\r\n\x1a\n"))
		return (struct media_type){ MEDIA_IMAGE, "image/png" };
	if (HAS(0, "\xff\xd8\xff"))
		return (struct media_type){ MEDIA_IMAGE, "image/jpeg" };
	if (HAS(0, "GIF87a") || HAS(0, "GIF89a"))
		return (struct media_type){ MEDIA_IMAGE, "image/gif" };
	if (HAS(0, "RIFF"))
		return sniff_riff(head, size);
	if (HAS(0, "II*\0") || HAS(0, "MM\0*"))
		return (struct media_type){ MEDIA_IMAGE, "image/tiff" };
	if (HAS(4, "ftyp"))
		return sniff_iso(head, size);
	if (is_bmp(head, size))
		return (struct media_type){ MEDIA_IMAGE, "image/bmp" };
	if (is_mpeg_audio(head, size))
		return (struct media_type){ MEDIA_AUDIO, "audio/mpeg" };
	return (struct media_type){ MEDIA_UNKNOWN, "application/octet-stream" };
}

int media_type_read(struct media_source source, struct media_type *ret_type)
{
	unsigned char head[HEAD_BYTES];
	size_t got;
	int r = media_source_read(source, 0, head, sizeof(head), &got);

	if (r)
		return r;
	*ret_type = sniff(head, got);
	return 0;
}

/* A file of more parts is not made by anybody: it would only take time. */
#define PARTS_MAX 262144

static int png_is_whole(struct media_source source, uint64_t size, bool *ret_whole)
{
	unsigned char chunk[8];
	uint64_t at = 8;
	unsigned parts = 0;
	size_t got;
	int r;

	*ret_whole = false;
	while (at + 12 <= size && parts++ < PARTS_MAX) {
		r = media_source_read(source, at, chunk, sizeof(chunk), &got);
		if (r || got < sizeof(chunk))
			return r;
		at += 12 + (uint64_t)bytes_be32(chunk);
		if (!memcmp(chunk + 4, "IEND", 4)) {
			*ret_whole = at <= size;
			return 0;
		}
	}
	return 0;
}

/* A file seen through a buffer, for walks in small steps. */
struct window {
	struct media_source source;
	uint64_t size; /* of the file */
	uint64_t start;
	size_t count;
	unsigned char bytes[WINDOW_BYTES];
};

/* The bytes at an offset; NULL when the file ends before them. 0 or -errno. */
static int look(struct window *window, uint64_t at, size_t count,
		const unsigned char **ret_bytes)
{
	int r;

	*ret_bytes = NULL;
	if (at > window->size || count > window->size - at)
		return 0;
	if (at < window->start || at + count > window->start + window->count) {
		window->start = at;
		r = media_source_read(window->source, at, window->bytes, WINDOW_BYTES,
				      &window->count);
		if (r)
			return r;
	}
	if (count <= window->count - (size_t)(at - window->start))
		*ret_bytes = window->bytes + (at - window->start);
	return 0;
}

static uint64_t jpeg_next(const unsigned char *segment, uint64_t at)
{
	unsigned char marker = segment[1];

	if (marker == 0xff) /* padding */
		return at + 1;
	if (marker == 0x01 ||
	    (marker >= 0xd0 && marker <= 0xd8)) /* these have no length */
		return at + 2;
	return at + 2 + ((uint64_t)segment[2] << 8 | segment[3]);
}

/* The offset behind the head of the first scan:
 * thumbnails lie in segments before. 0: none. */
static int jpeg_find_scan(struct window *window, uint64_t *ret_at)
{
	const unsigned char *segment;
	uint64_t at = 2;
	int r;

	*ret_at = 0;
	while (!(r = look(window, at, 4, &segment)) && segment) {
		if (segment[0] != 0xff || segment[1] == 0xd9)
			return 0;
		at = jpeg_next(segment, at);
		if (segment[1] == 0xda) {
			*ret_at = at;
			return 0;
		}
	}
	return r;
}

/* The end-of-image mark behind the scan's head; cameras put more behind it. */
static int jpeg_is_whole(struct media_source source, uint64_t size, bool *ret_whole)
{
	struct window window = { .source = source, .size = size };
	const unsigned char *pair;
	uint64_t at;
	int r = jpeg_find_scan(&window, &at);

	*ret_whole = false;
	if (r || !at)
		return r;
	for (; !(r = look(&window, at, 2, &pair)) && pair; at++)
		if (pair[0] == 0xff && pair[1] == 0xd9) {
			*ret_whole = true;
			return 0;
		}
	return r;
}

/* The size of a colour table, by the flags of a GIF's head or of a picture in it. */
static uint64_t gif_colours(unsigned char flags)
{
	return flags & 0x80 ? UINT64_C(3) << ((flags & 7) + 1) : 0;
}

/* Goes over data blocks to behind the empty one;
 * past the file's end when that is missing. */
static int gif_skip_data(struct window *window, uint64_t *at)
{
	const unsigned char *length;
	int r;

	while (!(r = look(window, *at, 1, &length)) && length) {
		*at += 1 + (uint64_t)*length;
		if (!*length)
			return 0;
	}
	*at = UINT64_MAX;
	return r;
}

/* Goes over one extension or picture, whose first byte is at `at`. */
static int gif_skip_block(struct window *window, unsigned char kind, uint64_t *at)
{
	const unsigned char *head;
	int r;

	if (kind == 0x21) {
		*at += 2;
		return gif_skip_data(window, at);
	}
	r = look(window, *at, 10, &head);
	if (r || !head || kind != 0x2c) {
		*at = UINT64_MAX;
		return r;
	}
	*at += 10 + gif_colours(head[9]) + 1;
	return gif_skip_data(window, at);
}

static int gif_is_whole(struct media_source source, uint64_t size, bool *ret_whole)
{
	struct window window = { .source = source, .size = size };
	const unsigned char *bytes;
	uint64_t at = 13;
	int r = look(&window, 0, 13, &bytes);

	*ret_whole = false;
	if (r || !bytes)
		return r;
	at += gif_colours(bytes[10]);
	while (!(r = look(&window, at, 1, &bytes)) && bytes) {
		if (*bytes == 0x3b) {
			*ret_whole = true;
			return 0;
		}
		r = gif_skip_block(&window, *bytes, &at);
		if (r)
			return r;
	}
	return r;
}

/* A length in the head, at `at`, that counts what follows `base` bytes. */
static int announced_is_whole(struct media_source source, uint64_t size, unsigned at,
			      unsigned base, bool *ret_whole)
{
	unsigned char length[4];
	size_t got;
	int r = media_source_read(source, at, length, sizeof(length), &got);

	*ret_whole = !r && got == sizeof(length) &&
		     (uint64_t)bytes_le32(length) + base <= size;
	return r;
}

struct iso_box {
	char type[4];
	uint64_t body, end; /* offsets */
};

/* Reads the head of the box at `at`; its end is 0 when it does not lie within `limit`. */
static int iso_read_box(struct media_source source, uint64_t at, uint64_t limit,
			struct iso_box *ret_box)
{
	unsigned char head[16];
	uint64_t length, head_size = 8;
	size_t got;
	int r = media_source_read(source, at, head, sizeof(head), &got);

	*ret_box = (struct iso_box){ .end = 0 };
	if (r || got < 8)
		return r;
	length = bytes_be32(head);
	if (length == 1 && got == 16) {
		length = (uint64_t)bytes_be32(head + 8) << 32 | bytes_be32(head + 12);
		head_size = 16;
	} else if (length == 0) {
		length = limit - at; /* to the end of the file */
	}
	if (length < head_size || length > limit - at)
		return 0;
	memcpy(ret_box->type, head + 4, 4);
	ret_box->body = at + head_size;
	ret_box->end = at + length;
	return 0;
}

static bool iso_is(const struct iso_box *box, const char *type)
{
	return !memcmp(box->type, type, 4);
}

/* Whether a still picture's data lies in its `meta` box,
 * whose boxes follow 4 bytes of flags. */
static int iso_has_inner_data(struct media_source source, const struct iso_box *meta,
			      bool *ret_has)
{
	struct iso_box box;
	int r;

	for (uint64_t at = meta->body + 4; at + 8 <= meta->end; at = box.end) {
		r = iso_read_box(source, at, meta->end, &box);
		if (r || !box.end)
			return r;
		if (iso_is(&box, "idat"))
			*ret_has = true;
	}
	return 0;
}

/* Boxes to the very end, among them an index and the data that it tells of. */
static int iso_is_whole(struct media_source source, uint64_t size, bool is_still,
			bool *ret_whole)
{
	bool has_index = false, has_data = false;
	struct iso_box box;
	unsigned parts = 0;
	uint64_t at;
	int r = 0;

	*ret_whole = false;
	for (at = 0; at + 8 <= size && parts++ < PARTS_MAX; at = box.end) {
		r = iso_read_box(source, at, size, &box);
		if (r || !box.end)
			return r;
		if (iso_is(&box, "moov") || iso_is(&box, "moof"))
			has_index = true;
		if (iso_is(&box, "mdat"))
			has_data = true;
		if (is_still && iso_is(&box, "meta")) {
			has_index = true;
			r = iso_has_inner_data(source, &box, &has_data);
			if (r)
				return r;
		}
	}
	*ret_whole = at == size && has_index && has_data;
	return 0;
}

int media_type_check_whole(struct media_source source, uint64_t size,
			   const struct media_type *type, bool *ret_whole)
{
	const char *mime = type->mime;

	if (!strcmp(mime, "image/png"))
		return png_is_whole(source, size, ret_whole);
	if (!strcmp(mime, "image/jpeg"))
		return jpeg_is_whole(source, size, ret_whole);
	if (!strcmp(mime, "image/gif"))
		return gif_is_whole(source, size, ret_whole);
	if (!strcmp(mime, "image/webp") || !strcmp(mime, "audio/wav"))
		return announced_is_whole(source, size, 4, 8, ret_whole);
	if (!strcmp(mime, "image/bmp"))
		return announced_is_whole(source, size, 2, 0, ret_whole);
	if (!strncmp(mime, "video/", 6) || !strcmp(mime, "image/heic") ||
	    !strcmp(mime, "image/heif") || !strcmp(mime, "audio/mp4"))
		return iso_is_whole(source, size, type->kind == MEDIA_IMAGE, ret_whole);
	*ret_whole = true;
	return 0;
}

const char *media_kind_word(enum media_kind kind)
{
	static const char *const words[] = { "not an image, video or audio file",
					     "an image", "a video", "an audio file" };

	return words[kind];
}
