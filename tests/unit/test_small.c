/* The small pure modules: problem, content_range, link, http_message. */
#include "tests/unit/unit.h"

#include "backend/content_range.h"
#include "backend/http_message.h"
#include "backend/link.h"
#include "backend/problem.h"
#include "backend/providers/provider.h"

/* --- problem --- */

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
		{ "C", "m", "C", "the service says: m" },
		{ NULL, "m", NULL, "the service says: m" },
		{ "C", NULL, "C", "the service says: C" },
		{ "C", " \n", "C", "the service says: C" },
		{ NULL, NULL, NULL, "the service says: (nothing)" },
		{ "", "", NULL, "the service says: (nothing)" },
		{ "a\nb", "\x1b[1m%s%n", "a b", "the service says: [1m%s%n" },
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
	assert_string_equal(copy.text, "the service says: m");
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

/* --- content_range --- */

static void test_content_range(void **state)
{
	static const struct {
		const char *text;
		bool has_range;
		uint64_t first, last;
		bool has_total;
		uint64_t total;
	} cases[] = {
		{ "bytes 0-99/1234", true, 0, 99, true, 1234 },
		{ "bytes 0-0/1", true, 0, 0, true, 1 },
		{ "Bytes 5-9/10", true, 5, 9, true, 10 },
		{ "bytes  5-9/10", true, 5, 9, true, 10 },
		{ "bytes 0-99/*", true, 0, 99, false, 0 },
		{ "bytes */1234", false, 0, 0, true, 1234 },
		{ "bytes */0", false, 0, 0, true, 0 },
		{ "bytes 0-9223372036854775806/9223372036854775807", true, 0,
		  INT64_MAX - 1, true, INT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct content_range range;

		if (content_range_parse(cases[i].text, &range))
			fail_msg("\"%s\" is refused", cases[i].text);
		assert_int_equal(range.has_range, cases[i].has_range);
		assert_int_equal(range.has_total, cases[i].has_total);
		if (range.has_range)
			assert_true(range.first == cases[i].first &&
				    range.last == cases[i].last);
		if (range.has_total)
			assert_true(range.total == cases[i].total);
	}
}

static void test_content_range_refused(void **state)
{
	static const char *const texts[] = {
		NULL,
		"",
		"bytes",
		"bytes ",
		"bytes 0-99",
		"bytes 0-99/",
		"bytes 0-/100",
		"bytes -99/100",
		"bytes 0/100",
		"bytes 99-0/100",
		"bytes 0-100/100",
		"bytes */*",
		"bytes 0-99/100x",
		"bytes 0-99/100 ",
		"bytes a-b/c",
		"bytes 0x0-0x9/0x10",
		"bytes +0-9/10",
		"bytes 0--9/10",
		"bytes 0- 9/10",
		"bytes 0-9/ 10",
		"items 0-9/10",
		"0-9/10",
		"bytes=0-9/10",
		"bytes 0-99999999999999999999/*",
		"bytes 0-9/99999999999999999999",
		"bytes 0-9/9223372036854775808",
		"bytes 18446744073709551615-18446744073709551615/*",
		"bytes 0-9,20-29/100",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct content_range range = { .total = 7 };

		if (content_range_parse(texts[i], &range) != -EINVAL)
			fail_msg("\"%s\" is accepted", texts[i]);
		assert_int_equal(range.total, 7);
	}
}

/* --- link --- */

static void test_link(void **state)
{
	static const struct {
		const char *url;
		int64_t at;
	} cases[] = {
		{ "https://h/a.mp4?X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Credential=c"
		  "&X-Tos-Date=20250331T095113Z&X-Tos-Expires=86400&X-Tos-Signature=s",
		  1743501073 },
		{ "https://h/a?X-Tos-Expires=86400&X-Tos-Date=20250331T095113Z",
		  1743501073 },
		{ "https://h/a?x-tos-date=20250331T095113Z&x-tos-expires=0", 1743414673 },
		{ "https://h/a?X-Amz-Date=20250331T095113Z&X-Amz-Expires=3600#f",
		  1743418273 },
		{ "https://h/a?Expires=1743501073&Signature=x", 1743501073 },
		{ "https://h/a?a=b&Expires=1743501073#f", 1743501073 },
		{ "https://h/a?X-Tos-Date=20240229T000000Z&X-Tos-Expires=1", 1709164801 },
		{ "https://h/a?X-Tos-Date=junk&X-Tos-Expires=1&Expires=1743501073",
		  1743501073 },
		/* it does not tell: */
		{ NULL, 0 },
		{ "", 0 },
		{ "https://h/a.mp4", 0 },
		{ "https://h/a?", 0 },
		{ "https://h/Expires=1743501073", 0 },
		{ "https://h/a?Expires=", 0 },
		{ "https://h/a?Expires=soon", 0 },
		{ "https://h/a?Expires=-5", 0 },
		{ "https://h/a?Expires=99999999999999999999", 0 },
		{ "https://h/a?MyExpires=1743501073", 0 },
		{ "https://h/a?X-Tos-Expires=86400", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Z", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Z&X-Tos-Expires=x", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Z&X-Tos-Expires=-1", 0 },
		{ "https://h/"
		  "a?X-Tos-Date=20250331T095113Z&X-Tos-Expires=9223372036854775807",
		  0 },
		{ "https://h/a?X-Tos-Date=20250331&X-Tos-Expires=86400", 0 },
		{ "https://h/a?X-Tos-Date=20251331T095113Z&X-Tos-Expires=86400", 0 },
		{ "https://h/a?X-Tos-Date=20250331T095113Zx&X-Tos-Expires=86400", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (link_expires_at(cases[i].url) != cases[i].at)
			FAIL_CASE("%s: %lld; expected %lld", cases[i].url,
				  (long long)link_expires_at(cases[i].url),
				  (long long)cases[i].at);
	expect_no_failed_case();
}

/* --- http_message --- */

static void test_http_request(void **state)
{
	struct http_request http = { .method = "POST", .url = strdup("https://h/") };

	assert_int_equal(http_request_body_size(&http), 0);
	assert_int_equal(http_request_add_header(&http, "X: %d", 5), 0);
	assert_int_equal(http_request_add_header(&http, "Y: %s", "z"), 0);
	assert_int_equal(http.header_count, 2);
	assert_string_equal(http.headers[0], "X: 5");
	assert_string_equal(http.headers[1], "Y: z");
	assert_int_equal(http_request_add_text(&http, "a\0b", 3), 0);
	assert_int_equal(http_request_add_file_base64(&http, 0, 100), 0);
	assert_int_equal(http_request_add_text(&http, "", 0), 0);
	assert_int_equal(http.piece_count, 3);
	assert_memory_equal(http.pieces[0].text, "a\0b", 4);
	assert_int_equal(http.pieces[0].fd, -1);
	assert_null(http.pieces[1].text);
	assert_int_equal(http_request_body_size(&http), 3 + 136);
	http_request_clear(&http);
	assert_null(http.url);
	assert_int_equal(http.piece_count, 0);
	http_request_clear(&http);
}

static void test_http_body_sizes(void **state)
{
	for (uint64_t size = 0; size < 10; size++) {
		struct http_request http = { 0 };

		assert_int_equal(http_request_add_file_base64(&http, 0, size), 0);
		assert_int_equal(http_request_body_size(&http), (size + 2) / 3 * 4);
		http_request_clear(&http);
	}
}

static void test_http_response(void **state)
{
	struct http_response response = { .body = BUFFER_INIT(10),
					  .etag = strdup("e"),
					  .failure = strdup("f"),
					  .status = 200 };

	buffer_add(&response.body, "x");
	http_response_clear(&response);
	assert_int_equal(response.content_length, -1);
	assert_int_equal(response.status, 0);
	assert_null(response.etag);
	assert_null(response.body.data);
	http_response_clear(&response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_problem_set),
		cmocka_unit_test(test_problem_of_service),
		cmocka_unit_test(test_problem_is_bounded),
		cmocka_unit_test(test_problem_copy),
		cmocka_unit_test(test_problem_words),
		cmocka_unit_test(test_class_of_status),
		cmocka_unit_test(test_content_range),
		cmocka_unit_test(test_content_range_refused),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_http_request),
		cmocka_unit_test(test_http_body_sizes),
		cmocka_unit_test(test_http_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
