/* backend/config/validate.c: checks after everything was read. */
#include "tests/unit/backend/config/sample.h"

static void test_loopback(void **state)
{
	static const char *const good[] = { "http://localhost",	      "http://localhost/",
					    "http://LOCALHOST:80/a",  "http://127.0.0.1",
					    "http://127.0.0.1:5000/", "http://[::1]:80/",
					    "https://localhost/" };
	static const char *const bad[] = { "",
					   "localhost",
					   "http://",
					   "http://example.com/",
					   "http://localhost.example.com/",
					   "http://localhostx/",
					   "http://127.0.0.1.example.com/",
					   "http://127.0.0.10/",
					   "http://localhost@example.com/",
					   "http://localhost:80@example.com/",
					   "http://user@localhost/",
					   "http://0.0.0.0/",
					   "http://example.com/?http://localhost/",
					   "http://[::1]x/" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!config_is_loopback(good[i]))
			fail_msg("%s is loopback", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (config_is_loopback(bad[i]))
			fail_msg("%s is not loopback", bad[i]);
}

static void test_plain_http_to_loopback(void **state)
{
	expect_good(state,
		    "[provider ark]\nbase_url = http://localhost:8080/ark/api/v3/\n");
	assert_string_equal(config_section(config, "ark")->base_url,
			    "http://localhost:8080/ark/api/v3");
	expect_good(state, "[provider ark]\nbase_url = http://[::1]:8080\n");
}

/* Checks that need no key run before a key is fetched. */
static void test_check_fetches_no_key(void **state)
{
	AUTOFREE char *path = path_in(*state, "config.ini");
	static const char text[] = "[provider ark]\nkey_command = false\n";

	setenv("ARK_API_KEY", "sk", 1);
	write_whole(path, text, strlen(text));
	assert_int_equal(config_load(path, true, &config, &error), 0);
	assert_int_equal(config_check(config, &error), 0);
	assert_null(config->sections[0].key);
	assert_non_null(config->models);
	assert_non_null(getenv("ARK_API_KEY"));
	assert_int_equal(config_finish(config, NULL, &error), -EINVAL);
	assert_true(text_starts_with(error, path));
	assert_non_null(strstr(error, "[provider ark]: key_command failed"));
}

static const struct refused refused[] = {
	{ "[provider a]\ntype = arc\n",
	  "config.ini: [provider a]: type is \"arc\"; allowed: ark, " },
	{ "[provider a]\ntype = arc\n", "did you mean \"ark\"?" },
	{ "[provider a]\nmodel = m\n", "[provider a]: type is missing" },
	{ "[provider comit]\n", "did you mean \"comet\"?" },
	{ "[provider ark]\nbase_url = http://example.com/\n", "allowed: https://" },
	{ "[provider ark]\nbase_url = ftp://localhost/\n", "allowed: https://" },
	{ "[provider ark]\nbase_url = example.com\n", "allowed: https://" },
	{ "[provider ark]\nbase_url = http://localhost.example.com/\n",
	  "allowed: https://" },
	{ "[provider ark]\nbase_url = http://localhost@example.com/\n",
	  "allowed: https://" },
	{ "[provider ark]\nbase_url = http://127.0.0.1:80@example.com/\n", "https://" },
	{ "default_provider = mine\n[provider ark]\nmodel = m\n",
	  "no section [provider mine]; allowed: ark" },
	{ "default_provider = arc\n[provider ark]\nmodel = m\n",
	  "did you mean \"ark\"?" },
	{ "default_provider = ark\n", "no section [provider ark]" },
	{ "models = /no/such/models.json\n", "/no/such/models.json: No such file" },
};

static void test_refused(void **state)
{
	expect_all_bad(state, refused, ARRAY_SIZE(refused));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_loopback),
		TEST(test_plain_http_to_loopback),
		TEST(test_check_fetches_no_key),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
