/* fs/folder/control_word.h: what may be written to `status`. */
#include "tests/unit/unit.h"

#include "backend/tasks/task.h"
#include "fs/folder/control_word.h"

static int parse(const char *text, size_t size, struct control_word *ret_control)
{
	AUTOFREE char *exact = malloc(size ? size : 1);

	memcpy(exact, text,
	       size); /* not NUL-terminated: ASan detects reading past the end */
	return control_word_parse(exact, size, ret_control);
}

static void test_words(void **state)
{
	static const struct {
		const char *text, *word, *argument;
	} cases[] = {
		{ "submit", "submit", "" },
		{ "submit\n", "submit", "" },
		{ "retry\r\n", "retry", "" },
		{ "cancel\n", "cancel", "" },
		{ "fetch\n", "fetch", "" },
		{ "  \n\t fetch \n\n", "fetch", "" },
		{ "adopt cgt-1\n", "adopt", "cgt-1" },
		{ "adopt \t cgt-1  \n", "adopt", "cgt-1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct control_word control = { 0 };

		assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &control),
				 0);
		assert_false(control.is_copy);
		assert_string_equal(control.word, cases[i].word);
		assert_string_equal(control.argument, cases[i].argument);
	}
}

/*
 * A text whose first line is a state, or that has several lines, is a copy: fs/README.md,
 * "Copies are not orders".
 */
static void test_copies(void **state)
{
	static const char *const copies[] = {
		"running\nprovider: ark\nmodel: m\n",
		"some\ntext",
		"submit\nretry\n",
		"submit\n\nx",
		"  failed \n",
		"state\n: x",
	};
	struct control_word control;

	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		assert_int_equal(parse(copies[i], strlen(copies[i]), &control), 0);
		assert_true(control.is_copy);
	}
	for (int i = TASK_PENDING; i <= TASK_UNKNOWN; i++) {
		const char *word = task_state_word((enum task_state)i);

		assert_int_equal(parse(word, strlen(word), &control), 0);
		assert_true(control.is_copy);
	}
}

static void test_junk(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		int result;
	} cases[] = {
		{ "", 0, -ENODATA },
		{ " \n\t\r\n", 5, -ENODATA },
		{ "Submit", 6, -EINVAL },
		{ "SUBMIT\n", 7, -EINVAL },
		{ "submit now", 10, -EINVAL },
		{ "retry cgt-1", 11, -EINVAL },
		{ "submi", 5, -EINVAL },
		{ "submits", 7, -EINVAL },
		{ "start\n", 6, -EINVAL },
		{ "Running\n", 8, -EINVAL },
		{ "running now", 11, -EINVAL },
		{ "x", 1, -EINVAL },
		{ "\0", 1, -EINVAL },
		{ "submit\0", 7, -EINVAL },
		{ "submit\0now", 10, -EINVAL },
		{ "\xff\xfe", 2, -EINVAL },
		{ "wordthatismuchtoolong", 21, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct control_word control = { 0 };
		int r = parse(cases[i].text, cases[i].size, &control);

		if (r != cases[i].result)
			FAIL_CASE("case %zu (\"%s\"): %d; expected %d", i, cases[i].text,
				  r, cases[i].result);
	}
	expect_no_failed_case();
}

static void test_long(void **state)
{
	size_t size = 1 << 20;
	AUTOFREE char *text = malloc(size);
	struct control_word control;

	memset(text, 'a', size);
	assert_int_equal(parse(text, size, &control), -EINVAL);
	memcpy(text, "adopt ", 6);
	assert_int_equal(parse(text, size, &control), -EINVAL);
	assert_int_equal(parse(text, 6 + 128, &control), 0); /* the longest id */
	assert_int_equal(strlen(control.argument), 128);
	memset(text, ' ', size);
	assert_int_equal(parse(text, size, &control), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
