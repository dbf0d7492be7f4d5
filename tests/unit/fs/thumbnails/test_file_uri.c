/* fs/thumbnails/file_uri.h: file URIs that equal GLib's, byte for byte. */
#include "fs/thumbnails/file_uri.h"

#include "tests/unit/unit.h"

#include "backend/base/cleanup.h"

static void test_spelling(void **state)
{
	static const char *const cases[][2] = {
		{ "/", "file:///" },
		{ "/home/a/video.mp4", "file:///home/a/video.mp4" },
		{ "/a b", "file:///a%20b" },
		{ "/-_.!~*'()&=:@+$,/", "file:///-_.!~*'()&=:@+$,/" },
		{ "/\"#%;<>?[\\]^`{|}",
		  "file:///%22%23%25%3B%3C%3E%3F%5B%5C%5D%5E%60%7B%7C%7D" },
		{ "/\xe7\x8c\xab", "file:///%E7%8C%AB" },
		{ "/\x01\x7f\xff\n", "file:///%01%7F%FF%0A" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *uri = file_uri(cases[i][0]);

		assert_string_equal(uri, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_spelling) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
