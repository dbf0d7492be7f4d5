/* fs/thumbnails/png.h: the texts of a thumbnail about its file. */
#include "fs/thumbnails/png.h"

#include "tests/unit/unit.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <string.h>

/* One pixel. */
static const unsigned char pixel[] = {
	0x89, 'P', 'N', 'G',  0x0d, 0x0a, 0x1a, 0x0a, 0,    0, 0, 0x0d,
	'I',  'H', 'D', 'R',  0,    0,	  0,	1,    0,    0, 0, 1,
	8,    0,   0,	0,    0,    0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0,
	0x0a, 'I', 'D', 'A',  'T',  0x78, 0x9c, 0x63, 0x60, 0, 0, 0,
	2,    0,   1,	0x48, 0xaf, 0xa4, 0x71, 0,    0,    0, 0, 'I',
	'E',  'N', 'D', 0xae, 0x42, 0x60, 0x82,
};

static const struct png_text texts[] = {
	{ "Thumb::URI", "file:///a" },
	{ "Thumb::MTime", "123" },
};

static void check_text(const struct buffer *png, const char *key, const char *value)
{
	AUTOFREE char *text = thumbnail_png_text(png->data, png->size, key);

	if (value)
		assert_string_equal(text, value);
	else
		assert_null(text);
}

static void test_texts(void **state)
{
	AUTOBUFFER png = BUFFER_INIT(4096), again = BUFFER_INIT(4096);
	static const struct png_text other = { "Thumb::URI", "file:///b%20c" };
	const char *first, *data;

	(void)state;
	assert_int_equal(thumbnail_png_write(pixel, sizeof(pixel), texts, 2, &png), 0);
	assert_int_equal(png.size, sizeof(pixel) + 2 * 12 + strlen("Thumb::URI") + 1 +
					   strlen("file:///a") + strlen("Thumb::MTime") +
					   1 + strlen("123"));
	check_text(&png, "Thumb::URI", "file:///a");
	check_text(&png, "Thumb::MTime", "123");
	check_text(&png, "Thumb", NULL);
	first = memmem(png.data, png.size, "tEXt", 4);
	data = memmem(png.data, png.size, "IDAT", 4);
	assert_true(first && data && first < data);
	/* zlib.crc32(b"tEXtThumb::MTime\0" + b"123") */
	assert_non_null(memmem(png.data, png.size, "123\xdc\x24\xf6\xe4", 7));

	assert_int_equal(thumbnail_png_write(png.data, png.size, &other, 1, &again), 0);
	check_text(&again, "Thumb::URI", "file:///b%20c");
	check_text(&again, "Thumb::MTime", "123");
	assert_null(memmem(again.data, again.size, "file:///a", 9));
}

static void test_what_is_no_png(void **state)
{
	unsigned char broken[sizeof(pixel)];

	(void)state;
	for (size_t size = 0; size < sizeof(pixel); size++) {
		AUTOBUFFER png = BUFFER_INIT(4096);

		assert_int_equal(thumbnail_png_write(pixel, size, texts, 2, &png),
				 -EINVAL);
		assert_null(thumbnail_png_text(pixel, size, "Thumb::URI"));
	}
	memcpy(broken, pixel, sizeof(pixel));
	memset(broken + 33, 0xff, 4);
	{
		AUTOBUFFER png = BUFFER_INIT(4096);

		assert_int_equal(thumbnail_png_write(broken, sizeof(broken), texts, 2,
						     &png),
				 -EINVAL);
	}
	{
		AUTOBUFFER png = BUFFER_INIT(100);

		assert_int_equal(thumbnail_png_write(pixel, sizeof(pixel), texts, 2,
						     &png),
				 -EFBIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_what_is_no_png),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
