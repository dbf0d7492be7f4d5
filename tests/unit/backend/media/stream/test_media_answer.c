/* backend/media/stream/media_answer.h: evaluating a media host's answer. */
#include "backend/media/stream/media_answer.h"
#include "tests/unit/unit.h"

#include <string.h>

#define ETAG "\"v1\""

static const struct answer_wanted wanted = {
	.start = 4096, .end = 8192, .size = 10000, .etag = ETAG
};

static struct http_response answer(int status, const char *content_range,
				   const char *etag, int64_t content_length)
{
	return (struct http_response){ .status = status,
				       .content_range = (char *)content_range,
				       .etag = (char *)etag,
				       .content_length = content_length };
}

static void test_judge(void **state)
{
	static const struct {
		int status;
		const char *content_range, *etag;
		int64_t content_length;
		enum answer_verdict verdict;
		uint64_t start, end;
	} cases[] = {
		{ 206, "bytes 4096-8191/10000", ETAG, 4096, ANSWER_FITS, 4096, 8192 },
		{ 206, "bytes 4096-8191/*", ETAG, 4096, ANSWER_FITS, 4096, 8192 },
		{ 206, "bytes 4096-8191/10000", NULL, -1, ANSWER_FITS, 4096, 8192 },
		{ 206, "bytes 4096-8191/10000", "W/" ETAG, 4096, ANSWER_FITS, 4096,
		  8192 },
		{ 206, "bytes 4096-5000/10000", ETAG, 905, ANSWER_FITS, 4096, 5001 },
		{ 206, "bytes 4096-8191/10000", "\"v2\"", 4096, ANSWER_CHANGED, 0, 0 },
		{ 206, "bytes 4096-8191/10001", ETAG, 4096, ANSWER_CHANGED, 0, 0 },
		{ 206, "bytes 0-4095/10000", ETAG, 4096, ANSWER_UNUSABLE, 0, 0 },
		{ 206, "bytes 4097-8191/10000", ETAG, 4096, ANSWER_UNUSABLE, 0, 0 },
		{ 206, "bytes 4096-8192/10000", ETAG, 4096, ANSWER_UNUSABLE, 0, 0 },
		{ 206, "bytes */10000", ETAG, 4096, ANSWER_UNUSABLE, 0, 0 },
		{ 206, NULL, ETAG, 4096, ANSWER_UNUSABLE, 0, 0 },
		{ 200, NULL, NULL, 10000, ANSWER_FITS, 0, 10000 },
		{ 200, NULL, ETAG, -1, ANSWER_FITS, 0, 10000 },
		{ 200, NULL, NULL, -1, ANSWER_UNUSABLE, 0, 0 },
		{ 200, NULL, NULL, 9999, ANSWER_CHANGED, 0, 0 },
		{ 200, NULL, "\"v2\"", 10000, ANSWER_CHANGED, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_response response =
			answer(cases[i].status, cases[i].content_range, cases[i].etag,
			       cases[i].content_length);
		struct answer_span span = { 0 };
		const char *why = NULL;
		enum answer_verdict verdict =
			media_answer_judge(&response, &wanted, "abc", 3, &span, &why);

		if (verdict != cases[i].verdict || span.start != cases[i].start ||
		    span.end != cases[i].end)
			FAIL_CASE("case %zu: %d, %d to %d", i, (int)verdict,
				  (int)span.start, (int)span.end);
		if (verdict != ANSWER_FITS)
			assert_non_null(why);
	}
}

static void test_objections(void **state)
{
	static const struct {
		const char *type, *encoding, *bytes;
		bool is_fine;
	} cases[] = {
		{ "video/mp4", NULL, "abc", true },
		{ "video/mp4", "identity", "abc", true },
		{ "text/plain", NULL, "abc", true },
		{ NULL, NULL, "", true },
		{ "video/mp4", "gzip", "abc", false },
		{ "text/html; charset=utf-8", NULL, "abc", false },
		{ "APPLICATION/JSON", NULL, "abc", false },
		{ "video/mp4", NULL, "<html>", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_response response = answer(200, NULL, ETAG, 10000);
		struct answer_span span;
		uint64_t size = 0;
		const char *why;
		bool is_fine;

		response.content_type = (char *)cases[i].type;
		response.content_encoding = (char *)cases[i].encoding;
		is_fine = media_answer_tell(&response, cases[i].bytes,
					    strlen(cases[i].bytes), &size, &span,
					    &why) == ANSWER_TELLS;
		if (is_fine != cases[i].is_fine || (is_fine && size != 10000))
			FAIL_CASE("case %zu: %d", i, is_fine);
		is_fine = media_answer_judge(&response, &wanted, cases[i].bytes,
					     strlen(cases[i].bytes), &span,
					     &why) == ANSWER_FITS;
		if (is_fine != cases[i].is_fine)
			FAIL_CASE("case %zu, judged: %d", i, is_fine);
	}
}

/* In the middle of a file, bytes that look like a web page mean nothing. */
static void test_a_byte_that_begins_a_page(void **state)
{
	struct http_response response = answer(206, "bytes 4096-8191/10000", ETAG, 4096);
	struct answer_span span;
	const char *why;

	(void)state;
	assert_int_equal(media_answer_judge(&response, &wanted, "<", 1, &span, &why),
			 ANSWER_FITS);
}

static void test_tell(void **state)
{
	static const struct {
		int status;
		const char *content_range;
		int64_t content_length;
		enum answer_told told;
		uint64_t size, end;
	} cases[] = {
		{ 206, "bytes 0-99/1000", 100, ANSWER_TELLS, 1000, 100 },
		{ 206, "bytes 0-999/1000", 1000, ANSWER_TELLS, 1000, 1000 },
		{ 206, "bytes 1-99/1000", 99, ANSWER_TELLS_NOTHING, 0, 0 },
		{ 206, "bytes 1-99/*", 99, ANSWER_TELLS_NOTHING, 0, 0 },
		{ 206, "bytes 0-99/*", 100, ANSWER_HIDES_SIZE, 0, 0 },
		{ 206, "bytes */1000", 100, ANSWER_TELLS_NOTHING, 0, 0 },
		{ 206, NULL, 100, ANSWER_TELLS_NOTHING, 0, 0 },
		{ 200, NULL, 1000, ANSWER_TELLS, 1000, 1000 },
		{ 200, NULL, -1, ANSWER_IS_ENDLESS, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_response response =
			answer(cases[i].status, cases[i].content_range, NULL,
			       cases[i].content_length);
		struct answer_span span = { 0 };
		uint64_t size = 0;
		const char *why;

		enum answer_told told =
			media_answer_tell(&response, "abc", 3, &size, &span, &why);

		if (told != cases[i].told || size != cases[i].size ||
		    span.end != cases[i].end)
			FAIL_CASE("case %zu: %d, %d, %d", i, (int)told, (int)size,
				  (int)span.end);
	}
}

static void test_failures(void **state)
{
	static const struct {
		int status;
		const char *said;
		bool is_dead, is_passing;
	} cases[] = {
		{ 400, "<Code>ExpiredRequest</Code>", true, false },
		{ 400, "Request has expired", true, false },
		{ 400, "{\"code\":\"video_not_ready\"}", false, true },
		{ 400, "", false, false },
		{ 401, "", true, false },
		{ 403, "", true, false },
		{ 404, "", true, false },
		{ 410, "", true, false },
		{ 405, "", false, false },
		{ 302, "", false, false },
		{ 408, "", false, true },
		{ 429, "", false, true },
		{ 500, "", false, true },
		{ 503, "", false, true },
		{ 0, "", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (media_answer_is_dead_link(cases[i].status, cases[i].said) !=
			    cases[i].is_dead ||
		    media_answer_is_passing(cases[i].status, cases[i].said) !=
			    cases[i].is_passing)
			FAIL_CASE("%d \"%s\"", cases[i].status, cases[i].said);
}

static void test_resized(void **state)
{
	struct http_response other = answer(416, "bytes */77", NULL, 0),
			     same = answer(416, "bytes */10000", NULL, 0),
			     silent = answer(416, NULL, NULL, 0),
			     good = answer(206, "bytes 0-1/77", NULL, 2);

	(void)state;
	assert_true(media_answer_is_resized(&other, 10000));
	assert_false(media_answer_is_resized(&same, 10000));
	assert_false(media_answer_is_resized(&silent, 10000));
	assert_false(media_answer_is_resized(&good, 10000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_objections),
		cmocka_unit_test(test_a_byte_that_begins_a_page),
		cmocka_unit_test(test_tell),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_resized),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
