/* A configuration of a test, read from a text as config.ini. */
#ifndef SEEDANCEFS_TESTS_UNIT_BACKEND_CONFIG_SAMPLE_H
#define SEEDANCEFS_TESTS_UNIT_BACKEND_CONFIG_SAMPLE_H

#include "tests/unit/unit.h"

#include "backend/config/config.h"

static struct config *config;
static char *error;

static inline int set_up(void **state)
{
	config = NULL;
	error = NULL;
	unsetenv("ARK_API_KEY");
	unsetenv("CREDENTIALS_DIRECTORY");
	return set_up_dir(state);
}

static inline int tear_down(void **state)
{
	config_destroy(config);
	free(error);
	return tear_down_dir(state);
}

/* Reads a text as config.ini; the result of loading, or of finishing. */
static inline int read_config(void **state, const char *text)
{
	AUTOFREE char *path = path_in(*state, "config.ini");
	int r;

	config_destroy(TAKE(config));
	free(TAKE(error));
	write_whole(path, text, strlen(text));
	r = config_load(path, true, &config, &error);
	return r ? r : config_finish(config, NULL, &error);
}

static inline void expect_good(void **state, const char *text)
{
	if (read_config(state, text))
		fail_msg("%s: refused: %s", text, error);
	assert_null(error);
}

static inline void expect_bad(void **state, const char *text, const char *words)
{
	int r = read_config(state, text);

	if (r != -EINVAL)
		FAIL_CASE("%s: %d; must be refused", text, r);
	else if (!error || !strstr(error, words))
		FAIL_CASE("%s: \"%s\" does not hold \"%s\"", text,
			  error ? error : "(none)", words);
}

struct refused {
	const char *text, *words;
};

static inline void expect_all_bad(void **state, const struct refused *refused,
				  size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_bad(state, refused[i].text, refused[i].words);
	expect_no_failed_case();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
