/* backend/http/message.h: the pieces of a body, and their total length. */
#include "tests/unit/unit.h"

#include "backend/http/message.h"

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
		cmocka_unit_test(test_http_request),
		cmocka_unit_test(test_http_body_sizes),
		cmocka_unit_test(test_http_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
