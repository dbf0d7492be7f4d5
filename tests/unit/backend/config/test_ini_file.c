/* backend/config/ini_file.c: reading config.ini line by line. */
#include "tests/unit/backend/config/sample.h"

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

/* Around the 199 bytes that inih takes, and around the reader's own limit. */
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

static const struct refused refused[] = {
	{ "setle = 3\n", "did you mean \"settle\"?" },
	{ "xyzzy = 3\n",
	  "line 1: unknown key \"xyzzy\"; allowed: default_provider, settle, " },
	{ "keep = eagre\n", "allowed: lazy, rescue, eager; did you mean \"eager\"?" },
	{ "thumbnails = Yes\n", "did you mean \"yes\"?" },
	{ "poll = 3\n", "poll is a key of a provider's section" },
	{ "[provider ark]\nkeep = eager\n",
	  "line 2: [provider ark]: keep is not a key of a provider's section" },
	{ "config = /a\n", "unknown key \"config\"" },
	{ "[provdier ark]\n", "did you mean [provider ark]?" },
	{ "\n\nkeep = all\n", "line 3: keep is \"all\"; allowed: lazy, rescue, eager" },
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
	{ "[ark]\ntype = ark\n", "unknown section [ark]; allowed: [provider "
				 "NAME]; did you mean [provider ark]?" },
	{ "[provider ]\ntype = ark\n", "unknown section [provider ]" },
	{ "[provider a]\ntyp = ark\n", "did you mean \"type\"?" },
	{ "[provider a]\nkey = sk\n",
	  "[provider a]: unknown key \"key\"; allowed: type, base_url, " },
	{ "[provider a]\nbaseurl = x\n", "did you mean \"base_url\"?" },
	{ "[provider ark]\npoll = 0.01\n",
	  "line 2: [provider ark]: poll is \"0.01\"; allowed: seconds from "
	  "0.05" },
	{ "[provider ark]\npoll = x\n", "poll is \"x\"" },
	{ "[provider ark]\nmax_active = 0\n", "max_active is \"0\"" },
	{ "this is no INI file\n", "line 1" },
	{ "[provider ark\nmodel = m\n", "line 1" },
	{ "[ark]\n", "line 1: unknown section [ark]" },
	{ "  [provider ark]\n  more\n", "line 2: not of the form" },
	{ "junk\nxyzzy = 3\n", "line 1: not of the form" },
	{ "xyzzy = 3\nkeep = x\n", "line 1: unknown key \"xyzzy\"" },
};

static void test_refused(void **state)
{
	expect_all_bad(state, refused, ARRAY_SIZE(refused));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_long_line),	      TEST(test_line_lengths),
		TEST(test_long_section_name), TEST(test_indented_keys),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
