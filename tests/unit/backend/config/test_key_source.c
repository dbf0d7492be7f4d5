/* backend/config/key_source.c: the sources of a key. */
#include "tests/unit/backend/config/sample.h"

static int read_with_key_file(void **state, const char *name)
{
	AUTOFREE char *path = path_in(*state, name);
	AUTOFREE char *text = text_format("[provider ark]\nkey_file = %s\n", path);

	return read_config(state, text);
}

static void make_key_file(void **state, mode_t mode)
{
	AUTOFREE char *path = path_in(*state, "key");

	write_whole(path, "sk-file\n", 8);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_key_file(void **state)
{
	const struct provider_section *section;

	make_key_file(state, 0600);
	assert_int_equal(read_with_key_file(state, "key"), 0);
	section = config_section(config, "ark");
	assert_string_equal(section->key, "sk-file");
	assert_true(text_starts_with(section->key_name, "file "));
	assert_true(text_ends_with(section->key_name, "/key"));
	make_key_file(state, 0400);
	assert_int_equal(read_with_key_file(state, "key"), 0);
}

static void test_key_file_of_others(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0620, 0602, 0601, 0644, 0777 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		make_key_file(state, modes[i]);
		assert_int_equal(read_with_key_file(state, "key"), -EINVAL);
		assert_non_null(strstr(error, "chmod 600"));
		assert_null(strstr(error, "sk-file"));
	}
}

static void test_key_file_of_other_kinds(void **state)
{
	AUTOFREE char *key = path_in(*state, "key");
	AUTOFREE char *link = path_in(*state, "link");
	AUTOFREE char *fifo = path_in(*state, "fifo");

	make_key_file(state, 0600);
	assert_int_equal(symlink(key, link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(read_with_key_file(state, "link"), -EINVAL);
	assert_int_equal(read_with_key_file(state, "fifo"),
			 -EINVAL); /* without waiting */
	assert_int_equal(read_with_key_file(state, "."), -EINVAL);
	write_whole(key, "\n\n", 2);
	assert_int_equal(read_with_key_file(state, "key"), -EINVAL);
	assert_non_null(strstr(error, "is empty"));
}

static void test_credential(void **state)
{
	AUTOFREE char *path = path_in(*state, "ark");

	write_whole(path, "sk-9\n", 5);
	setenv("CREDENTIALS_DIRECTORY", *state, 1);
	expect_good(state, "[provider ark]\nkey_credential = ark\n");
	assert_string_equal(config->sections[0].key, "sk-9");
	assert_string_equal(config->sections[0].key_name, "credential ark");
	assert_int_equal(read_config(state, "[provider ark]\nkey_credential = ../ark\n"),
			 -EINVAL);
	assert_non_null(strstr(error, "without slashes"));
	assert_int_equal(read_config(state, "[provider ark]\nkey_credential = none\n"),
			 -EINVAL);
	assert_non_null(strstr(error, "No such file"));
}

static void test_key_env(void **state)
{
	setenv("UNIT_TEST_KEY", " sk-env\n", 1);
	expect_good(state, "[provider ark]\nkey_env = UNIT_TEST_KEY\n");
	assert_string_equal(config_section(config, "ark")->key, "sk-env");
	assert_string_equal(config_section(config, "ark")->key_name, "env UNIT_TEST_KEY");
	assert_null(getenv("UNIT_TEST_KEY"));
}

static void test_shared_key_env(void **state)
{
	setenv("UNIT_TEST_KEY", "sk-env", 1);
	expect_good(state, "[provider a]\ntype = ark\nkey_env = UNIT_TEST_KEY\n"
			   "[provider b]\ntype = ark\nkey_env = UNIT_TEST_KEY\n");
	assert_string_equal(config_section(config, "a")->key, "sk-env");
	assert_string_equal(config_section(config, "b")->key, "sk-env");
}

static void test_default_key_env(void **state)
{
	setenv("ARK_API_KEY", "sk-default", 1);
	expect_good(state, "[provider ark]\nmodel = m\n");
	assert_string_equal(config_section(config, "ark")->key, "sk-default");
	expect_good(state, "[provider ark]\nmodel = m\n"); /* the service reports it */
	assert_null(config_section(config, "ark")->key);
	assert_string_equal(config_section(config, "ark")->key_name, "env ARK_API_KEY");
}

/* Error texts reach the terminal and the log, so they must not contain a key. */
static void test_errors_hide_keys(void **state)
{
	setenv("UNIT_TEST_KEY", "sk-\x01secret", 1);
	assert_int_equal(read_config(state, "[provider ark]\nkey_env = UNIT_TEST_KEY\n"),
			 -EINVAL);
	assert_null(strstr(error, "secret"));
}

static const struct refused refused[] = {
	{ "[provider ark]\nkey_env = NO_SUCH_VARIABLE_HERE\n", "NO_SUCH_VARIABLE_HERE" },
	{ "[provider ark]\nkey_command = false\n", "key_command failed (exit status 1)" },
	{ "[provider ark]\nkey_command = true\n", "is empty" },
	{ "[provider ark]\nkey_credential = ark\n", "CREDENTIALS_DIRECTORY is not set" },
	{ "[provider ark]\nkey_command = echo a\nkey_env = HOME\n",
	  "only one of key_env, key_file" },
	{ "[provider ark]\nkey_command = printf 'a\\001b'\n",
	  "contains a control character" },
	{ "[provider ark]\nkey_file = /no/such/file\n", "/no/such/file" },
};

static void test_refused(void **state)
{
	expect_all_bad(state, refused, ARRAY_SIZE(refused));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_key_file),
		TEST(test_key_file_of_others),
		TEST(test_key_file_of_other_kinds),
		TEST(test_credential),
		TEST(test_key_env),
		TEST(test_shared_key_env),
		TEST(test_default_key_env),
		TEST(test_errors_hide_keys),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
