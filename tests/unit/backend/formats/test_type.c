/* backend/formats/type.h: each type, complete and truncated at every byte. */
#include "tests/unit/unit.h"

#include "backend/formats/type.h"

struct bytes {
	unsigned char data[4096];
	size_t size;
};

static void add(struct bytes *bytes, const void *data, size_t size)
{
	assert_true(bytes->size + size <= sizeof(bytes->data));
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

static void add_be32(struct bytes *bytes, uint32_t value)
{
	unsigned char data[] = { (unsigned char)(value >> 24),
				 (unsigned char)(value >> 16),
				 (unsigned char)(value >> 8), (unsigned char)value };

	add(bytes, data, 4);
}

static void add_le32(struct bytes *bytes, uint32_t value)
{
	unsigned char data[] = { (unsigned char)value, (unsigned char)(value >> 8),
				 (unsigned char)(value >> 16),
				 (unsigned char)(value >> 24) };

	add(bytes, data, 4);
}

static void add_fill(struct bytes *bytes, unsigned char value, size_t size)
{
	unsigned char data[1024];

	memset(data, value, sizeof(data));
	add(bytes, data, size);
}

static void add_chunk(struct bytes *bytes, const char *type, size_t size)
{
	add_be32(bytes, (uint32_t)size);
	add(bytes, type, 4);
	add_fill(bytes, 0, size);
	add_be32(bytes, 0xdeadbeef);
}

static struct bytes make_png(void)
{
	struct bytes png = { 0 };

	add(&png, "\x89PNG\r\n\x1a\n", 8);
	add_chunk(&png, "IHDR", 13);
	add_chunk(&png, "IDAT", 0);
	add_chunk(&png, "IDAT", 100);
	add_chunk(&png, "IEND", 0);
	return png;
}

/* A segment with a length, like all segments between SOI and the image data. */
static void add_segment(struct bytes *jpeg, unsigned char marker, const void *data,
			size_t size)
{
	unsigned char head[] = { 0xff, marker, (unsigned char)((size + 2) >> 8),
				 (unsigned char)(size + 2) };

	add(jpeg, head, 4);
	add(jpeg, data, size);
}

static void add_picture(struct bytes *jpeg)
{
	add_segment(jpeg, 0xdb, "quantization", 12);
	add_segment(jpeg, 0xda, "scan", 4);
	add(jpeg, "data \xff\x00 \xff\xd0 more", 15);
	add(jpeg, "\xff\xd9", 2);
}

static struct bytes make_jpeg(void)
{
	struct bytes jpeg = { 0 };

	add(&jpeg, "\xff\xd8", 2);
	add_segment(&jpeg, 0xe0, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
	add_picture(&jpeg);
	return jpeg;
}

/*
 * As cameras write it: a complete small image inside the EXIF segment of the large one.
 */
static struct bytes make_jpeg_with_thumbnail(void)
{
	struct bytes jpeg = { 0 }, small = make_jpeg();

	add(&jpeg, "\xff\xd8", 2);
	add_segment(&jpeg, 0xe1, small.data, small.size);
	add_picture(&jpeg);
	return jpeg;
}

static struct bytes make_gif(void)
{
	struct bytes gif = { 0 };

	add(&gif, "GIF89a\x02\0\x02\0\x80\0\0", 13);
	add(&gif, "\0\0\0\xff\xff\xff", 6);
	add(&gif, ",\0\0\0\0\x02\0\x02\0\0\x02\x02\x84\x51\0", 15);
	add(&gif, ";", 1);
	return gif;
}

/* The trailer's byte has no meaning inside colours and data. */
static struct bytes make_gif_of_semicolons(void)
{
	struct bytes gif = { 0 };

	add(&gif, "GIF89a\x02\0\x02\0\x80\0\0", 13);
	add(&gif, ";;;;;;", 6);
	add(&gif, ",\0\0\0\0\x02\0\x02\0\0\x02\x04;;;;\0", 17);
	add(&gif, ";", 1);
	return gif;
}

static struct bytes make_riff(const char *type)
{
	struct bytes riff = { 0 };

	add(&riff, "RIFF", 4);
	add_le32(&riff, 4 + 8 + 50);
	add(&riff, type, 4);
	add(&riff, "data", 4);
	add_le32(&riff, 50);
	add_fill(&riff, 'x', 50);
	return riff;
}

static struct bytes make_webp(void)
{
	return make_riff("WEBP");
}

static struct bytes make_wav(void)
{
	return make_riff("WAVE");
}

static struct bytes make_bmp(void)
{
	struct bytes bmp = { 0 };

	add(&bmp, "BM", 2);
	add_le32(&bmp, 14 + 40 + 16);
	add_le32(&bmp, 0);
	add_le32(&bmp, 54);
	add_le32(&bmp, 40);
	add_fill(&bmp, 0, 36 + 16);
	return bmp;
}

static struct bytes make_tiff(void)
{
	struct bytes tiff = { 0 };

	add(&tiff, "II*\0\x08\0\0\0", 8);
	add_fill(&tiff, 0, 32);
	return tiff;
}

static void add_box(struct bytes *iso, const char *type, const void *data, size_t size)
{
	add_be32(iso, (uint32_t)size + 8);
	add(iso, type, 4);
	add(iso, data, size);
}

static void add_filled_box(struct bytes *iso, const char *type, size_t size)
{
	char data[256] = { 0 };

	add_box(iso, type, data, size);
}

static struct bytes make_mp4(void)
{
	struct bytes mp4 = { 0 };

	add_box(&mp4, "ftyp", "isom\0\0\2\0isommp42", 16);
	add_filled_box(&mp4, "free", 0);
	add_filled_box(&mp4, "mdat", 100);
	add_filled_box(&mp4, "moov", 60);
	return mp4;
}

/* The index first, as for streaming. */
static struct bytes make_fast_mp4(void)
{
	struct bytes mp4 = { 0 };

	add_box(&mp4, "ftyp", "isom\0\0\2\0isommp42", 16);
	add_filled_box(&mp4, "moov", 60);
	add_filled_box(&mp4, "mdat", 100);
	return mp4;
}

static struct bytes make_mov_with_large_box(void)
{
	struct bytes mov = { 0 };

	add_box(&mov, "ftyp", "qt  \0\0\2\0qt  ", 12);
	add_be32(&mov, 1); /* a 64-bit length follows */
	add(&mov, "mdat", 4);
	add_be32(&mov, 0);
	add_be32(&mov, 16 + 50);
	add_fill(&mov, 0, 50);
	add_filled_box(&mov, "moov", 60);
	return mov;
}

static struct bytes make_heic(void)
{
	struct bytes heic = { 0 };

	add_box(&heic, "ftyp", "heic\0\0\0\0mif1heic", 16);
	add_filled_box(&heic, "meta", 80);
	add_filled_box(&heic, "mdat", 100);
	return heic;
}

/* A still image whose data is inside its index. */
static struct bytes make_heif_with_inner_data(void)
{
	struct bytes heif = { 0 }, meta = { 0 };

	add(&meta, "\0\0\0\0", 4);
	add_filled_box(&meta, "hdlr", 20);
	add_filled_box(&meta, "idat", 40);
	add_box(&heif, "ftyp", "mif1\0\0\0\0mif1heic", 16);
	add_box(&heif, "meta", meta.data, meta.size);
	return heif;
}

static struct bytes make_m4a(void)
{
	struct bytes m4a = { 0 };

	add_box(&m4a, "ftyp", "M4A \0\0\0\0", 8);
	add_filled_box(&m4a, "moov", 60);
	add_filled_box(&m4a, "mdat", 100);
	return m4a;
}

static struct bytes make_mp3(void)
{
	struct bytes mp3 = { 0 };

	add(&mp3, "ID3\x03\0\0\0\0\0\0", 10);
	add_fill(&mp3, 0x55, 50);
	return mp3;
}

static const struct kind {
	const char *what;
	struct bytes (*make)(void);
	enum media_kind kind;
	const char *mime;
	bool is_checkable;
} kinds[] = {
	{ "PNG", make_png, MEDIA_IMAGE, "image/png", true },
	{ "JPEG", make_jpeg, MEDIA_IMAGE, "image/jpeg", true },
	{ "JPEG with thumbnail", make_jpeg_with_thumbnail, MEDIA_IMAGE, "image/jpeg",
	  true },
	{ "GIF", make_gif, MEDIA_IMAGE, "image/gif", true },
	{ "GIF of semicolons", make_gif_of_semicolons, MEDIA_IMAGE, "image/gif", true },
	{ "WebP", make_webp, MEDIA_IMAGE, "image/webp", true },
	{ "WAV", make_wav, MEDIA_AUDIO, "audio/wav", true },
	{ "BMP", make_bmp, MEDIA_IMAGE, "image/bmp", true },
	{ "TIFF", make_tiff, MEDIA_IMAGE, "image/tiff", false },
	{ "MP4", make_mp4, MEDIA_VIDEO, "video/mp4", true },
	{ "fast MP4", make_fast_mp4, MEDIA_VIDEO, "video/mp4", true },
	{ "MOV with a large box", make_mov_with_large_box, MEDIA_VIDEO, "video/quicktime",
	  true },
	{ "HEIC", make_heic, MEDIA_IMAGE, "image/heic", true },
	{ "HEIF with inner data", make_heif_with_inner_data, MEDIA_IMAGE, "image/heif",
	  true },
	{ "M4A", make_m4a, MEDIA_AUDIO, "audio/mp4", true },
	{ "MP3", make_mp3, MEDIA_AUDIO, "audio/mpeg", false },
};

static bool is_whole(const struct bytes *bytes, size_t size, struct media_type *ret_type)
{
	AUTOCLOSE int fd = file_of(bytes->data, size);
	bool whole = false;

	assert_int_equal(media_type_read(media_of_file(fd), ret_type), 0);
	assert_int_equal(
		media_type_check_whole(media_of_file(fd), size, ret_type, &whole), 0);
	return whole;
}

static void test_whole(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bytes bytes = kinds[i].make();
		struct media_type type;
		bool whole = is_whole(&bytes, bytes.size, &type);

		expect_text(kinds[i].what, "type", type.mime, kinds[i].mime);
		assert_int_equal(type.kind, kinds[i].kind);
		if (!whole)
			FAIL_CASE("%s is whole, but is not taken for it", kinds[i].what);
	}
	expect_no_failed_case();
}

/*
 * A truncated file is never taken for a complete input, whether its type is recognised or
 * not.
 */
static void test_cut_off(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct bytes bytes = kinds[i].make();

		for (size_t size = 0; kinds[i].is_checkable && size < bytes.size;
		     size++) {
			struct media_type type;

			if (!is_whole(&bytes, size, &type) || type.kind == MEDIA_UNKNOWN)
				continue;
			FAIL_CASE("%s is taken for whole when cut at %zu of %zu bytes",
				  kinds[i].what, size, bytes.size);
			break;
		}
	}
	expect_no_failed_case();
}

/*
 * Cameras append data to a JPEG (a film of some seconds). Trailing data does not make it
 * incomplete.
 */
static void test_jpeg_with_tail(void **state)
{
	struct bytes jpeg = make_jpeg();
	size_t size = jpeg.size + 200000;
	AUTOFREE unsigned char *bytes = calloc(1, size);
	AUTOCLOSE int fd = -1;
	struct media_type type;
	bool whole = false;

	memcpy(bytes, jpeg.data, jpeg.size);
	fd = file_of(bytes, size);
	assert_int_equal(media_type_read(media_of_file(fd), &type), 0);
	assert_int_equal(media_type_check_whole(media_of_file(fd), size, &type, &whole),
			 0);
	assert_true(whole);
}

static void test_unknown(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "hello, world", 12 },
		{ "BMW is no picture, nor is it", 28 },
		{ "RIFF\0\0\0\0AVI ", 12 },
		{ "%PDF-1.7", 8 },
		{ "PK\x03\x04", 4 },
		{ "\x89PNG", 4 },
		{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOCLOSE int fd = file_of(cases[i].bytes, cases[i].size);
		struct media_type type;
		bool whole = false;

		assert_int_equal(media_type_read(media_of_file(fd), &type), 0);
		if (type.kind != MEDIA_UNKNOWN)
			FAIL_CASE("case %zu is taken for %s", i, type.mime);
		assert_int_equal(media_type_check_whole(media_of_file(fd), cases[i].size,
							&type, &whole),
				 0);
		assert_true(whole || type.kind != MEDIA_UNKNOWN);
	}
	expect_no_failed_case();
}

/* Boxes and chunks with wrong lengths are reported as incomplete. */
static void test_lying_lengths(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{ "\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT\0\0\0\0", 20 },
		{ "\x89PNG\r\n\x1a\n\xff\xff\xff\xffIEND\0\0\0\0", 20 },
		{ "\0\0\0\x07"
		  "ftypisom\0\0\0\0",
		  16 },
		{ "\0\0\0\x10"
		  "ftypisom\0\0\0\0\0\0\0\x04moov",
		  24 },
		{ "\0\0\0\x01"
		  "ftypisom\0\0\0\0",
		  16 },
		{ "\0\0\0\x10"
		  "ftypisom\0\0\0\0\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff",
		  32 },
		{ "RIFF\xff\xff\xff\xffWAVE", 12 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOCLOSE int fd = file_of(cases[i].bytes, cases[i].size);
		struct media_type type;
		bool whole = true;

		assert_int_equal(media_type_read(media_of_file(fd), &type), 0);
		assert_int_not_equal(type.kind, MEDIA_UNKNOWN);
		assert_int_equal(media_type_check_whole(media_of_file(fd), cases[i].size,
							&type, &whole),
				 0);
		if (whole)
			FAIL_CASE("case %zu is taken for whole", i);
	}
	expect_no_failed_case();
}

/* A box of length 0 extends to the end of the file. */
static void test_open_ended_box(void **state)
{
	static const char bytes[] = "\0\0\0\x10"
				    "ftypisom\0\0\0\0"
				    "\0\0\0\x08moov"
				    "\0\0\0\0mdatxyz";
	AUTOCLOSE int fd = file_of(bytes, sizeof(bytes) - 1);
	struct media_type type;
	bool whole = false;

	assert_int_equal(media_type_read(media_of_file(fd), &type), 0);
	assert_int_equal(media_type_check_whole(media_of_file(fd), sizeof(bytes) - 1,
						&type, &whole),
			 0);
	assert_true(whole);
}

static void test_position_stays(void **state)
{
	struct bytes png = make_png();
	AUTOCLOSE int fd = file_of(png.data, png.size);
	struct media_type type;
	bool whole;

	assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
	assert_int_equal(media_type_read(media_of_file(fd), &type), 0);
	assert_int_equal(
		media_type_check_whole(media_of_file(fd), png.size, &type, &whole), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
}

static void test_errors(void **state)
{
	AUTOCLOSE int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct media_type type;

	assert_int_equal(media_type_read(media_of_file(-1), &type), -EBADF);
	assert_int_equal(media_type_read(media_of_file(fd), &type), -EISDIR);
	for (int kind = MEDIA_UNKNOWN; kind <= MEDIA_AUDIO; kind++)
		assert_non_null(media_kind_word((enum media_kind)kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_jpeg_with_tail),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_open_ended_box),
		cmocka_unit_test(test_position_stays),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
