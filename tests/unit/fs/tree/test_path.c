/* fs/tree/path.h: how paths relate to each other. */
#include "tests/unit/unit.h"

#include "fs/tree/path.h"

static void test_below(void **state)
{
	static const struct {
		const char *path, *top;
		bool is_below;
	} cases[] = {
		{ "film", "film", true },
		{ "film/cat", "film", true },
		{ "films", "film", false },
		{ "film", "film/cat", false },
		{ "", "", true },
		{ "film", "", true },
		{ "film/cat", "cat", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (path_is_at_or_below(cases[i].path, cases[i].top) != cases[i].is_below)
			FAIL_CASE("\"%s\" below \"%s\"", cases[i].path, cases[i].top);
	expect_no_failed_case();
}

/* Links are followed. A missing path counts by its nearest existing directory. */
static void test_inside(void **state)
{
	AUTOFREE char *outer = path_in(*state, "outer");
	AUTOFREE char *link = path_in(*state, "link");
	AUTOFREE char *by_link = path_in(*state, "link/to/come");
	AUTOFREE char *twin = path_in(*state, "outer2");

	assert_int_equal(mkdir(outer, 0755), 0);
	assert_int_equal(mkdir(twin, 0755), 0);
	assert_int_equal(symlink("outer", link), 0);
	assert_true(path_lies_inside(outer, outer));
	assert_true(path_lies_inside(by_link, outer));
	assert_true(path_lies_inside(outer, link));
	assert_true(path_lies_inside(outer, "/"));
	assert_false(path_lies_inside(twin, outer));
	assert_false(path_lies_inside(*state, outer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_below),
		cmocka_unit_test_setup_teardown(test_inside, set_up_dir, tear_down_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
