/*
 * backend/base/json_write.h: the text, which is valid JSON whatever the strings contain.
 */
#include "tests/unit/unit.h"

#include "backend/base/json_write.h"

#define SUITE FIXTURES "/json-parsing"

static void test_all_kinds(void **state)
{
	AUTOBUFFER out = BUFFER_INIT(1024);

	json_write_open(&out, NULL, '{');
	json_write_string(&out, "text", "a\"b\\c\n\t\x01\x7f");
	json_write_string(&out, "absent", NULL);
	json_write_int64(&out, "least", INT64_MIN);
	json_write_bool(&out, "yes", true);
	json_write_null(&out, "none");
	json_write_raw(&out, "raw", "[1, 2]");
	json_write_value(&out, "no tree", NULL);
	json_write_open(&out, "list", '[');
	json_write_int64(&out, NULL, 1);
	json_write_open(&out, NULL, '{');
	json_write_close(&out, '}');
	json_write_string(&out, NULL, "");
	json_write_close(&out, ']');
	json_write_close(&out, '}');
	assert_int_equal(buffer_error(&out), 0);
	assert_string_equal(out.data,
			    "{\"text\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\",\"least\":-"
			    "9223372036854775808,"
			    "\"yes\":true,\"none\":null,\"raw\":[1, 2],\"no tree\":null,"
			    "\"list\":[1,{},\"\"]}");
}

/* UTF-8 strings are preserved. Each invalid byte becomes U+FFFD. */
static void test_strings(void **state)
{
	static const struct {
		const char *written, *read;
	} cases[] = {
		{ "", "" },
		{ "\x01\x02\b\t\n\v\f\r\x1f\x7f", "\x01\x02\b\t\n\v\f\r\x1f\x7f" },
		{ "\"\\/", "\"\\/" },
		{ "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
		  "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf0\x9f\x98", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOBUFFER out = BUFFER_INIT(1024);
		AUTOJSON *tree = NULL;

		json_write_open(&out, NULL, '{');
		json_write_string(&out, cases[i].written, cases[i].written);
		json_write_close(&out, '}');
		tree = json_parse_text(out.data);
		assert_non_null(tree);
		expect_text(out.data, "key", json_key(json_first(tree)), cases[i].read);
		expect_text(out.data, "text", json_string(json_first(tree)),
			    cases[i].read);
	}
	expect_no_failed_case();
}

/*
 * Every tree that the suite's texts parse to is written as a text that parses to the same
 * tree.
 */
static void test_suite(void **state)
{
	struct dirent **names = NULL;
	int files = scandir(SUITE, &names, is_shown, alphasort);
	unsigned trees = 0;

	for (int i = 0; i < files; i++) {
		AUTOFREE char *path = path_in(SUITE, names[i]->d_name);
		AUTOFREE char *text = NULL, *again_text = NULL;
		AUTOBUFFER out = BUFFER_INIT(FILE_CEILING);
		AUTOJSON *tree = NULL, *again = NULL;
		size_t size;

		text = read_whole(path, &size);
		if (!json_parse(text, size, &tree, NULL)) {
			json_write_value(&out, NULL, tree);
			again = json_parse_text(out.data);
			assert_non_null(again);
			again_text = json_print(again);
			expect_text(names[i]->d_name, "text", again_text, out.data);
			trees++;
		}
		free(names[i]);
	}
	free(names);
	assert_true(trees >= 95);
	expect_no_failed_case();
}

static void test_error_sticks(void **state)
{
	AUTOBUFFER out = BUFFER_INIT(4);

	json_write_string(&out, NULL, "too long");
	json_write_null(&out, NULL);
	assert_int_equal(buffer_error(&out), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_suite),
		cmocka_unit_test(test_error_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
