/* backend/http/content_range.h: valid headers of servers, and invalid ones. */
#include "tests/unit/unit.h"

#include "backend/http/content_range.h"

static void test_content_range(void **state)
{
	static const struct {
		const char *text;
		bool has_range;
		uint64_t first, last;
		bool has_total;
		uint64_t total;
	} cases[] = {
		{ "bytes 0-99/1234", true, 0, 99, true, 1234 },
		{ "bytes 0-0/1", true, 0, 0, true, 1 },
		{ "Bytes 5-9/10", true, 5, 9, true, 10 },
		{ "bytes  5-9/10", true, 5, 9, true, 10 },
		{ "bytes 0-99/*", true, 0, 99, false, 0 },
		{ "bytes */1234", false, 0, 0, true, 1234 },
		{ "bytes */0", false, 0, 0, true, 0 },
		{ "bytes 0-9223372036854775806/9223372036854775807", true, 0,
		  INT64_MAX - 1, true, INT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct content_range range;

		if (content_range_parse(cases[i].text, &range))
			fail_msg("\"%s\" is refused", cases[i].text);
		assert_int_equal(range.has_range, cases[i].has_range);
		assert_int_equal(range.has_total, cases[i].has_total);
		if (range.has_range)
			assert_true(range.first == cases[i].first &&
				    range.last == cases[i].last);
		if (range.has_total)
			assert_true(range.total == cases[i].total);
	}
}

static void test_content_range_refused(void **state)
{
	static const char *const texts[] = {
		NULL,
		"",
		"bytes",
		"bytes ",
		"bytes 0-99",
		"bytes 0-99/",
		"bytes 0-/100",
		"bytes -99/100",
		"bytes 0/100",
		"bytes 99-0/100",
		"bytes 0-100/100",
		"bytes */*",
		"bytes 0-99/100x",
		"bytes 0-99/100 ",
		"bytes a-b/c",
		"bytes 0x0-0x9/0x10",
		"bytes +0-9/10",
		"bytes 0--9/10",
		"bytes 0- 9/10",
		"bytes 0-9/ 10",
		"items 0-9/10",
		"0-9/10",
		"bytes=0-9/10",
		"bytes 0-99999999999999999999/*",
		"bytes 0-9/99999999999999999999",
		"bytes 0-9/9223372036854775808",
		"bytes 18446744073709551615-18446744073709551615/*",
		"bytes 0-9,20-29/100",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct content_range range = { .total = 7 };

		if (content_range_parse(texts[i], &range) != -EINVAL)
			fail_msg("\"%s\" is accepted", texts[i]);
		assert_int_equal(range.total, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_range),
		cmocka_unit_test(test_content_range_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
