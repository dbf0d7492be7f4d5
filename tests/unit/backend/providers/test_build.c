/*
 * providers/: what is sent. A case is a file in fixtures/TYPE/{build,ask}. Its request is
 * complete, as backend/models/fit.h returns it. An input named like a file is attached as
 * an image that consists of "GIF89a" and the name.
 */
#include "tests/unit/backend/providers/provider_fixture.h"

#include "backend/base/base64.h"
#include "backend/request/params.h"

static const struct walk builds[] = {
	{ "ark", 14 },	 { "acedata", 7 },    { "xhuo", 5 },
	{ "comet", 12 }, { "createtask", 6 }, { "senseaudio", 9 },
};
static const struct walk asks[] = {
	{ "ark", 6 },	{ "acedata", 3 },    { "xhuo", 2 },
	{ "comet", 1 }, { "createtask", 2 }, { "senseaudio", 1 },
};

/* --- the bytes of a request --- */

static void read_file_piece(const struct http_piece *piece, struct buffer *body)
{
	AUTOFREE char *bytes = malloc(piece->file_size);
	AUTOFREE char *text = malloc(BASE64_SIZE(piece->file_size));

	assert_int_equal(pread(piece->fd, bytes, piece->file_size, 0), piece->file_size);
	base64_encode(bytes, piece->file_size, text);
	if (piece->is_base64)
		buffer_add(body, text);
	else
		buffer_append(body, bytes, piece->file_size);
}

/* The body; checks its length against the announced one. */
static char *body_of(const struct http_request *http)
{
	AUTOBUFFER body = BUFFER_INIT(FILE_CEILING);

	for (size_t i = 0; i < http->piece_count; i++) {
		const struct http_piece *piece = &http->pieces[i];

		assert_true((piece->fd >= 0) != (piece->text != NULL));
		if (piece->fd >= 0)
			read_file_piece(piece, &body);
		else
			buffer_append(&body, piece->text, piece->text_size);
	}
	assert_int_equal(buffer_error(&body), 0);
	assert_int_equal(body.size, http_request_body_size(http));
	return body.size ? buffer_take(&body) : strdup("");
}

static const char *header_of(const struct http_request *http, const char *begin)
{
	for (size_t i = 0; i < http->header_count; i++)
		if (text_starts_with(http->headers[i], begin))
			return http->headers[i] + strlen(begin);
	return NULL;
}

/* The body, with the form's boundary replaced by "BOUNDARY". */
static char *form_of(const struct http_request *http)
{
	const char *boundary =
		header_of(http, "Content-Type: multipart/form-data; boundary=");
	AUTOFREE char *body = body_of(http);
	AUTOBUFFER form = BUFFER_INIT(FILE_CEILING);
	const char *rest = body, *at;

	if (!boundary || !*boundary)
		return strdup("(no form)");
	while ((at = strstr(rest, boundary))) {
		buffer_append(&form, rest, (size_t)(at - rest));
		buffer_add(&form, "BOUNDARY");
		rest = at + strlen(boundary);
	}
	buffer_add(&form, rest);
	return buffer_take(&form);
}

static void expect_http(const char *name, const struct http_request *http,
			const struct json *test)
{
	const char *method = json_get_string(test, "method");
	const char *form = json_get_string(test, "form");
	bool has_key = !flag_of(test, "without_key");
	AUTOFREE char *url = text_format(BASE_URL "%s", json_get_string(test, "url"));
	AUTOFREE char *wanted = text_of(json_get(test, "body"));
	AUTOFREE char *body = form ? form_of(http) : body_of(http);

	expect_text(name, "method", http->method, method ? method : "POST");
	expect_text(name, "address", http->url, url);
	expect_text(name, "body", body, form ? form : wanted);
	expect_text(name, "key", header_of(http, "Authorization: "),
		    has_key ? "Bearer sk-test" : NULL);
	expect_text(name, "accept", header_of(http, "Accept: "), "application/json");
	if (!form)
		expect_text(name, "type", header_of(http, "Content-Type: "),
			    *wanted ? "application/json" : NULL);
	assert_int_equal(http->header_count, 1 + has_key + (*wanted || form));
}

/* --- create --- */

static void attach_files(struct request *request)
{
	for (size_t i = 0; i < request->content_count; i++) {
		const char *path = request->content[i].path;
		AUTOFREE char *bytes = path ? text_format("GIF89a%s", path) : NULL;
		AUTOPROBLEM problem = { 0 };

		if (bytes)
			assert_int_equal(request_attach(request, i,
							file_of(bytes, strlen(bytes)),
							&problem),
					 0);
	}
}

static struct request *parse_good(const char *text)
{
	AUTOPROBLEM problem = { 0 };
	struct request *request = NULL;

	if (request_parse("request.json", text, strlen(text), &request, &problem))
		fail_msg("%s: %s", text, problem.text);
	return request;
}

static void try_build(const char *name, const struct json *test)
{
	AUTOFREE char *text = text_of(json_get(test, "request"));
	AUTOREQUEST *request = parse_good(text);
	struct endpoint endpoint = endpoint_of(test);
	struct http_request http = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r;

	attach_files(request);
	r = adapter->build_create(request, &endpoint, &http, &problem);
	if (!json_get(test, "refused")) {
		if (r)
			FAIL_CASE("%s: %s", name, problem.text);
		else
			expect_http(name, &http, test);
	} else if (r != -EINVAL || problem.class != PROBLEM_INVALID) {
		FAIL_CASE("%s: %d; must be refused", name, r);
	} else {
		expect_words(name, problem.text, json_get(test, "refused"));
	}
	http_request_clear(&http);
}

static void test_build_create(void **state)
{
	walk_adapters(builds, ARRAY_SIZE(builds), "build", try_build);
}

/* The body built from a request. */
static char *built(const struct request *request)
{
	struct endpoint endpoint = endpoint_of(NULL);
	AUTOPROBLEM problem = { 0 };
	struct http_request http = { 0 };
	char *body;

	assert_int_equal(adapter->build_create(request, &endpoint, &http, &problem), 0);
	body = header_of(&http, "Content-Type: multipart") ? form_of(&http)
							   : body_of(&http);
	http_request_clear(&http);
	return body;
}

/* Each parameter in an adapter's table is written to the body. */
static void test_each_parameter(void **state)
{
	static const char *const values[PARAM_COUNT] = {
		"\"720p\"", "\"16:9\"", "5",	    "29",   "24",
		"7",	    "true",	"true",	    "true", "true",
		"true",	    "\"flex\"", "3600",	    "3",    "\"https://a.b/\"",
		"\"u\"",    "\"mov\"",	"\"edit\"", "[{}]",
	};

	for (size_t i = 0; (adapter = provider_at(i)); i++)
		for (int n = 0; n < PARAM_COUNT; n++) {
			const char *key = request_param_key((enum request_param)n);
			AUTOFREE char *text =
				text_format("{\"prompt\":\"a cat\",\"%s\":%s}", key,
					    values[n]);
			AUTOREQUEST *bare = parse_good("{\"prompt\":\"a cat\"}");
			AUTOREQUEST *request = parse_good(text);
			AUTOFREE char *without = built(bare);
			AUTOFREE char *with = built(request);

			if (adapter->params & PARAM_BIT(n) && !strcmp(with, without))
				fail_msg("%s does not say %s", adapter->type, key);
		}
}

/* --- files --- */

/* A GIF of a given size, so that base64 has each kind of padding. */
static int picture(size_t size)
{
	AUTOFREE char *bytes = malloc(size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 37);
	memcpy(bytes, "GIF89a", 6);
	return file_of(bytes, size);
}

static char *data_url(int fd, size_t size)
{
	AUTOFREE char *bytes = malloc(size);
	AUTOFREE char *text = malloc(BASE64_SIZE(size));

	assert_int_equal(pread(fd, bytes, size, 0), size);
	base64_encode(bytes, size, text);
	return text_format("data:image/gif;base64,%s", text);
}

static void check_file_body(size_t first_size, size_t second_size)
{
	AUTOREQUEST *request = parse_good("{\"prompt\":\"a cat\",\"model\":\"m\"}");
	int first = picture(first_size), second = picture(second_size);
	AUTOFREE char *first_url = data_url(first, first_size);
	AUTOFREE char *second_url = data_url(second, second_size);
	AUTOFREE char *wanted = NULL;
	AUTOFREE char *body = NULL;
	AUTOPROBLEM problem = { 0 };

	assert_int_equal(request_add_input(request, ROLE_FIRST_FRAME, "first_frame.gif"),
			 0);
	assert_int_equal(request_add_input(request, ROLE_LAST_FRAME, "last_frame.gif"),
			 0);
	assert_int_equal(request_attach(request, 1, first, &problem), 0);
	assert_int_equal(request_attach(request, 2, second, &problem), 0);
	body = built(request);
	wanted = text_format("{\"model\":\"m\",\"content\":["
			     "{\"type\":\"text\",\"text\":\"a cat\"},"
			     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"},"
			     "\"role\":\"first_frame\"},"
			     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"},"
			     "\"role\":\"last_frame\"}]}",
			     first_url, second_url);
	assert_string_equal(body, wanted);
}

static void test_build_with_files(void **state)
{
	adapter = provider_find("ark");
	for (size_t size = 6; size < 12; size++)
		check_file_body(size, 20000 - size);
	check_file_body(100, 100); /* the same image twice */
}

/* --- query, list and cancel --- */

static int ask(const struct json *test, struct http_request *http)
{
	const char *model = json_get_string(test, "model");
	const char *cancelled = json_get_string(test, "cancel");
	struct endpoint endpoint = endpoint_of(test);
	const char *ids[IDS_MOST];
	size_t count = ids_of(test, ids);

	if (model)
		return adapter->build_list(model, json_get_string(test, "tier"),
					   &endpoint, http);
	if (cancelled)
		return adapter->build_cancel(cancelled, &endpoint, http);
	return adapter->build_query(ids, count, &endpoint, http);
}

static void try_ask(const char *name, const struct json *test)
{
	struct http_request http = { 0 };
	int r = ask(test, &http);

	if (r != number_of(test, "result", 0))
		FAIL_CASE("%s: result %d", name, r);
	else if (!r)
		expect_http(name, &http, test);
	http_request_clear(&http);
}

static void test_ask(void **state)
{
	walk_adapters(asks, ARRAY_SIZE(asks), "ask", try_ask);
}

static void refuse_id(const char *id)
{
	const char *const several[] = { "cgt-1", id };
	struct endpoint endpoint = endpoint_of(NULL);
	struct http_request http = { 0 };

	assert_false(text_is_url_safe(id));
	assert_int_equal(adapter->build_query(&id, 1, &endpoint, &http), -EINVAL);
	http_request_clear(&http);
	assert_int_equal(adapter->build_query(several, 2, &endpoint, &http), -EINVAL);
	http_request_clear(&http);
	if (adapter->build_cancel)
		assert_int_equal(adapter->build_cancel(id, &endpoint, &http), -EINVAL);
	http_request_clear(&http);
	if (adapter->build_list)
		assert_int_equal(adapter->build_list(id, NULL, &endpoint, &http),
				 -EINVAL);
	http_request_clear(&http);
}

static void test_unsafe_ids(void **state)
{
	static const char *const bad[] = { "",	  ".",	  "..",	   "a/b",     "a?b",
					   "a b", "a\nb", "a%2fb", "\xc3\xa9" };

	for (size_t i = 0; (adapter = provider_at(i)); i++)
		for (size_t n = 0; n < ARRAY_SIZE(bad); n++)
			refuse_id(bad[n]);
}

static void test_too_many_ids(void **state)
{
	const char *ids[IDS_MOST];
	struct endpoint endpoint = endpoint_of(NULL);

	for (size_t n = 0; n < IDS_MOST; n++)
		ids[n] = "cgt-1";
	for (size_t i = 0; (adapter = provider_at(i)); i++) {
		struct http_request http = { 0 };

		assert_int_equal(adapter->build_query(ids, 0, &endpoint, &http), -EINVAL);
		assert_int_equal(adapter->build_query(ids, adapter->query_most, &endpoint,
						      &http),
				 0);
		http_request_clear(&http);
		assert_int_equal(adapter->build_query(ids, adapter->query_most + 1,
						      &endpoint, &http),
				 -EINVAL);
		http_request_clear(&http);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_create),
		cmocka_unit_test(test_each_parameter),
		cmocka_unit_test(test_build_with_files),
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_unsafe_ids),
		cmocka_unit_test(test_too_many_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
