/*
 * backend/formats/image_size.h: an image's dimensions from its header; broken headers
 * give none.
 */
#include "tests/unit/unit.h"

#include "backend/formats/image_size.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *what;
	const char *bytes;
	size_t size;
	unsigned width, height;
} cases[] = {
	{ "png", BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\x68\x08"),
	  640, 360 },
	{ "png, cut off", BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02"), 0, 0 },
	{ "png without a head", BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT\0\0\1\0\0\0\1\0"),
	  0, 0 },
	{ "png of no height", BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\1\0\0\0\0\0"), 0,
	  0 },
	{ "gif", BYTES("GIF89a\x80\x02\x68\x01"), 640, 360 },
	{ "gif, cut off", BYTES("GIF89a\x80\x02"), 0, 0 },
	{ "bmp", BYTES("BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x80\x02\0\0\x68\x01\0\0"),
	  640, 360 },
	{ "bmp, downwards",
	  BYTES("BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x80\x02\0\0\x98\xfe\xff\xff"), 640,
	  360 },
	{ "bmp, old",
	  BYTES("BM\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0\x80\x02\x68\x01\0\0\0\0"), 640,
	  360 },
	{ "webp, lossy",
	  BYTES("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\x68\x01"), 640,
	  360 },
	{ "webp, lossless",
	  BYTES("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x59\x00\0\0\0\0\0"), 640, 360 },
	{ "webp, extended",
	  BYTES("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\x67\x01\0"), 640, 360 },
	{ "webp, cut off", BYTES("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0"), 0, 0 },
	{ "jpeg", BYTES("\xff\xd8\xff\xc0\0\x11\x08\x01\x68\x02\x80\x03"), 640, 360 },
	{ "jpeg, progressive behind a segment and padding",
	  BYTES("\xff\xd8\xff\xe0\0\x04zz\xff\xff\xc2\0\x11\x08\x01\x68\x02\x80\x03"),
	  640, 360 },
	{ "jpeg, a table is no frame",
	  BYTES("\xff\xd8\xff\xc4\0\x02\xff\xc1\0\x11\x08\x01\x68\x02\x80\x03"), 640,
	  360 },
	{ "jpeg without a frame", BYTES("\xff\xd8\xff\xda\0\x02\xff\xd9"), 0, 0 },
	{ "jpeg, cut off", BYTES("\xff\xd8\xff\xe0\xff\xff"), 0, 0 },
	{ "tiff, little",
	  BYTES("II*\0\x08\0\0\0\x02\0\0\1\3\0\1\0\0\0\x80\x02\0\0\1\1\3\0\1\0\0\0"
		"\x68\x01\0\0"),
	  640, 360 },
	{ "tiff, big",
	  BYTES("MM\0*\0\0\0\x08\0\x02\1\0\0\4\0\0\0\1\0\0\x02\x80\1\1\0\3\0\0\0\1"
		"\x01\x68\0\0"),
	  640, 360 },
	{ "tiff that leads nowhere", BYTES("II*\0\xff\xff\xff\xff"), 0, 0 },
	{ "heic",
	  BYTES("\0\0\0\x18"
		"ftypheic\0\0\0\0"),
	  0, 0 },
	{ "a sound", BYTES("RIFF\x04\0\0\0WAVE"), 0, 0 },
	{ "nothing", "", 0, 0, 0 },
};

static void check_size(size_t i, struct media_source source)
{
	unsigned width = 1, height = 1;
	struct media_type type;

	assert_int_equal(media_type_read(source, &type), 0);
	assert_int_equal(media_size_read(source, &type, &width, &height), 0);
	if (width != cases[i].width || height != cases[i].height)
		FAIL_CASE("%s: %u x %u", cases[i].what, width, height);
}

static void test_sizes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOCLOSE int fd = file_of(cases[i].bytes, cases[i].size);
		/* Of the exact size: ASan detects reading past the end. */
		AUTOFREE char *bytes = malloc(cases[i].size ? cases[i].size : 1);

		memcpy(bytes, cases[i].bytes, cases[i].size);
		check_size(i, media_of_file(fd));
		check_size(i, media_of_bytes(bytes, cases[i].size));
	}
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
