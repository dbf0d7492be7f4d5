/* backend/config/config.h: reading every key, finding sections, mount options. */
#include "tests/unit/backend/config/sample.h"

static void test_defaults(void **state)
{
	AUTOFREE char *path = path_in(*state, "missing.ini");

	assert_int_equal(config_load(path, false, &config, &error), 0);
	assert_int_equal(config->settle_ms, 3000);
	assert_int_equal(config->read_timeout_ms, 120000);
	assert_int_equal(config->keep, KEEP_RESCUE);
	assert_int_equal(config->submissions_per_hour, 60);
	assert_true(config->makes_thumbnails);
	assert_null(config->default_provider);
	assert_true(config_needs_simulator(config));
}

static void test_required_file(void **state)
{
	AUTOFREE char *path = path_in(*state, "missing.ini");

	assert_int_equal(config_load(path, true, &config, &error), -ENOENT);
	assert_non_null(strstr(error, "missing.ini"));
	assert_null(config);
}

static void test_simulator(void **state)
{
	AUTOFREE char *path = path_in(*state, "missing.ini");
	const struct provider_section *section;

	assert_int_equal(config_load(path, false, &config, &error), 0);
	assert_int_equal(config_finish(config, "http://127.0.0.1:5000", &error), 0);
	section = config_section(config, NULL);
	assert_true(section->is_simulator);
	assert_true(text_starts_with(section->base_url, "http://127.0.0.1:5000/"));
	assert_non_null(section->key);
	for (size_t i = 0; provider_at(i); i++)
		assert_non_null(config_section(config, provider_at(i)->type));
}

static const char every_key[] = "default_provider = mine\n"
				"settle = 0.5\n"
				"keep = eager\n"
				"submissions_per_hour = 7\n"
				"read_timeout = 2.5\n"
				"proxy = socks5h://10.0.0.1:1080\n"
				"thumbnails = no\n"
				"; a comment\n"
				"[provider mine]\n"
				"type = ark\n"
				"base_url = https://example.com/api/v3///\n"
				"key_command = echo sk-1\n"
				"model = m-1\n"
				"poll = 0.25\n"
				"max_active = 3\n"
				"callback_url = https://example.com/hook\n"
				"[provider ark]\n"
				"key_command = printf '  sk-2  \\nsecond line'\n";

static void test_every_key(void **state)
{
	const struct provider_section *mine, *ark;
	struct endpoint endpoint;

	expect_good(state, every_key);
	assert_int_equal(config->settle_ms, 500);
	assert_int_equal(config->keep, KEEP_EAGER);
	assert_int_equal(config->submissions_per_hour, 7);
	assert_int_equal(config->read_timeout_ms, 2500);
	assert_string_equal(config->proxy, "socks5h://10.0.0.1:1080");
	assert_false(config->makes_thumbnails);
	assert_int_equal(config->section_count, 2);
	mine = config_section(config, NULL);
	ark = config_section(config, "ark");
	assert_string_equal(mine->name, "mine");
	assert_string_equal(mine->base_url, "https://example.com/api/v3");
	assert_string_equal(mine->key, "sk-1");
	assert_true(text_starts_with(mine->key_name, "key_command "));
	assert_int_equal(mine->poll_ms, 250);
	assert_int_equal(mine->max_active, 3);
	endpoint = config_endpoint(mine);
	assert_string_equal(endpoint.model, "m-1");
	assert_string_equal(endpoint.callback_url, "https://example.com/hook");
	assert_string_equal(ark->base_url, "https://ark.cn-beijing.volces.com/api/v3");
	assert_string_equal(ark->key, "sk-2");
	assert_int_equal(ark->poll_ms, ark->provider->poll_interval_ms);
	assert_int_equal(ark->max_active, ark->provider->max_active);
	assert_null(ark->model);
	assert_null(config_section(config, "none"));
}

static void test_first_section_is_the_default(void **state)
{
	expect_good(state, "[provider b]\ntype = ark\n[provider a]\ntype = ark\n");
	assert_string_equal(config_section(config, NULL)->name, "b");
}

static void test_a_section_that_is_not_there(void **state)
{
	AUTOPROBLEM problem = { 0 };

	expect_good(state, "[provider b]\ntype = ark\n[provider a]\ntype = ark\n");
	assert_int_equal(config_refuse_section(config, "request.json", "c", &problem),
			 -EINVAL);
	assert_string_equal(problem.text, "request.json: \"provider\" is \"c\", but the "
					  "configuration has no section of that name; "
					  "allowed: b, a; did you mean \"b\"?");
	config_refuse_section(config, "request.json", "nowhere", &problem);
	assert_true(text_ends_with(problem.text, "allowed: b, a"));
}

/* All keys of a section are optional, so a section may be empty. */
static void test_empty_section(void **state)
{
	setenv("ARK_API_KEY", "sk-env", 1);
	expect_good(state, "default_provider = ark\n[provider ark]\n");
	assert_string_equal(config_section(config, "ark")->key, "sk-env");
}

/* --- mount options --- */

static int set(const char *name, const char *value)
{
	const struct config_key *key = config_key_find(name, CONFIG_MOUNT_OPTION);

	assert_non_null(key);
	free(TAKE(error));
	return config_set(config, key, value, &error);
}

static void test_set(void **state)
{
	AUTOFREE char *path = path_in(*state, "missing.ini");

	assert_int_equal(config_load(path, false, &config, &error), 0);
	assert_int_equal(set("settle", "0"), 0);
	assert_int_equal(config->settle_ms, 0);
	assert_int_equal(set("keep", "lazy"), 0);
	assert_int_equal(config->keep, KEEP_LAZY);
	assert_int_equal(set("submissions_per_hour", "1"), 0);
	assert_int_equal(config->submissions_per_hour, 1);
	assert_int_equal(set("read_timeout", "0.2"), 0);
	assert_int_equal(config->read_timeout_ms, 200);
	assert_int_equal(set("thumbnails", "no"), 0);
	assert_false(config->makes_thumbnails);
	assert_int_equal(set("proxy", "http://127.0.0.1:1"), 0);
	assert_string_equal(config->proxy, "http://127.0.0.1:1");
	assert_int_equal(set("models", "/a/models.json"), 0);
	assert_string_equal(config->models_path, "/a/models.json");
	assert_int_equal(set("default_provider", "x"), 0);
	assert_string_equal(config->default_provider, "x");
	assert_int_equal(set("default_provider", ""), 0);
	assert_null(config->default_provider);
	assert_null(error);
	assert_int_equal(set("keep", "lazzy"), -EINVAL);
	assert_string_equal(error, "mount option keep is \"lazzy\"; allowed: lazy, "
				   "rescue, eager; did you mean \"lazy\"?");
	assert_int_equal(config->keep, KEEP_LAZY);
}

/* Every user of the machine can read arguments. */
static void test_no_password_as_an_option(void **state)
{
	static const char *const urls[] = { "http://me:secret@proxy:3128",
					    "socks5h://secret@proxy",
					    "https://secret@p/" };
	AUTOFREE char *path = path_in(*state, "missing.ini");

	assert_int_equal(config_load(path, false, &config, &error), 0);
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		assert_int_equal(set("proxy", urls[i]), -EINVAL);
		assert_non_null(strstr(error, "missing.ini"));
		assert_null(strstr(error, "secret"));
	}
	assert_null(config->proxy);
	expect_good(state, "proxy = http://me:secret@proxy:3128\n[provider ark]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_required_file),
		TEST(test_simulator),
		TEST(test_every_key),
		TEST(test_first_section_is_the_default),
		TEST(test_a_section_that_is_not_there),
		TEST(test_empty_section),
		TEST(test_set),
		TEST(test_no_password_as_an_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
