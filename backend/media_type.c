#include "backend/media_type.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define HEAD_BYTES 32

static int read_at(int fd, uint64_t offset, void *bytes, size_t size, size_t *ret_got)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(fd, (char *)bytes + got, size - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_got = got;
	return 0;
}

static bool has(const unsigned char *head, size_t size, size_t at, const char *magic, size_t length)
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

static struct media_type sniff(const unsigned char *head, size_t size)
{
	if (HAS(0, "\x89PNG\r\n\x1a\n"))
		return (struct media_type){ MEDIA_IMAGE, "image/png" };
	if (HAS(0, "\xff\xd8\xff"))
		return (struct media_type){ MEDIA_IMAGE, "image/jpeg" };
	if (HAS(0, "GIF87a") || HAS(0, "GIF89a"))
		return (struct media_type){ MEDIA_IMAGE, "image/gif" };
	if (HAS(0, "RIFF") && HAS(8, "WEBP"))
		return (struct media_type){ MEDIA_IMAGE, "image/webp" };
	if (HAS(0, "RIFF") && HAS(8, "WAVE"))
		return (struct media_type){ MEDIA_AUDIO, "audio/wav" };
	if (HAS(0, "II*\0") || HAS(0, "MM\0*"))
		return (struct media_type){ MEDIA_IMAGE, "image/tiff" };
	if (HAS(4, "ftyp"))
		return sniff_iso(head, size);
	if (HAS(0, "BM") && size >= 18 && head[15] == 0 && head[16] == 0)
		return (struct media_type){ MEDIA_IMAGE, "image/bmp" };
	if (HAS(0, "ID3") || (size >= 2 && head[0] == 0xff && (head[1] & 0xe6) == 0xe2))
		return (struct media_type){ MEDIA_AUDIO, "audio/mpeg" };
	return (struct media_type){ MEDIA_UNKNOWN, "application/octet-stream" };
}

int media_type_read(int fd, struct media_type *ret_type)
{
	unsigned char head[HEAD_BYTES];
	size_t got;
	int r = read_at(fd, 0, head, sizeof(head), &got);

	if (r)
		return r;
	*ret_type = sniff(head, got);
	return 0;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const unsigned char *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int png_is_whole(int fd, uint64_t size, bool *ret_whole)
{
	unsigned char chunk[8];
	uint64_t at = 8;
	size_t got;
	int r;

	*ret_whole = false;
	while (at + 12 <= size) {
		r = read_at(fd, at, chunk, sizeof(chunk), &got);
		if (r || got < sizeof(chunk))
			return r;
		at += 12 + (uint64_t)be32(chunk);
		if (!memcmp(chunk + 4, "IEND", 4)) {
			*ret_whole = at <= size;
			return 0;
		}
	}
	return 0;
}

/* The end-of-image mark; cameras put more behind it, so the last 64 KiB are looked through. */
static int jpeg_is_whole(int fd, uint64_t size, bool *ret_whole)
{
	size_t tail = size < 65536 ? (size_t)size : 65536, got;
	AUTOFREE unsigned char *bytes = malloc(tail ? tail : 1);
	int r;

	if (!bytes)
		return -ENOMEM;
	*ret_whole = false;
	r = read_at(fd, size - tail, bytes, tail, &got);
	for (size_t i = 0; !r && i + 1 < got; i++)
		if (bytes[i] == 0xff && bytes[i + 1] == 0xd9)
			*ret_whole = true;
	return r;
}

static int gif_is_whole(int fd, uint64_t size, bool *ret_whole)
{
	unsigned char last = 0;
	size_t got;
	int r = size ? read_at(fd, size - 1, &last, 1, &got) : 0;

	*ret_whole = last == 0x3b;
	return r;
}

/* A length in the head, at `at`, that counts what follows `base` bytes. */
static int announced_is_whole(int fd, uint64_t size, unsigned at, unsigned base,
			      bool *ret_whole)
{
	unsigned char length[4];
	size_t got;
	int r = read_at(fd, at, length, sizeof(length), &got);

	*ret_whole = !r && got == sizeof(length) && (uint64_t)le32(length) + base <= size;
	return r;
}

static int iso_is_whole(int fd, uint64_t size, bool *ret_whole)
{
	unsigned char box[16];
	uint64_t at = 0, length;
	bool has_index = false, is_movie = true;
	size_t got;
	int r;

	*ret_whole = false;
	while (at + 8 <= size) {
		r = read_at(fd, at, box, sizeof(box), &got);
		if (r)
			return r;
		if (got < 8)
			return 0;
		length = be32(box);
		if (length == 1 && got == 16)
			length = (uint64_t)be32(box + 8) << 32 | be32(box + 12);
		else if (length == 0)
			length = size - at; /* to the end of the file */
		if (length < 8 || length > size - at)
			return 0;
		if (!memcmp(box + 4, "moov", 4) || !memcmp(box + 4, "moof", 4))
			has_index = true;
		if (!memcmp(box + 4, "meta", 4))
			is_movie = false; /* a still picture (HEIF) */
		at += length;
	}
	*ret_whole = at == size && (has_index || !is_movie);
	return 0;
}

int media_type_check_whole(int fd, uint64_t size, const struct media_type *type,
			   bool *ret_whole)
{
	const char *mime = type->mime;

	if (!strcmp(mime, "image/png"))
		return png_is_whole(fd, size, ret_whole);
	if (!strcmp(mime, "image/jpeg"))
		return jpeg_is_whole(fd, size, ret_whole);
	if (!strcmp(mime, "image/gif"))
		return gif_is_whole(fd, size, ret_whole);
	if (!strcmp(mime, "image/webp") || !strcmp(mime, "audio/wav"))
		return announced_is_whole(fd, size, 4, 8, ret_whole);
	if (!strcmp(mime, "image/bmp"))
		return announced_is_whole(fd, size, 2, 0, ret_whole);
	if (!strncmp(mime, "video/", 6) || !strcmp(mime, "image/heic") ||
	    !strcmp(mime, "image/heif") || !strcmp(mime, "audio/mp4"))
		return iso_is_whole(fd, size, ret_whole);
	*ret_whole = true;
	return 0;
}

const char *media_kind_word(enum media_kind kind)
{
	static const char *const words[] = { "no picture, video or sound", "an image", "a video",
					     "a sound" };

	return words[kind];
}
