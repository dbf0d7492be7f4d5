/* fs/order/data_url.h: what is decoded, and what is rejected. */
#include "tests/unit/unit.h"

#include "fs/order/data_url.h"

static const struct {
	const char *url, *bytes; /* NULL: rejected, with this text in the reason: */
	const char *why;
} cases[] = {
	{ "data:image/png;base64,aGVsbG8=", "hello", NULL },
	{ "data:;base64,aGVsbA==", "hell", NULL },
	{ "DATA:image/PNG;BASE64,aGVs", "hel", NULL },
	{ "data:text/plain;charset=utf-8;base64,aGVs", "hel", NULL },
	{ "data:image/png;base64,aG\nVs\r\n bG8 =", "hello", NULL },
	{ "data:image/png;base64,", "", NULL },
	{ "data:image/png;base64,\v\faGVs\tbG8=\n \n", "hello", NULL },
	{ "data:image/png;base64,aGVsbG8=\n=", NULL, "after the end" },
	{ "data:image/png;base64,aGVs-aGVs", NULL, "not base64" },
	{ "data:image/png;base64,aGVs\xc2\xa0", NULL, "not base64" },
	{ "data:image/png;base64,+/+/", "\xfb\xff\xbf", NULL },
	{ "data:image/png,hello", NULL, "allowed" },
	{ "data:image/png;base64", NULL, "allowed" },
	{ "data:", NULL, "allowed" },
	{ "https://example.com/;base64,aGVs", NULL, "allowed" },
	{ "data:image/png;base64,aGV", NULL, "incomplete" },
	{ "data:image/png;base64,a", NULL, "incomplete" },
	{ "data:image/png;base64,aGVsbG8", NULL, "incomplete" },
	{ "data:image/png;base64,aGVsbA=", NULL, "incomplete" },
	{ "data:image/png;base64,aGV$", NULL, "not base64" },
	{ "data:image/png;base64,aG-_", NULL, "not base64" },
	{ "data:image/png;base64,aGVs%3D", NULL, "not base64" },
	{ "data:image/png;base64,=", NULL, "not base64" },
	{ "data:image/png;base64,a=bc", NULL, "not base64" },
	{ "data:image/png;base64,aG=c", NULL, "after the end" },
	{ "data:image/png;base64,aGU=aGVs", NULL, "after the end" },
	{ "data:image/png;base64,aGU==", NULL, "after the end" },
	{ "data:image/png;base64,\xc3\xa4", NULL, "not base64" },
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOCLOSE int fd = file_of("", 0);
		const char *why = NULL;
		char found[32] = { 0 };
		int r = data_url_decode(cases[i].url, fd, &why);

		if (!cases[i].bytes) {
			if (r != -EINVAL || !why || !strstr(why, cases[i].why))
				FAIL_CASE("%s: %d, \"%s\"", cases[i].url, r,
					  why ? why : "");
			continue;
		}
		assert_true(pread(fd, found, sizeof(found) - 1, 0) >= 0);
		if (r)
			FAIL_CASE("%s: %d, \"%s\"", cases[i].url, r, why ? why : "");
		expect_text(cases[i].url, "bytes", found, cases[i].bytes);
	}
	expect_no_failed_case();
}

/* Longer than one write, with line breaks at the boundaries of the writes. */
static void test_long(void **state)
{
	for (size_t groups = 4090; groups < 4100; groups++) {
		AUTOFREE char *url = malloc(groups * 5 + 32);
		AUTOCLOSE int fd = file_of("", 0);
		const char *why = NULL;
		struct stat status;
		size_t at = (size_t)sprintf(url, "data:image/png;base64,");

		for (size_t i = 0; i < groups; i++, at += 4) {
			memcpy(url + at, "aGVs", 4);
			if (i % 19 == 18)
				url[at++ + 4] = '\n';
		}
		url[at] = '\0';
		assert_int_equal(data_url_decode(url, fd, &why), 0);
		assert_int_equal(fstat(fd, &status), 0);
		assert_int_equal(status.st_size, groups * 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
