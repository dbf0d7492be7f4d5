/* backend/sim/tasks/image.h: images in requests, and the errors for rejected ones. */
#include "tests/unit/unit.h"

#include "backend/base/base64.h"
#include "backend/sim/tasks/image.h"

#define BYTES(text) text, sizeof(text) - 1
#define HEAD "data:image/png;base64,"

static const struct {
	const char *what;
	const char *bytes;
	size_t size;
	int r;
	const char *suffix;
	int width, height;
} cases[] = {
	{ "png", BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\x68\x08"), 0,
	  "png", 640, 360 },
	{ "a png with a side that no int has",
	  BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\xff\xff\xff\xff\0\0\0\1"), 0, "png",
	  INT32_MAX, 1 },
	{ "jpeg", BYTES("\xff\xd8\xff\xc0\0\x11\x08\x01\x68\x02\x80\x03"), 0, "jpeg", 640,
	  360 },
	{ "gif", BYTES("GIF89a\x80\x02\x68\x01"), 0, "gif", 640, 360 },
	{ "webp", BYTES("RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\x67\x01\0"), 0,
	  "webp", 640, 360 },
	{ "bmp", BYTES("BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x80\x02\0\0\x68\x01\0\0"), 0,
	  "bmp", 640, 360 },
	{ "tiff",
	  BYTES("II*\0\x08\0\0\0\x02\0\0\1\3\0\1\0\0\0\x80\x02\0\0\1\1\3\0\1\0\0\0"
		"\x68\x01\0\0"),
	  0, "tiff", 640, 360 },
	{ "a png that tells no size", BYTES("\x89PNG\r\n\x1a\n"), 0, "png", 0, 0 },
	{ "heic",
	  BYTES("\0\0\0\x18"
		"ftypheic\0\0\0\0"),
	  -EPROTONOSUPPORT, NULL, 0, 0 },
	{ "a sound", BYTES("RIFF\x04\0\0\0WAVE"), -EPROTONOSUPPORT, NULL, 0, 0 },
	{ "text", BYTES("hello"), -EPROTONOSUPPORT, NULL, 0, 0 },
};

static void check_image(size_t i, int r, const struct image *image)
{
	if (r != cases[i].r)
		FAIL_CASE("%s: %d", cases[i].what, r);
	if (r)
		return;
	expect_text(cases[i].what, "suffix", image->suffix, cases[i].suffix);
	if (image->width != cases[i].width || image->height != cases[i].height)
		FAIL_CASE("%s: %d x %d", cases[i].what, image->width, image->height);
	assert_int_equal(image->size, cases[i].size);
	assert_memory_equal(image->bytes, cases[i].bytes, cases[i].size);
}

static void test_images(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(image_clear) struct image image = { .bytes = NULL };
		CLEANUP(image_clear) struct image from_url = { .bytes = NULL };
		char url[256] = HEAD;

		base64_encode(cases[i].bytes, cases[i].size, url + strlen(HEAD));
		check_image(i, image_from_data_url(url, &from_url), &from_url);
		check_image(i, image_from_bytes(cases[i].bytes, cases[i].size, &image),
			    &image);
	}
	expect_no_failed_case();
}

static void test_urls(void **state)
{
	static const struct {
		const char *url;
		int r;
	} refused[] = {
		{ "https://example.com/a.png", -EINVAL },
		{ "data:image/PNG;base64,aGVs", -EINVAL },
		{ "data:image/;base64,aGVs", -EINVAL },
		{ "data:video/mp4;base64,aGVs", -EINVAL },
		{ "data:image/png,aGVs", -EINVAL },
		{ HEAD, -EBADMSG },
		{ HEAD "aGV", -EBADMSG },
		{ HEAD "aGVs\n", -EBADMSG },
		{ HEAD "aGV$", -EBADMSG },
		{ HEAD "aA==aGVs", -EBADMSG },
		{ HEAD "aG=s", -EBADMSG },
		{ HEAD "aGVs", -EPROTONOSUPPORT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		CLEANUP(image_clear) struct image image = { .bytes = NULL };
		int r = image_from_data_url(refused[i].url, &image);

		if (r != refused[i].r)
			FAIL_CASE("%s: %d instead of %d", refused[i].url, r,
				  refused[i].r);
	}
	expect_no_failed_case();
}

static void test_ceiling(void **state)
{
	size_t size = IMAGE_BYTES_MAX + 1;
	AUTOFREE char *bytes = calloc(1, size);
	AUTOFREE char *url = malloc(strlen(HEAD) + BASE64_SIZE(size));
	CLEANUP(image_clear) struct image image = { .bytes = NULL };

	memcpy(bytes, cases[0].bytes, cases[0].size);
	assert_int_equal(image_from_bytes(bytes, size, &image), -EFBIG);
	strcpy(url, HEAD);
	base64_encode(bytes, size, url + strlen(HEAD));
	assert_int_equal(image_from_data_url(url, &image), -EFBIG);
	base64_encode(bytes, size - 1, url + strlen(HEAD));
	assert_int_equal(image_from_data_url(url, &image), 0);
	assert_int_equal(image.size, size - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
