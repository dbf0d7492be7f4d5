/*
 * fs/kernel/session_options.h: the options that libfuse accepts, checked without a mount.
 */
#include "tests/unit/unit.h"

#include "fs/kernel/session_options.h"

static const struct {
	const char *option;
	bool is_taken;
} cases[] = {
	{ "ro", true },
	{ "nosuid", true },
	{ "fsname=a\\b,c", true },
	{ "max_read=4096", true },
	{ "max_read=many", false },
	{ "keeep=eager", false },
	{ "ro,rw", false }, /* one option that contains a comma */
	{ "ro=1", false },
};

static void test_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (session_takes_option(cases[i].option) != cases[i].is_taken)
			FAIL_CASE("%s", cases[i].option);
	expect_no_failed_case();
}

/* --help lists only options that work. */
static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; session_option_names[i]; i++) {
		AUTOFREE char *option =
			text_format("%s%s", session_option_names[i],
				    text_ends_with(session_option_names[i], "=") ? "1"
										 : "");

		if (!session_takes_option(option))
			FAIL_CASE("%s is not taken", option);
	}
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
