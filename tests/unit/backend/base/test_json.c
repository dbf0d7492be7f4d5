/*
 * backend/base/json.h: strict parsing (the suite under fixtures/json-parsing and our own
 * rules), and building.
 */
#include "tests/unit/unit.h"

#define SUITE FIXTURES "/json-parsing"

struct suite_counts {
	size_t good, bad, open;
};

/*
 * Accepted by RFC 8259, rejected here on purpose: duplicate keys and \u0000
 * (backend/base/json.h).
 */
static bool is_refused_on_purpose(const char *name)
{
	static const char *const names[] = {
		"y_object_duplicated_key.json",
		"y_object_duplicated_key_and_value.json",
		"y_object_escaped_null_in_key.json",
		"y_string_null_escape.json",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static int parse_suite_file(const char *name, bool *ret_is_utf8)
{
	AUTOFREE char *path = path_in(SUITE, name);
	AUTOJSON *tree = NULL;
	struct json_error error = { 0 };
	size_t size;
	AUTOFREE char *text = read_whole(path, &size);
	AUTOFREE char *exact = malloc(size ? size : 1);
	int r;

	memcpy(exact, text,
	       size); /* not NUL-terminated: ASan detects reading past the end */
	*ret_is_utf8 = text_is_utf8(exact, size);
	r = json_parse(exact, size, &tree, &error);
	if (r == -EINVAL)
		assert_non_null(error.why);
	return r;
}

static void check_suite_file(const char *name, struct suite_counts *counts)
{
	bool is_utf8;
	int r = parse_suite_file(name, &is_utf8);

	if (*name == 'y') {
		int wanted = is_refused_on_purpose(name) ? -EINVAL : 0;

		counts->good++;
		if (r != wanted)
			fail_msg("%s: %d; expected %d", name, r, wanted);
	} else if (*name == 'n') {
		counts->bad++;
		if (r != -EINVAL)
			fail_msg("%s: %d; must be refused", name, r);
	} else {
		counts->open++;
		if (!is_utf8 && r != -EINVAL)
			fail_msg("%s: not UTF-8, but %d", name, r);
	}
}

static void test_suite(void **state)
{
	struct suite_counts counts = { 0 };
	struct dirent **names = NULL;
	int files = scandir(SUITE, &names, is_shown, alphasort);

	for (int i = 0; i < files; i++) {
		if (text_ends_with(names[i]->d_name, ".json"))
			check_suite_file(names[i]->d_name, &counts);
		free(names[i]);
	}
	free(names);
	assert_true(counts.good >= 95);
	assert_true(counts.bad >= 187);
	assert_true(counts.open >= 35);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column; /* 0: not checked */
		const char *why;
	} cases[] = {
		{ "", 1, 1, "unexpected end of file" },
		{ "  ", 1, 3, "unexpected end of file" },
		{ "{} x", 1, 4, "after the end of the JSON value" },
		{ "{}{}", 1, 3, "after the end of the JSON value" },
		{ "{\n \"a\": 1,\n}", 3, 1, "double quotes" },
		{ "{\"a\" 1}", 1, 6, "':'" },
		{ "{\"a\":1\n\"b\":2}", 2, 1, "','" },
		{ "[1 2]", 1, 4, "','" },
		{ "{'a':1}", 1, 2, "double quotes" },
		{ "{\"a\":tru}", 1, 6, "expected a value" },
		{ "[\"a\nb\"]", 1, 4, "line break" },
		{ "[\"\\x\"]", 1, 4, "escape" },
		{ "[\"\\u12\"]", 1, 7, "hexadecimal" },
		{ "[\"\\u0000\"]", 0, 0, "\\u0000" },
		{ "{\"\\u0000\":1}", 0, 0, "\\u0000" },
		{ "[\"\\ud800\"]", 0, 0, "surrogate" },
		{ "[\"\\udc00\"]", 0, 0, "surrogate" },
		{ "[01]", 1, 3, "leading zeros" },
		{ "[1.]", 1, 4, "incomplete" },
		{ "[-]", 1, 3, "incomplete" },
		{ "[\"\xff\"]", 0, 0, "UTF-8" },
		{ "\xef\xbb\xbf{}", 1, 1, "expected a value" },
		{ "{\"a\":1,\"a\":1}", 0, 0, "duplicate key" },
		{ "{\"a\":1,\"\\u0061\":2}", 0, 0, "duplicate key" },
		{ "{\"x\":[{\"y\":{\"k\":1,\"l\":2,\"k\":3}}]}", 0, 0, "duplicate key" },
		{ "{\"\":1,\"\":2}", 0, 0, "duplicate key" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct json_error error = { 0 };
		struct json *tree = NULL;

		if (json_parse(cases[i].text, strlen(cases[i].text), &tree, &error) !=
		    -EINVAL)
			fail_msg("%s: must be refused", cases[i].text);
		assert_null(tree);
		if (!strstr(error.why, cases[i].why))
			fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].text, error.why,
				 cases[i].why);
		if (cases[i].line &&
		    (error.line != cases[i].line || error.column != cases[i].column))
			fail_msg("%s: line %u, column %u instead of %u, %u",
				 cases[i].text, error.line, error.column, cases[i].line,
				 cases[i].column);
		assert_int_equal(json_parse(cases[i].text, strlen(cases[i].text), &tree,
					    NULL),
				 -EINVAL);
	}
}

static void test_keys_that_differ(void **state)
{
	static const char *const texts[] = {
		"{\"a\":1,\"A\":2}",	 "{\"a\":{\"a\":{\"a\":1}}}",
		"[{\"a\":1},{\"a\":1}]", "{\"a\":1,\"a \":2}",
		"{\"\":1,\" \":2}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTOJSON *tree = NULL;

		if (json_parse(texts[i], strlen(texts[i]), &tree, NULL))
			fail_msg("%s: must be accepted", texts[i]);
	}
}

static int parse_nested(unsigned depth, char open, char close)
{
	AUTOJSON *tree = NULL;
	char text[256];
	size_t size = 0;

	for (unsigned i = 0; i < depth; i++)
		text[size++] = open;
	for (unsigned i = 0; i < depth; i++)
		text[size++] = close;
	return json_parse(text, size, &tree, NULL);
}

static void test_depth(void **state)
{
	assert_int_equal(parse_nested(1, '[', ']'), 0);
	assert_int_equal(parse_nested(64, '[', ']'), 0);
	assert_int_equal(parse_nested(65, '[', ']'), -EINVAL);
	assert_int_equal(parse_nested(100, '{', '}'), -EINVAL);
}

static int parse_object_of(unsigned keys)
{
	AUTOBUFFER text = BUFFER_INIT(FILE_CEILING);
	AUTOJSON *tree = NULL;

	buffer_add(&text, "{");
	for (unsigned i = 0; i < keys; i++)
		buffer_addf(&text, "%s\"%u\":0", i ? "," : "", i);
	buffer_add(&text, "}");
	return json_parse(text.data, text.size, &tree, NULL);
}

/*
 * The check for duplicate keys is quadratic, so the number of keys has a limit. Arrays
 * have none.
 */
static void test_many_keys(void **state)
{
	AUTOBUFFER text = BUFFER_INIT(FILE_CEILING);
	AUTOJSON *tree = NULL;

	assert_int_equal(parse_object_of(1000), 0);
	assert_int_equal(parse_object_of(1001), -EINVAL);
	buffer_add(&text, "[0");
	for (unsigned i = 0; i < 100000; i++)
		buffer_add(&text, ",{}");
	buffer_add(&text, "]");
	assert_int_equal(json_parse(text.data, text.size, &tree, NULL), 0);
}

/* Each prefix of a text is rejected, and none is read past its end. */
static void test_truncation(void **state)
{
	static const char text[] =
		"{\"a\":[1,-2.5e+3,true,false,null,\"\\u00e9\\ud83d\\ude00\\n\xc3\xa9\"],"
		"\"b\":{\"c\":{}}}";

	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		AUTOFREE char *exact = malloc(size ? size : 1);
		AUTOJSON *tree = NULL;

		memcpy(exact, text, size);
		assert_int_equal(json_parse(exact, size, &tree, NULL), -EINVAL);
	}
}

/* JSON allows numbers of any length: the value counts, not the number of digits. */
static void test_long_numbers(void **state)
{
	static const struct {
		const char *text;
		double value;
	} cases[] = {
		{ "[100000000000000000000000000000000000000000000000000000000000000000000"
		  "00000]",
		  1e73 },
		{ "[1."
		  "0000000000000000000000000000000000000000000000000000000000000000000000"
		  "0]",
		  1 },
		{ "[0."
		  "10000000000000000000000000000000000000000000000000000000000000000000e1"
		  "]",
		  1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOJSON *tree = NULL;
		double value = 0;

		assert_int_equal(
			json_parse(cases[i].text, strlen(cases[i].text), &tree, NULL), 0);
		assert_true(json_to_number(json_first(tree), &value));
		assert_true(value == cases[i].value);
	}
}

/* A single number, longer than any buffer: all of it counts, not its prefix. */
static void test_long_number_alone(void **state)
{
	static const char text[] = "10000000000000000000000000000000000000000000000000000"
				   "000000000000000000000";
	AUTOJSON *tree = NULL;
	double value = 0;

	assert_int_equal(json_parse(text, strlen(text), &tree, NULL), 0);
	assert_true(json_to_number(tree, &value));
	assert_true(value == 1e73);
}

static const char sample[] =
	"{\"text\":\"h\\u00e9\",\"yes\":true,\"no\":false,\"none\":null,"
	"\"whole\":42,\"part\":0.5,\"big\":4294967295,\"huge\":1e16,"
	"\"list\":[1,2],\"object\":{\"k\":\"v\"}}";

static void test_reading(void **state)
{
	AUTOJSON *tree = NULL;
	int64_t number = -7;
	double value;
	bool flag = false;

	assert_int_equal(json_parse(sample, strlen(sample), &tree, NULL), 0);
	assert_true(json_is_object(tree));
	assert_string_equal(json_get_string(tree, "text"), "h\xc3\xa9");
	assert_null(json_get(tree, "TEXT"));
	assert_null(json_get_string(tree, "whole"));
	assert_true(json_to_bool(json_get(tree, "yes"), &flag) && flag);
	assert_true(json_to_bool(json_get(tree, "no"), &flag) && !flag);
	assert_false(json_to_bool(json_get(tree, "whole"), &flag));
	assert_true(json_is_null(json_get(tree, "none")));
	assert_true(json_is_null(json_get(tree, "missing")));
	assert_false(json_is_null(json_get(tree, "no")));
	assert_false(json_to_int64(json_get(tree, "part"), &number));
	assert_false(json_to_int64(json_get(tree, "huge"), &number));
	assert_int_equal(number, -7);
	assert_true(json_to_int64(json_get(tree, "whole"), &number) && number == 42);
	assert_true(json_to_int64(json_get(tree, "big"), &number) &&
		    number == 4294967295);
	assert_true(json_to_number(json_get(tree, "part"), &value) && value == 0.5);
	assert_true(json_is_array(json_get(tree, "list")));
	assert_null(json_key(json_first(json_get(tree, "list"))));
	assert_string_equal(json_key(json_first(tree)), "text");
	assert_string_equal(json_key(json_next(json_first(tree))), "yes");
}

static void test_types(void **state)
{
	static const struct {
		const char *key, *type;
	} cases[] = {
		{ "text", "a string" },	   { "yes", "true" },
		{ "no", "false" },	   { "none", "null" },
		{ "whole", "a number" },   { "list", "an array" },
		{ "object", "an object" }, { "missing", "nothing" },
	};
	AUTOJSON *tree = NULL;

	assert_int_equal(json_parse(sample, strlen(sample), &tree, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(json_type(json_get(tree, cases[i].key)),
				    cases[i].type);
}

static void test_helpers(void **state)
{
	static const char *const known[] = { "text", "yes", "no", NULL };
	AUTOJSON *tree = json_parse_text(sample);

	assert_null(json_parse_text(NULL));
	assert_null(json_parse_text("{} {}"));
	assert_null(json_get_nonnull(tree, "none"));
	assert_null(json_get_nonnull(tree, "missing"));
	assert_non_null(json_get_nonnull(tree, "no"));
	assert_true(json_is_true(json_get(tree, "yes")));
	assert_false(json_is_true(json_get(tree, "no")));
	assert_false(json_is_true(json_get(tree, "whole")));
	assert_true(json_is_bool(json_get(tree, "no")));
	assert_false(json_is_bool(json_get(tree, "none")));
	assert_int_equal(json_get_int64(tree, "whole", 7), 42);
	assert_int_equal(json_get_int64(tree, "part", 7), 7);
	assert_int_equal(json_get_int64(tree, "missing", 7), 7);
	assert_string_equal(json_unknown_key(tree, known), "none");
	assert_null(json_unknown_key(NULL, known));
}

/* Every getter treats NULL as a missing value. */
static void test_missing(void **state)
{
	int64_t number;
	double value;
	bool flag;

	assert_null(json_get(NULL, "a"));
	assert_null(json_get_string(NULL, "a"));
	assert_null(json_get_nonnull(NULL, "a"));
	assert_null(json_first(NULL));
	assert_null(json_next(NULL));
	assert_null(json_key(NULL));
	assert_false(json_is_bool(NULL) || json_is_true(NULL));
	assert_null(json_string(NULL));
	assert_null(json_copy(NULL));
	assert_false(json_is_object(NULL) || json_is_array(NULL));
	assert_false(json_to_bool(NULL, &flag) || json_to_number(NULL, &value) ||
		     json_to_int64(NULL, &number));
	json_free(NULL);
}

static void test_building(void **state)
{
	AUTOJSON *object = json_new_object();
	struct json *list = json_new_array(), *item = json_new_object();
	AUTOJSON *copy = NULL;
	AUTOFREE char *text = NULL;
	AUTOFREE char *pretty = NULL;

	assert_int_equal(json_put_string(object, "t", "a\"b\n"), 0);
	assert_int_equal(json_put_string(object, "skipped", NULL), 0);
	assert_int_equal(json_put_int64(object, "n", 4294967295), 0);
	assert_int_equal(json_put_int64(object, "m", -999999999999999), 0);
	assert_int_equal(json_put_bool(object, "b", false), 0);
	assert_int_equal(json_put_int64(item, "i", 1), 0);
	assert_int_equal(json_push(list, item), 0);
	assert_int_equal(json_put(object, "l", list), 0);
	copy = json_copy(object);
	text = json_print(copy);
	assert_string_equal(
		text, "{\"t\":\"a\\\"b\\n\",\"n\":4294967295,\"m\":-999999999999999,"
		      "\"b\":false,\"l\":[{\"i\":1}]}");
	pretty = json_print_pretty(object);
	assert_non_null(strchr(pretty, '\n'));
}

/* json_to_int64() reads integers up to 9e15, so they must be written exactly, too. */
static void test_large_numbers(void **state)
{
	static const char text[] =
		"[1786281507123457,-8999999999999999,8999999999999999]";
	AUTOJSON *tree = NULL;
	AUTOJSON *object = json_new_object();
	AUTOFREE char *again = NULL;
	AUTOFREE char *built = NULL;

	assert_int_equal(json_parse(text, strlen(text), &tree, NULL), 0);
	again = json_print(tree);
	assert_int_equal(json_put_int64(object, "n", 1786281507123457), 0);
	built = json_print(object);
	expect_text("parsed", "the text", again, text);
	expect_text("built", "the text", built, "{\"n\":1786281507123457}");
	expect_no_failed_case();
}

/* Integers that no double can represent keep their text, and are still numbers. */
static void test_exact_numbers(void **state)
{
	static const char text[] =
		"{\"a\\\"-1\":[12345678901234567890,0.5,\"\\\\\",-1],"
		"\"b\":{\"c\":-9007199254740993,\"d\":1},\"e\":1000000000000000}";
	AUTOJSON *tree = NULL, *copy = NULL;
	AUTOFREE char *again = NULL;
	int64_t number = 0;

	assert_int_equal(json_parse(text, strlen(text), &tree, NULL), 0);
	copy = json_copy(tree);
	again = json_print(copy);
	assert_string_equal(again, text);
	assert_true(json_to_int64(json_get(copy, "e"), &number));
	assert_int_equal(number, 1000000000000000);
	assert_string_equal(json_type(json_get(copy, "e")), "a number");
	assert_null(json_get_string(copy, "e"));
}

/* Printed JSON parses back to the same text. */
static void test_round_trip(void **state)
{
	AUTOJSON *tree = NULL, *again = NULL;
	AUTOFREE char *text = NULL;
	AUTOFREE char *text_again = NULL;

	assert_int_equal(json_parse(sample, strlen(sample), &tree, NULL), 0);
	text = json_print(tree);
	assert_int_equal(json_parse(text, strlen(text), &again, NULL), 0);
	text_again = json_print(again);
	assert_string_equal(text, text_again);
}

static void test_take_string(void **state)
{
	AUTOJSON *tree = NULL;
	AUTOFREE char *taken = NULL;

	assert_int_equal(json_parse("{\"a\":\"x\",\"b\":1}", 15, &tree, NULL), 0);
	assert_null(json_take_string(NULL));
	assert_null(json_take_string((struct json *)json_get(tree, "b")));
	taken = json_take_string((struct json *)json_get(tree, "a"));
	assert_string_equal(taken, "x");
	assert_true(json_is_null(json_get(tree, "a")));
	assert_null(json_take_string((struct json *)json_get(tree, "a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_string),
		cmocka_unit_test(test_suite),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_keys_that_differ),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_long_numbers),
		cmocka_unit_test(test_long_number_alone),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_building),
		cmocka_unit_test(test_large_numbers),
		cmocka_unit_test(test_exact_numbers),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
