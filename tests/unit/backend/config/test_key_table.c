/*
 * backend/config/key_table.h: rules that hold for every key, and the values that each one
 * accepts.
 */
#include "tests/unit/unit.h"

#include "backend/config/config_internal.h"

static void test_every_key_is_complete(void **state)
{
	const struct config_key *key;
	size_t count = 0;

	(void)state;
	for (; (key = config_key_at(count)); count++) {
		if (!key->name || !key->value || !key->help || !key->set || !key->places)
			FAIL_CASE("key %zu lacks a part", count);
		else if (text_ends_with(key->help, "."))
			FAIL_CASE("%s: the help ends in a full stop", key->name);
		if (config_key_find(key->name, key->places) != key)
			FAIL_CASE("%s: there are two", key->name);
	}
	expect_no_failed_case();
	assert_in_range(count, 18, CONFIG_KEYS_MOST);
}

/* Other users can read the arguments of a process. */
static void test_no_secret_is_a_mount_option(void **state)
{
	const struct config_key *key;

	(void)state;
	for (size_t i = 0; (key = config_key_at(i)); i++)
		if ((key->places & CONFIG_MOUNT_OPTION) &&
		    (text_starts_with(key->name, "key") ||
		     (key->places & CONFIG_PROVIDER_SECTION)))
			FAIL_CASE("%s is a mount option", key->name);
	expect_no_failed_case();
}

static void test_places(void **state)
{
	const char *names[CONFIG_KEYS_MOST + 1];
	size_t count = 0;

	(void)state;
	assert_non_null(config_key_find("keep", CONFIG_MAIN_SECTION));
	assert_non_null(config_key_find("keep", CONFIG_MOUNT_OPTION));
	assert_null(config_key_find("keep", CONFIG_PROVIDER_SECTION));
	assert_non_null(config_key_find("key_file", CONFIG_PROVIDER_SECTION));
	assert_null(config_key_find("key_file", CONFIG_MAIN_SECTION));
	assert_null(config_key_find("kee", CONFIG_MAIN_SECTION));
	count += config_key_names(CONFIG_MAIN_SECTION, names);
	assert_string_equal(names[0], "default_provider");
	assert_null(names[count]);
	count += config_key_names(CONFIG_PROVIDER_SECTION, names);
	assert_string_equal(names[0], "type");
	assert_non_null(config_key_at(count - 1));
	assert_null(config_key_at(count));
}

/* Each key accepts its default and each of its words. */
static void test_defaults_and_words(void **state)
{
	const struct config_key *key;

	(void)state;
	for (size_t i = 0; (key = config_key_at(i)); i++) {
		struct config config = { 0 };
		AUTOFREE char *error = NULL;

		if (key->initial && config_assign(&config, key, key->initial, &error))
			FAIL_CASE("%s", error);
		for (size_t n = 0; key->words && key->words[n]; n++)
			if (config_assign(&config, key, key->words[n], &error))
				FAIL_CASE("%s", error);
		if (key->words && !strstr(key->allowed, key->words[0]))
			FAIL_CASE("%s: allowed are \"%s\"", key->name, key->allowed);
	}
	expect_no_failed_case();
}

static const struct {
	const char *name, *value;
	bool is_good;
} cases[] = {
	{ "settle", "0", true },
	{ "settle", "86400", true },
	{ "settle", "86400.1", false },
	{ "settle", "-1", false },
	{ "settle", "", false },
	{ "read_timeout", "0.2", true },
	{ "read_timeout", "0.1", false },
	{ "poll", "0.05", true },
	{ "poll", "0.04", false },
	{ "submissions_per_hour", "1", true },
	{ "submissions_per_hour", "1000000", true },
	{ "submissions_per_hour", "1000001", false },
	{ "max_active", "0", false },
	{ "max_active", "3.5", false },
	{ "keep", "Lazy", false },
	{ "keep", "", false },
	{ "thumbnails", "no", true },
	{ "thumbnails", "1", false },
	{ "proxy", "", true },
	{ "proxy", "environment", true },
	{ "proxy", "socks5://h:1", true },
	{ "proxy", "socks4://h:1", false },
	{ "proxy", "h:1", false },
	{ "model", "", true },
	{ "type", "anything", true }, /* config_check() checks it */
};

static bool is_text(const struct config_key *key)
{
	return !key->initial && strcmp(key->value, "SECONDS") &&
	       strcmp(key->value, "NUMBER");
}

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct config_key *key =
			config_key_find(cases[i].name,
					CONFIG_MAIN_SECTION | CONFIG_PROVIDER_SECTION);
		AUTOFREE void *owner = calloc(1, sizeof(struct config) +
							 sizeof(struct provider_section));
		AUTOFREE char *error = NULL;
		int r = config_assign(owner, key, cases[i].value, &error);

		if (r != (cases[i].is_good ? 0 : -EINVAL))
			FAIL_CASE("%s = \"%s\": %d", cases[i].name, cases[i].value, r);
		if (!cases[i].is_good && (!error || !strstr(error, "; allowed: ")))
			FAIL_CASE("%s = \"%s\": %s", cases[i].name, cases[i].value,
				  error ? error : "");
		if (is_text(key)) /* an empty value frees the text */
			assert_int_equal(config_assign(owner, key, "", &error), 0);
	}
	expect_no_failed_case();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_complete),
		cmocka_unit_test(test_no_secret_is_a_mount_option),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_defaults_and_words),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
