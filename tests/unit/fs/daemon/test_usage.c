/* fs/daemon/usage.h and README.md: both match the table of keys. */
#include "tests/unit/unit.h"

#include "backend/backend.h"
#include "fs/daemon/usage.h"

#include <string.h>

#define README FIXTURES "/../../README.md"
#define SAMPLE_BEGINS "```ini\n"

/* Lines have at most 80 columns, because a terminal would break longer ones. */
static size_t longest_line(const char *text)
{
	size_t longest = 0, length = 0;

	for (; *text; text++) {
		length = *text == '\n' ? 0 : length + ((*text & 0xc0) != 0x80);
		longest = length > longest ? length : longest;
	}
	return longest;
}

static void test_help_lists_every_key(void **state)
{
	AUTOFREE char *text = usage_text();
	const struct config_key *key;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; (key = config_key_at(i)); i++) {
		bool is_option = key->places & CONFIG_MOUNT_OPTION;
		AUTOFREE char *line =
			text_format("\n  %s%s%s%s%s%s\n      %.20s", key->name,
				    is_option ? "=" : " = ", key->value,
				    key->initial ? "   (default: " : "",
				    key->initial ? key->initial : "",
				    key->initial ? ")" : "", key->help);

		if (!strstr(text, line))
			FAIL_CASE("--help lacks %s", line);
	}
	expect_no_failed_case();
	assert_non_null(strstr(text, "allow_other"));
	assert_in_range(longest_line(text), 60, 82);
}

/* Writes README's config.ini to a file. Returns its text; free() it. */
static char *write_sample(const char *path)
{
	AUTOFREE char *readme = read_whole(README, NULL);
	char *begin = strstr(readme, SAMPLE_BEGINS), *end;

	assert_non_null(begin);
	begin += strlen(SAMPLE_BEGINS) - 1; /* each line follows a newline */
	end = strstr(begin, "\n```");
	assert_non_null(end);
	end[1] = '\0';
	write_whole(path, begin, strlen(begin));
	return strdup(begin);
}

static void test_readme_shows_every_key(void **state)
{
	AUTOFREE char *path = path_in(*state, "config.ini");
	AUTOFREE char *sample = write_sample(path);
	const struct config_key *key;

	for (size_t i = 0; (key = config_key_at(i)); i++) {
		AUTOFREE char *line =
			text_format("\n%s =%s%s", key->name, key->initial ? " " : "",
				    key->initial ? key->initial : "");

		if (!strstr(sample, line))
			FAIL_CASE("README.md's config.ini lacks %s", line + 1);
	}
	expect_no_failed_case();
}

/* The sample is accepted unchanged, so all of its keys exist. */
static void test_readme_is_accepted(void **state)
{
	AUTOFREE char *path = path_in(*state, "config.ini");
	AUTOFREE char *sample = write_sample(path), *error = NULL;
	struct config *config = NULL;

	assert_non_null(sample);
	if (config_load(path, true, &config, &error) || config_check(config, &error))
		fail_msg("%s", error);
	config_destroy(config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_help_lists_every_key),
		TEST(test_readme_shows_every_key),
		TEST(test_readme_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
