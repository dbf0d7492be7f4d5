/* backend/request/problem.h: one clean line, whatever a service sends. */
#include "tests/unit/unit.h"

#include "backend/request/problem.h"
#include "backend/providers/provider.h"

static void test_problem_set(void **state)
{
	AUTOPROBLEM problem = { 0 };

	assert_false(problem_is_set(&problem));
	problem_set(&problem, PROBLEM_INVALID, "%s: \"%s\"\nis %d", "request.json",
		    "seed", 5);
	assert_true(problem_is_set(&problem));
	assert_int_equal(problem.class, PROBLEM_INVALID);
	assert_string_equal(problem.text, "request.json: \"seed\" is 5");
	assert_null(problem.code);
	problem_set(&problem, PROBLEM_AUTH, "again: %s", problem.text);
	assert_string_equal(problem.text, "again: request.json: \"seed\" is 5");
	problem_clear(&problem);
	assert_false(problem_is_set(&problem));
	assert_null(problem.text);
}

static void test_problem_of_service(void **state)
{
	static const struct {
		const char *code, *message, *wanted_code, *wanted_text;
	} cases[] = {
		{ "C", "m", "C", "the service says: \"m\"" },
		{ NULL, "m", NULL, "the service says: \"m\"" },
		{ "C", NULL, "C", "the service says: \"C\"" },
		{ "C", " \n", "C", "the service says: \"C\"" },
		{ NULL, NULL, NULL, "the service gave no reason" },
		{ "", "", NULL, "the service gave no reason" },
		{ "a\nb", "\x1b[1m%s%n", "a b", "the service says: \"[1m%s%n\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOPROBLEM problem = { 0 };

		problem_set(&problem, PROBLEM_AUTH, "old");
		problem_set_from_service(&problem, PROBLEM_SERVER, cases[i].code,
					 cases[i].message);
		assert_int_equal(problem.class, PROBLEM_SERVER);
		expect_text("service", "code", problem.code, cases[i].wanted_code);
		expect_text("service", "text", problem.text, cases[i].wanted_text);
	}
	expect_no_failed_case();
}

/* A signed link gives access to the media, so its signature is never shown. */
static void test_no_query_of_an_address(void **state)
{
	static const struct {
		const char *message, *wanted;
	} cases[] = {
		{ "no https://h/v.mp4?sign=s",
		  "the service says: \"no https://h/v.mp4\"" },
		{ "HTTP://h/v?a=b&c=d is gone",
		  "the service says: \"HTTP://h/v is gone\"" },
		{ "{\"u\":\"https://h/v?a#f\"}",
		  "the service says: \"{\"u\":\"https://h/v\"}\"" },
		{ "https:\\/\\/h\\/v?a\\u0026b",
		  "the service says: \"https:\\/\\/h\\/v\"" },
		{ "https://a?u=https://b?c and https://d?e",
		  "the service says: \"https://a and https://d\"" },
		{ "https://h/v, why?", "the service says: \"https://h/v, why?\"" },
		{ "http", "the service says: \"http\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOPROBLEM problem = { 0 };

		problem_set_from_service(&problem, PROBLEM_SERVER, NULL,
					 cases[i].message);
		expect_text("service", "text", problem.text, cases[i].wanted);
	}
	expect_no_failed_case();
}

static void test_without_secrets(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "", "" },
		{ "nothing to hide: 5 < 6, ok?", "nothing to hide: 5 < 6, ok?" },
		/* addresses */
		{ "https://h/v.mp4?X-Tos-Signature=s", "https://h/v.mp4" },
		{ "https://me:pw@h:8080/v?a", "https://h:8080/v" },
		{ "https://me:p@w@h/v", "https://h/v" },
		{ "https://me@h", "https://h" },
		{ "https:\\/\\/me:pw@h\\/v", "https:\\/\\/h\\/v" },
		{ "https://h/v@2?a", "https://h/v@2" },
		{ "socks5h://me:pw@h:1080 tos://b/k?s", "socks5h://h:1080 tos://b/k" },
		{ "https://h/v? why?", "https://h/v why?" },
		{ "https://h/?u=https://me:pw@h", "https://h/" },
		/* data: URIs */
		{ "the image data:image/png;base64,iVBORw0 is bad",
		  "the image data:… is bad" },
		{ "{\"url\":\"data:image\\/png;base64,iVBO\"}", "{\"url\":\"data:…\"}" },
		{ "`DATA:,x", "`DATA:…" },
		{ "https://h/data:a,b", "https://h/data:…" },
		{ "bad data: a, b; c", "bad data: a, b; c" },
		{ "metadata:a,b data:5", "metadata:a,b data:5" },
		{ "data:", "data:" },
		/* keys */
		{ "Authorization: Bearer ab12|cd.ef-gh==, no",
		  "Authorization: Bearer … no" },
		{ "bearer\t 'x' \"Bearer y\"", "bearer\t '…' \"Bearer …\"" },
		{ "Bearer", "Bearer" },
		{ "Bearer ", "Bearer " },
		{ "a forbearer x", "a forbearer x" },
		{ "Authorization: sk-ab12****cd34.", "Authorization: sk-…" },
		{ "{\"Authorization\":\"sk-ab\"}", "{\"Authorization\":\"sk-…\"}" },
		{ "task-123 sk- sk-a", "task-123 sk- sk-…" },
	};

	assert_null(problem_without_secrets(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *found = problem_without_secrets(cases[i].text);

		expect_text(cases[i].text, "text", found, cases[i].wanted);
	}
	expect_no_failed_case();
}

static void test_service_without_secrets(void **state)
{
	AUTOPROBLEM problem = { 0 };

	problem_set_from_service(&problem, PROBLEM_SERVER, "data:a,b",
				 "no Bearer x at https://me:pw@h/v?s");
	assert_string_equal(problem.code, "data:…");
	assert_string_equal(problem.text,
			    "the service says: \"no Bearer … at https://h/v\"");
}

static void test_problem_is_bounded(void **state)
{
	AUTOPROBLEM problem = { 0 };
	char long_text[5000];

	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	problem_set_from_service(&problem, PROBLEM_SERVER, long_text, long_text);
	assert_true(strlen(problem.text) <= 1003 && strlen(problem.code) <= 103);
	problem_set(&problem, PROBLEM_SERVER, "%s", long_text);
	assert_true(strlen(problem.text) <= 1003);
}

static void test_problem_copy(void **state)
{
	AUTOPROBLEM problem = { 0 }, copy = { 0 }, empty = { 0 };

	problem_copy(&copy, &empty);
	assert_false(problem_is_set(&copy));
	problem_set_from_service(&problem, PROBLEM_GONE, "C", "m");
	problem_copy(&copy, &problem);
	problem_clear(&problem);
	assert_int_equal(copy.class, PROBLEM_GONE);
	assert_string_equal(copy.code, "C");
	assert_string_equal(copy.text, "the service says: \"m\"");
}

static void test_problem_words(void **state)
{
	for (int i = PROBLEM_INVALID; i <= PROBLEM_NETWORK; i++) {
		const char *word = problem_class_word((enum problem_class)i);

		assert_int_equal(problem_class_from_word(word), i);
		assert_true(text_ends_with(problem_advice((enum problem_class)i), ".") ||
			    strstr(problem_advice((enum problem_class)i), "differ"));
	}
	assert_int_equal(problem_class_from_word("no such word"), PROBLEM_NONE);
	assert_int_equal(problem_class_from_word("none"), PROBLEM_NONE);
	assert_int_equal(problem_class_from_word(NULL), PROBLEM_NONE);
}

static void test_class_of_status(void **state)
{
	static const struct {
		int status;
		enum problem_class class;
	} cases[] = {
		{ 400, PROBLEM_INVALID }, { 401, PROBLEM_AUTH },
		{ 402, PROBLEM_BALANCE }, { 403, PROBLEM_AUTH },
		{ 404, PROBLEM_GONE },	  { 409, PROBLEM_BUSY },
		{ 410, PROBLEM_GONE },	  { 413, PROBLEM_INVALID },
		{ 422, PROBLEM_INVALID }, { 429, PROBLEM_RATE },
		{ 500, PROBLEM_SERVER },  { 503, PROBLEM_SERVER },
		{ 302, PROBLEM_SERVER },  { 200, PROBLEM_SERVER },
		{ 0, PROBLEM_SERVER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(provider_class_of_status(cases[i].status),
				 cases[i].class);
}

/* Megabytes that look like prefixes of secrets are processed quickly. */
static void test_endless_message(void **state)
{
	static const char *const units[] = { "http:", "data:", "Bearer ", "sk-a",
					     "?@:/" };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		AUTOBUFFER text = BUFFER_INIT(FILE_CEILING);
		AUTOPROBLEM problem = { 0 };

		while (text.size < 4u << 20)
			buffer_add(&text, units[i]);
		problem_set_from_service(&problem, PROBLEM_SERVER, text.data, text.data);
		assert_true(strlen(problem.text) <= 1100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endless_message),
		cmocka_unit_test(test_problem_set),
		cmocka_unit_test(test_problem_of_service),
		cmocka_unit_test(test_no_query_of_an_address),
		cmocka_unit_test(test_without_secrets),
		cmocka_unit_test(test_service_without_secrets),
		cmocka_unit_test(test_problem_is_bounded),
		cmocka_unit_test(test_problem_copy),
		cmocka_unit_test(test_problem_words),
		cmocka_unit_test(test_class_of_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
