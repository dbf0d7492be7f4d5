/* fs/daemon/options.h: the options after -o, and the rejected ones. */
#include "tests/unit/unit.h"

#include "fs/daemon/options.h"

#include <getopt.h>
#include <string.h>

static char *error;
static struct options options;

static int parse(const char *list)
{
	const char *arguments[] = {
		"seedancefs", "-o", list, "/library", "/mount", NULL
	};

	free(TAKE(error));
	options_clear(&options);
	optind = 0; /* restart the parsing */
	return options_parse(5, (char **)arguments, &options, &error);
}

static int tear_down(void **state)
{
	(void)state;
	options_clear(&options);
	options = (struct options){ 0 };
	free(TAKE(error));
	return 0;
}

static bool is_same(const char *a, const char *b)
{
	return !a || !b ? a == b : !strcmp(a, b);
}

static const struct {
	const char *list;
	const char *config;	 /* NULL: none */
	const char *key, *value; /* of the first setting; NULL: none */
	const char *fuse;	 /* NULL: none */
	const char *lets_in;
} lists[] = {
	{ "ro", .fuse = "ro" },
	{ .list = "" },
	{ ",ro,,allow_other,", .fuse = "ro,allow_other", .lets_in = "allow_other" },
	{ "allow_root", .fuse = "allow_root", .lets_in = "allow_root" },
	{ "rw,nosuid,nodev,noatime,default_permissions,subtype=x",
	  .fuse = "rw,nosuid,nodev,noatime,default_permissions,subtype=x" },
	{ "settle=3,ro", .key = "settle", .value = "3", .fuse = "ro" },
	{ "proxy=http://127.0.0.1:1", .key = "proxy", .value = "http://127.0.0.1:1" },
	{ "models=/a/m.json", .key = "models", .value = "/a/m.json" },
	{ "models=/Videos\\, 2024/m", .key = "models", .value = "/Videos, 2024/m" },
	{ "models=", .key = "models", .value = "" },
	{ "default_provider=a=b", .key = "default_provider", .value = "a=b" },
	{ "config=/a/config.ini", .config = "/a/config.ini" },
	{ "config=/Videos\\, 2024/c,ro", .config = "/Videos, 2024/c", .fuse = "ro" },
	{ "config=/a\\\\b", .config = "/a\\b" },
	{ "config=/a\\040b", .config = "/a b" },
	{ "config=/a\\", .config = "/a\\" },
	{ "config=/a,config=/b", .config = "/b" },
	{ "fsname=a\\,b,ro", .fuse = "fsname=a\\,b,ro" },
	{ "fsname=a\\\\,ro", .fuse = "fsname=a\\\\,ro" },
	{ "fsname=Videos\\,allow_other", .fuse = "fsname=Videos\\,allow_other" },
	{ "fsname=a\\\\,allow_other", .fuse = "fsname=a\\\\,allow_other",
	  .lets_in = "allow_other" },
	/* It allows other users in any spelling. */
	{ "allow\\_other", .fuse = "allow_other", .lets_in = "allow_other" },
	{ "allow\\137other", .fuse = "allow_other", .lets_in = "allow_other" },
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		int r = parse(lists[i].list);
		const struct setting *first = options.settings;

		if (r || !is_same(options.fuse, lists[i].fuse) ||
		    !is_same(options.lets_in, lists[i].lets_in) ||
		    !is_same(options.config_is_named ? options.config_path : NULL,
			     lists[i].config) ||
		    !is_same(first ? first->key->name : NULL, lists[i].key) ||
		    !is_same(first ? first->value : NULL, lists[i].value))
			FAIL_CASE("\"%s\": %d %s, fuse \"%s\", config \"%s\"",
				  lists[i].list, r, error ? error : "",
				  options.fuse ? options.fuse : "",
				  options.config_path ? options.config_path : "");
	}
	expect_no_failed_case();
}

/* The mount options are exactly the keys of the table that allow this place. */
static void test_every_key(void **state)
{
	const struct config_key *key;

	(void)state;
	for (size_t i = 0; (key = config_key_at(i)); i++) {
		AUTOFREE char *list = text_format("%s=/1", key->name);
		int r = parse(list);

		if (!(key->places & CONFIG_MOUNT_OPTION) != (r == -EINVAL))
			FAIL_CASE("%s: %d", list, r);
		else if (!r &&
			 (options.setting_count != 1 || options.settings[0].key != key))
			FAIL_CASE("%s is not set", list);
	}
	expect_no_failed_case();
}

static void test_a_file_counts_from_here(void **state)
{
	char here[4096];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(parse("models=my.json,config=my.ini"), 0);
	assert_true(text_starts_with(options.settings[0].value, here));
	assert_true(text_ends_with(options.settings[0].value, "/my.json"));
	assert_true(text_starts_with(options.config_path, here));
}

static const struct {
	const char *list, *words;
} refusals[] = {
	{ "keeep=eager", "unknown mount option \"keeep\"; did you mean \"keep\"?" },
	{ "ro,Settle=3", "unknown mount option \"Settle\"; did you mean \"settle\"?" },
	{ "confg=/a", "did you mean \"config\"?" },
	{ "allow_others", "did you mean \"allow_other\"?" },
	{ "noatme", "did you mean \"noatime\"?" },
	{ "fsnam=x", "did you mean \"fsname=\"?" },
	{ "xyzzy", "unknown mount option \"xyzzy\"; see seedancefs --help" },
	{ "keep", "mount option keep needs a value: keep=lazy|rescue|eager" },
	{ "key_file=/home/me/key", "key_file is not a mount option" },
	{ "base_url=https://h/", "[provider NAME] section of config.ini" },
	{ "max_read=many", "mount option \"max_read\"" },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		int r = parse(refusals[i].list);

		if (r != -EINVAL || !error || !strstr(error, refusals[i].words))
			FAIL_CASE("%s: %d \"%s\"", refusals[i].list, r,
				  error ? error : "");
	}
	expect_no_failed_case();
}

static void test_a_value_is_not_repeated(void **state)
{
	(void)state;
	assert_int_equal(parse("key=sk-secret"), -EINVAL);
	assert_null(strstr(error, "secret"));
	assert_int_equal(parse("key_env=sk-secret"), -EINVAL);
	assert_null(strstr(error, "secret"));
}

static const struct {
	const char *arguments[5];
	const char *words;
} lines[] = {
	{ { NULL }, "the mount point is missing" },
	{ { "a", "b", "c" }, "too many arguments" },
	{ { "-x", "b" }, "unknown option -x" },
	{ { "--nonsense", "b" }, "unknown option --nonsense" },
	{ { "b", "-o" }, "-o needs a list of options" },
};

static void test_wrong_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *arguments[7] = { "seedancefs" };
		int count = 1;

		for (; lines[i].arguments[count - 1]; count++)
			arguments[count] = lines[i].arguments[count - 1];
		free(TAKE(error));
		options_clear(&options);
		optind = 0;
		if (options_parse(count, (char **)arguments, &options, &error) !=
			    -EINVAL ||
		    !strstr(error, lines[i].words))
			FAIL_CASE("case %zu: %s", i, error ? error : "");
	}
	expect_no_failed_case();
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lists),
		TEST(test_every_key),
		TEST(test_a_file_counts_from_here),
		TEST(test_refusals),
		TEST(test_a_value_is_not_repeated),
		TEST(test_wrong_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
