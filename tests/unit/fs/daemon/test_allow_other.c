/* fs/daemon/allow_other.h: whether other users may be allowed. */
#include "tests/unit/unit.h"

#include "fs/daemon/allow_other.h"

#define USER 1000

static const struct {
	const char *option, *conf; /* conf NULL: the file is missing */
	uid_t uid;
	bool is_refused;
} cases[] = {
	{ NULL, NULL, USER, false },
	{ "allow_other", NULL, USER, true },
	{ "allow_root", "", USER, true },
	{ "allow_other", "#user_allow_other\n", USER, true },
	{ "allow_other", "user_allow_other_x\n", USER, true },
	{ "allow_other", "mount_max = 3\nuser_allow_other\n", USER, false },
	{ "allow_other", "user_allow_other # yes", USER, false },
	{ "allow_other", NULL, 0, false },
};

static void test_options(void **state)
{
	AUTOFREE char *conf = path_in(*state, "fuse.conf");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *error = NULL;
		int r;

		unlink(conf);
		if (cases[i].conf)
			write_whole(conf, cases[i].conf, strlen(cases[i].conf));
		r = allow_other_check(cases[i].option, cases[i].uid, conf, &error);
		if (r != (cases[i].is_refused ? -EPERM : 0))
			FAIL_CASE("case %zu: %d", i, r);
		if (cases[i].is_refused && (!error || !strstr(error, "user_allow_other")))
			FAIL_CASE("case %zu: \"%s\"", i, error ? error : "");
	}
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_options, set_up_dir, tear_down_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
