/* fs/daemon/options.h: what is said behind -o. */
#include "tests/unit/unit.h"

#include "fs/daemon/options.h"

#include <getopt.h>
#include <string.h>

static const struct {
	const char *list;
	const char *config;  /* NULL: none is named */
	const char *setting; /* the first one; or NULL */
	const char *fuse;    /* NULL: none */
} cases[] = {
	{ "ro", NULL, NULL, "ro" },
	{ ",ro,,allow_other,", NULL, NULL, "ro,allow_other" },
	{ "settle=3,ro", NULL, "settle=3", "ro" },
	{ "config=/a/config.ini", "/a/config.ini", NULL, NULL },
	{ "config=/Videos\\, 2024/c,ro", "/Videos, 2024/c", NULL, "ro" },
	{ "config=/a\\\\b", "/a\\b", NULL, NULL },
	{ "config=/a\\040b", "/a b", NULL, NULL },
	{ "config=/a\\", "/a\\", NULL, NULL },
	{ "fsname=a\\,b,ro", NULL, NULL, "fsname=a\\,b,ro" },
	{ "fsname=a\\\\,ro", NULL, NULL, "fsname=a\\\\,ro" },
	/* However it is written, access_check_options() sees it. */
	{ "allow\\_other", NULL, NULL, "allow_other" },
	{ "allow\\137other", NULL, NULL, "allow_other" },
};

static bool is_same(const char *a, const char *b)
{
	return !a || !b ? a == b : !strcmp(a, b);
}

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *arguments[] = { "seedancefs", "-o",	    cases[i].list,
					    "/library",	  "/mount", NULL };
		AUTOFREE char *error = NULL;
		struct options options;
		int r;

		optind = 0; /* from the beginning */
		r = options_parse(5, (char **)arguments, &options, &error);
		if (r || !is_same(options.fuse, cases[i].fuse) ||
		    !is_same(options.config_is_named ? options.config_path : NULL,
			     cases[i].config) ||
		    !is_same(options.setting_count ? options.settings[0] : NULL,
			     cases[i].setting))
			FAIL_CASE("\"%s\": %d, fuse \"%s\", config \"%s\"", cases[i].list,
				  r, options.fuse ? options.fuse : "",
				  options.config_path ? options.config_path : "");
		options_clear(&options);
	}
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lists) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
