/*
 * base/text.h and base/cleanup.h: cleaning text for display, and finding the intended
 * word.
 */
#include "tests/unit/unit.h"

#include "backend/base/text.h"

static void test_clean(void **state)
{
	static const struct {
		const char *text;
		size_t most;
		const char *wanted;
	} cases[] = {
		{ NULL, 10, "" },
		{ "", 10, "" },
		{ "plain", 10, "plain" },
		{ "a\nb\r\n\tc", 100, "a b c" },
		{ "  a   b  ", 100, "a b" },
		{ " \n\t ", 100, "" },
		{ "\x1b[31mred\x07\x7f", 100, "[31mred" },
		{ "a\xc2\x80"
		  "b\xc2\x9f"
		  "c",
		  100, "a b c" },
		{ "a\xe2\x80\xae"
		  "b\xe2\x81\xa6"
		  "c\xe2\x81\xa9",
		  100, "a b c" },
		{ "a\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c"
		  "b",
		  100, "a b" },
		{ "a\xe2\x80\xa8\xe2\x80\xa9"
		  "b",
		  100, "a b" },
		{ "caf\xc3\xa9 \xe7\x8c\xab \xf0\x9f\x90\x88", 100,
		  "caf\xc3\xa9 \xe7\x8c\xab \xf0\x9f\x90\x88" },
		{ "caf\xe9", 100, "caf?" },
		{ "\xff\xfe", 100, "??" },
		{ "\xc0\xaf", 100, "??" },
		{ "\xed\xa0\x80", 100, "???" },
		{ "\xf4\x90\x80\x80", 100, "????" },
		{ "a\xf0\x9f\x90", 100, "a???" },
		{ "abcdef", 6, "abcdef" },
		{ "abcdefg", 6, "abcdef\xe2\x80\xa6" },
		{ "abc\xc3\xa4", 4, "abc\xe2\x80\xa6" },
		{ "abc\xc3\xa4", 5, "abc\xc3\xa4" },
		{ "\xf0\x9f\x90\x88", 3, "\xe2\x80\xa6" },
		{ "abc", 0, "\xe2\x80\xa6" },
		{ "abc  ", 3, "abc" }, /* no visible text is cut off */
		{ "abc \n", 4, "abc" },
		{ "a\n\n\nb", 3, "a b" }, /* a run of white space becomes one space */
		{ "abc  d", 3, "abc\xe2\x80\xa6" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *clean = text_clean(cases[i].text, cases[i].most);
		AUTOFREE char *name = text_format("case %zu", i);

		expect_text(name, "clean text", clean, cases[i].wanted);
	}
	expect_no_failed_case();
}

/* Any bytes become one line of valid UTF-8 within the limit. */
static void test_clean_anything(void **state)
{
	uint64_t seed = 5;

	for (int i = 0; i < 2000; i++) {
		char bytes[64];
		size_t size = next_random(&seed) % sizeof(bytes),
		       most = next_random(&seed) % 70;
		AUTOFREE char *clean = NULL;

		for (size_t j = 0; j < size; j++)
			bytes[j] = (char)(1 + next_random(&seed) % 255);
		bytes[size] = '\0';
		clean = text_clean(bytes, most);
		assert_non_null(clean);
		assert_true(strlen(clean) <= most + 3);
		assert_true(text_is_utf8(clean, strlen(clean)));
		for (const char *p = clean; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
}

static void test_utf8(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool good;
	} cases[] = {
		{ "", 0, true },
		{ "a\0b", 3, true },
		{ "\xc2\x80", 2, true },
		{ "\xc1\xbf", 2, false },
		{ "\xe0\xa0\x80", 3, true },
		{ "\xe0\x9f\xbf", 3, false },
		{ "\xed\x9f\xbf", 3, true },
		{ "\xed\xa0\x80", 3, false },
		{ "\xed\xbf\xbf", 3, false },
		{ "\xee\x80\x80", 3, true },
		{ "\xef\xbf\xbf", 3, true },
		{ "\xf0\x90\x80\x80", 4, true },
		{ "\xf0\x8f\xbf\xbf", 4, false },
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "\xf4\x90\x80\x80", 4, false },
		{ "\xf8\x88\x80\x80\x80", 5, false },
		{ "\x80", 1, false },
		{ "\xbf", 1, false },
		{ "\xc3", 1, false },
		{ "\xe7\x8c", 2, false },
		{ "\xf0\x9f\x90", 3, false },
		{ "\xc3\x28", 2, false },
		{ "\xfe", 1, false },
		{ "\xff", 1, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *exact = malloc(cases[i].size ? cases[i].size : 1);

		memcpy(exact, cases[i].bytes, cases[i].size);
		if (text_is_utf8(exact, cases[i].size) != cases[i].good)
			fail_msg("case %zu", i);
	}
}

static void test_nearest(void **state)
{
	static const char *const list[] = { "prompt", "model", "camera_fixed", "duration",
					    NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "prompt", "prompt" },
		{ "promt", "prompt" },
		{ "Prompt", "prompt" },
		{ "modle", "model" },
		{ "camera_fixd", "camera_fixed" },
		{ "camerafixed", "camera_fixed" },
		{ "xyzzy", NULL },
		{ "", NULL },
		{ "durationn", "duration" },
		{ "x", NULL },
		{ "a_word_that_is_much_longer_than_any_of_those_in_the_list", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_text(cases[i].word, "nearest", text_nearest(cases[i].word, list),
			    cases[i].nearest);
	assert_null(text_nearest("prompt", none));
	expect_no_failed_case();
}

static void test_to_int64(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-1", 0, -1 },
		{ "007", 0, 7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ NULL, -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "- 1", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "five", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t value = 0;

		if (text_to_int64(cases[i].text, &value) != cases[i].result ||
		    value != cases[i].value)
			fail_msg("\"%s\"", cases[i].text ? cases[i].text : "(NULL)");
	}
}

static void test_to_ms(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "3", 0, 3000 },
		{ "0.25", 0, 250 },
		{ "1.5", 0, 1500 },
		{ "1.0009", 0, 1000 },
		{ "0.001", 0, 1 },
		{ "10.", 0, 10000 },
		{ "86400", 0, 86400000 },
		{ "1.23456789012345", 0, 1234 },
		{ NULL, -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 },
		{ "1,5", -EINVAL, 0 },
		{ "1s", -EINVAL, 0 },
		{ "1.5.", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t value = 0;

		if (text_to_ms(cases[i].text, &value) != cases[i].result ||
		    value != cases[i].value)
			fail_msg("\"%s\"", cases[i].text ? cases[i].text : "(NULL)");
	}
}

static void test_small_texts(void **state)
{
	AUTOFREE char *copy = text_dup("a");
	AUTOFREE char *formatted = text_format("%s-%d", "a", 1);

	assert_string_equal(copy, "a");
	assert_null(text_dup(NULL));
	assert_string_equal(formatted, "a-1");
	assert_true(text_starts_with("abc", "ab") && text_starts_with("abc", ""));
	assert_false(text_starts_with("ab", "abc"));
	assert_true(text_ends_with("abc", "bc") && text_ends_with("abc", ""));
	assert_false(text_ends_with("bc", "abc") || text_ends_with("abc", "ab"));
}

static void test_take(void **state)
{
	char *text = strdup("a");
	AUTOFREE char *taken = TAKE(text);
	int fd = 7;

	assert_null(text);
	assert_string_equal(taken, "a");
	assert_int_equal(take_fd(&fd), 7);
	assert_int_equal(fd, -1);
}

static void test_utf8_length(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{ "", 0 },
		{ "ab", 1 },
		{ "\xc3\xa9z", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xf0\x9f\x98", 0 },
		{ "\xc3", 0 },
		{ "\xff", 0 },
		{ "\xa9", 0 },
		{ "\xed\xa0\x80", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(text_utf8_length(cases[i].text), cases[i].length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_length),    cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_anything), cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_nearest),	       cmocka_unit_test(test_to_int64),
		cmocka_unit_test(test_to_ms),	       cmocka_unit_test(test_small_texts),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
