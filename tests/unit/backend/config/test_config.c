/* backend/config/config.h: every key, every refusal, and where keys may come from. */
#include "tests/unit/unit.h"

#include "backend/config/config.h"

static struct config *config;
static char *error;

static int set_up(void **state)
{
	config = NULL;
	error = NULL;
	unsetenv("ARK_API_KEY");
	unsetenv("CREDENTIALS_DIRECTORY");
	return set_up_dir(state);
}

static int tear_down(void **state)
{
	config_destroy(config);
	free(error);
	return tear_down_dir(state);
}

/* Reads a text as config.ini; the result of loading, or of finishing. */
static int read_config(void **state, const char *text)
{
	AUTOFREE char *path = path_in(*state, "config.ini");
	int r;

	config_destroy(TAKE(config));
	free(TAKE(error));
	write_whole(path, text, strlen(text));
	r = config_load(path, true, &config, &error);
	return r ? r : config_finish(config, NULL, &error);
}

static void expect_good(void **state, const char *text)
{
	if (read_config(state, text))
		fail_msg("%s: refused: %s", text, error);
	assert_null(error);
}

static void expect_bad(void **state, const char *text, const char *words)
{
	int r = read_config(state, text);

	if (r != -EINVAL)
		FAIL_CASE("%s: %d; must be refused", text, r);
	else if (!error || !strstr(error, words))
		FAIL_CASE("%s: \"%s\" does not hold \"%s\"", text,
			  error ? error : "(none)", words);
}

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
	assert_int_equal(config_finish(config, NULL, &error), -ENOENT);
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
	assert_string_equal(problem.text, "request.json: \"provider\" is \"c\", and the "
					  "configuration has no section of that name; "
					  "allowed: b, a");
}

/* All keys of a section are optional, so a section may be empty. */
static void test_empty_section(void **state)
{
	setenv("ARK_API_KEY", "sk-env", 1);
	expect_good(state, "default_provider = ark\n[provider ark]\n");
	assert_string_equal(config_section(config, "ark")->key, "sk-env");
}

static void test_long_line(void **state)
{
	char value[401];
	AUTOFREE char *text = NULL;

	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	text = text_format(
		"[provider ark]\nbase_url = https://example.com/%s\nmodel = m\n", value);
	expect_good(state, text);
	assert_int_equal(strlen(config_section(config, "ark")->base_url), 20 + 400);
}

/* Around the 199 bytes that inih takes, and around our own limit. */
static void test_line_lengths(void **state)
{
	for (size_t size = 180; size <= 5000; size += size < 220 ? 1 : 239) {
		AUTOFREE char *value = malloc(size + 1);
		AUTOFREE char *text = NULL;

		memset(value, 'm', size);
		value[size] = '\0';
		text = text_format("[provider ark]\n model = %s ; it's = long\nbad = 1\n",
				   value);
		expect_bad(state, text, size < 4096 - 30 ? "line 3" : "line 2: longer");
		text[strlen(text) - strlen("bad = 1\n")] = '\0';
		if (size >= 4096 - 30)
			continue;
		expect_good(state, text);
		expect_text("long", "model", config_section(config, "ark")->model, value);
	}
	expect_no_failed_case();
}

static void test_long_section_name(void **state)
{
	char name[101];
	AUTOFREE char *text = NULL;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	text = text_format("\xef\xbb\xbf[provider %s]\n\ttype = ark\n", name);
	expect_good(state, text);
	assert_int_equal(config->section_count, 1);
	assert_non_null(config_section(config, name));
}

static void test_indented_keys(void **state)
{
	expect_good(state, "settle = 1\n[provider ark]\n  type = ark\n  model = m\n");
	expect_text("indented", "model", config_section(config, "ark")->model, "m");
	expect_no_failed_case();
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "setle = 3\n", "did you mean \"settle\"?" },
		{ "xyzzy = 3\n", "line 1: the key \"xyzzy\" is not known" },
		{ "\n\nkeep = all\n",
		  "line 3: keep is \"all\"; allowed: lazy, rescue, eager" },
		{ "settle = -1\n", "settle is \"-1\"" },
		{ "settle = soon\n", "settle is \"soon\"" },
		{ "settle = 86401\n", "settle" },
		{ "read_timeout = 0\n", "read_timeout is \"0\"" },
		{ "proxy = proxy.example:3128\n", "proxy is \"proxy.example:3128\"" },
		{ "read_timout = 9\n", "did you mean \"read_timeout\"?" },
		{ "thumbnails = maybe\n", "thumbnails is \"maybe\"; allowed: yes, no" },
		{ "thumbnail = no\n", "did you mean \"thumbnails\"?" },
		{ "submissions_per_hour = 0\n", "submissions_per_hour is \"0\"" },
		{ "submissions_per_hour = many\n", "allowed: 1 to" },
		{ "submissions_per_hour = 1000001\n", "allowed: 1 to" },
		{ "[ark]\ntype = ark\n", "[ark] is not known; allowed: [provider NAME]" },
		{ "[provider ]\ntype = ark\n", "not known" },
		{ "[provider a]\ntyp = ark\n", "did you mean \"type\"?" },
		{ "[provider a]\nkey = sk\n",
		  "[provider a]: the key \"key\" is not known" },
		{ "[provider a]\nbaseurl = x\n", "did you mean \"base_url\"?" },
		{ "[provider a]\ntype = arc\n", "[provider a]: type is \"arc\"" },
		{ "[provider a]\nmodel = m\n", "type is \"a\"" },
		{ "[provider ark]\npoll = 0.01\n", "poll is \"0.01\"" },
		{ "[provider ark]\npoll = x\n", "poll is \"x\"" },
		{ "[provider ark]\nmax_active = 0\n", "max_active is \"0\"" },
		{ "[provider ark]\nbase_url = http://example.com/\n",
		  "allowed: https://" },
		{ "[provider ark]\nbase_url = ftp://localhost/\n", "allowed: https://" },
		{ "[provider ark]\nbase_url = example.com\n", "allowed: https://" },
		{ "[provider ark]\nbase_url = http://localhost.example.com/\n",
		  "allowed: https://" },
		{ "[provider ark]\nbase_url = http://localhost@example.com/\n",
		  "allowed: https://" },
		{ "[provider ark]\nbase_url = http://127.0.0.1:80@example.com/\n",
		  "https://" },
		{ "[provider ark]\nkey_env = NO_SUCH_VARIABLE_HERE\n",
		  "NO_SUCH_VARIABLE_HERE" },
		{ "[provider ark]\nkey_command = false\n",
		  "key_command failed (exit status 1)" },
		{ "[provider ark]\nkey_command = true\n", "is empty" },
		{ "[provider ark]\nkey_credential = ark\n", "no CREDENTIALS_DIRECTORY" },
		{ "[provider ark]\nkey_command = echo a\nkey_env = HOME\n",
		  "not several" },
		{ "[provider ark]\nkey_command = printf 'a\\001b'\n",
		  "holds a character" },
		{ "[provider ark]\nkey_file = /no/such/file\n", "/no/such/file" },
		{ "default_provider = mine\n[provider ark]\nmodel = m\n",
		  "no section [provider mine]" },
		{ "default_provider = ark\n", "no section [provider ark]" },
		{ "this is no INI file\n", "line 1" },
		{ "[provider ark\nmodel = m\n", "line 1" },
		{ "[ark]\n", "line 1: the section [ark] is not known" },
		{ "  [provider ark]\n  more\n", "line 2: not of the form" },
		{ "junk\nxyzzy = 3\n", "line 1: not of the form" },
		{ "xyzzy = 3\nkeep = x\n", "line 1: the key \"xyzzy\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect_bad(state, cases[i].text, cases[i].words);
	expect_no_failed_case();
}

/* --- addresses --- */

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

/* --- keys --- */

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
			 -EINVAL); /* and never waits */
	assert_int_equal(read_with_key_file(state, "."), -EINVAL);
	write_whole(key, "\n\n", 2);
	assert_int_equal(read_with_key_file(state, "key"), -EINVAL);
	assert_non_null(strstr(error, "is empty"));
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
	expect_good(
		state,
		"[provider ark]\nmodel = m\n"); /* gone now: the service will say so */
	assert_null(config_section(config, "ark")->key);
	assert_string_equal(config_section(config, "ark")->key_name, "env ARK_API_KEY");
}

/* An error text goes to the terminal and the log: no key in it. */
static void test_errors_hide_keys(void **state)
{
	setenv("UNIT_TEST_KEY", "sk-\x01secret", 1);
	assert_int_equal(read_config(state, "[provider ark]\nkey_env = UNIT_TEST_KEY\n"),
			 -EINVAL);
	assert_null(strstr(error, "secret"));
}

/* --- mount options --- */

static void test_set(void **state)
{
	AUTOFREE char *path = path_in(*state, "missing.ini");

	assert_int_equal(config_load(path, false, &config, &error), 0);
	assert_int_equal(config_set(config, "settle", "0", &error), 0);
	assert_int_equal(config->settle_ms, 0);
	assert_int_equal(config_set(config, "keep", "lazy", &error), 0);
	assert_int_equal(config->keep, KEEP_LAZY);
	assert_int_equal(config_set(config, "submissions_per_hour", "1", &error), 0);
	assert_int_equal(config->submissions_per_hour, 1);
	assert_int_equal(config_set(config, "read_timeout", "0.2", &error), 0);
	assert_int_equal(config->read_timeout_ms, 200);
	assert_int_equal(config_set(config, "thumbnails", "no", &error), 0);
	assert_false(config->makes_thumbnails);
	assert_int_equal(config_set(config, "default_provider", "x", &error), 0);
	assert_string_equal(config->default_provider, "x");
	assert_int_equal(config_set(config, "default_provider", "", &error), 0);
	assert_null(config->default_provider);
	assert_null(error);
	assert_int_equal(config_set(config, "allow_other", "", &error), -ENOENT);
	assert_int_equal(config_set(config, "keep", "x", &error), -EINVAL);
	assert_non_null(strstr(error, "keep is \"x\""));
	assert_int_equal(config->keep, KEEP_LAZY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_required_file),
		TEST(test_simulator),
		TEST(test_credential),
		TEST(test_every_key),
		TEST(test_first_section_is_the_default),
		TEST(test_a_section_that_is_not_there),
		TEST(test_empty_section),
		TEST(test_long_line),
		TEST(test_line_lengths),
		TEST(test_long_section_name),
		TEST(test_indented_keys),
		TEST(test_refused),
		TEST(test_loopback),
		TEST(test_plain_http_to_loopback),
		TEST(test_key_file),
		TEST(test_key_file_of_others),
		TEST(test_key_file_of_other_kinds),
		TEST(test_key_env),
		TEST(test_shared_key_env),
		TEST(test_default_key_env),
		TEST(test_errors_hide_keys),
		TEST(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
