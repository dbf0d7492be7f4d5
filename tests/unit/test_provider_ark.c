/* providers/ark.c: what is sent, and what each recorded answer means (fixtures/ark). */
#include "tests/unit/unit.h"

#include "backend/providers/provider.h"

#define TASKS_URL "https://ark.example.com/api/v3/contents/generations/tasks"

static const char *const ids[] = { "cgt-1" };

static const struct provider *ark(void)
{
	const struct provider *provider = provider_find("ark");

	assert_non_null(provider);
	return provider;
}

static struct endpoint endpoint_of(const struct json *test)
{
	const struct json *given = json_get(test, "endpoint");

	return (struct endpoint){
		.base_url = "https://ark.example.com/api/v3",
		.key = "sk-test",
		.model = json_get_string(given, "model"),
		.callback_url = json_get_string(given, "callback_url"),
	};
}

/* A response with these bytes, exactly as long as they are. */
static struct http_response response_of(int64_t status, const char *body, size_t size)
{
	struct http_response response = {
		.outcome = HTTP_ANSWERED,
		.status = (int)status,
		.body = BUFFER_INIT(FILE_CEILING),
		.content_length = -1,
	};

	if (size)
		assert_int_equal(buffer_append(&response.body, body, size), 0);
	return response;
}

/* --- building --- */

static void read_file_piece(const struct http_piece *piece, struct buffer *body)
{
	AUTOFREE char *bytes = malloc(piece->file_size);
	AUTOFREE char *text = malloc(BASE64_SIZE(piece->file_size));

	assert_int_equal(pread(piece->fd, bytes, piece->file_size, 0), piece->file_size);
	base64_encode(bytes, piece->file_size, text);
	buffer_add(body, text);
}

/* The body as it goes over the wire; its length is what was announced. */
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
	return buffer_take(&body);
}

static bool has_header(const struct http_request *http, const char *header)
{
	for (size_t i = 0; i < http->header_count; i++)
		if (!strcmp(http->headers[i], header))
			return true;
	return false;
}

static void check_refused(const char *name, const struct json *words, int r,
			  const struct problem *problem)
{
	if (r != -EINVAL)
		FAIL_CASE("%s: %d; must be refused", name, r);
	else
		expect_words(name, problem->text, words);
}

static void check_sent(const char *name, const struct http_request *http,
		       const struct json *test)
{
	AUTOFREE char *wanted = text_of(json_get(test, "body"));
	AUTOFREE char *body = body_of(http);

	expect_text(name, "method", http->method, "POST");
	expect_text(name, "address", http->url, TASKS_URL);
	expect_text(name, "body", body, wanted);
	assert_int_equal(http->header_count, 3);
	assert_true(has_header(http, "Authorization: Bearer sk-test"));
	assert_true(has_header(http, "Content-Type: application/json"));
	assert_true(has_header(http, "Accept: application/json"));
}

static void check_build(const char *name, const struct json *test)
{
	const char *file = json_get_string(test, "name");
	AUTOFREE char *text = text_of(json_get(test, "request"));
	struct endpoint endpoint = endpoint_of(test);
	AUTOPROBLEM problem = { 0 };
	AUTOREQUEST *request = NULL;
	struct http_request http = { 0 };
	int r;

	if (request_parse(file ? file : "request.json", text, strlen(text), &request,
			  &problem)) {
		FAIL_CASE("%s: %s", name, problem.text);
		return;
	}
	r = ark()->build_create(request, &endpoint, &http, &problem);
	if (json_get(test, "refused"))
		check_refused(name, json_get(test, "refused"), r, &problem);
	else if (r)
		FAIL_CASE("%s: %s", name, problem.text);
	else
		check_sent(name, &http, test);
	http_request_clear(&http);
}

static void test_build_create(void **state)
{
	walk_fixtures("ark/build", 35, check_build);
}

static struct request *parse_good(const char *text)
{
	AUTOPROBLEM problem = { 0 };
	struct request *request = NULL;

	assert_int_equal(
		request_parse("request.json", text, strlen(text), &request, &problem), 0);
	return request;
}

static void test_build_without_key(void **state)
{
	struct endpoint endpoint = { .base_url = "http://localhost:1" };
	AUTOREQUEST *request = parse_good("{\"prompt\":\"a cat\"}");
	AUTOPROBLEM problem = { 0 };
	struct http_request http = { 0 };

	assert_int_equal(ark()->build_create(request, &endpoint, &http, &problem), 0);
	assert_int_equal(http.header_count, 2);
	assert_string_equal(http.url, "http://localhost:1/contents/generations/tasks");
	http_request_clear(&http);
}

/* A GIF of a size of its own, so that base64 has each kind of ending. */
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
	struct endpoint endpoint = endpoint_of(NULL);
	AUTOREQUEST *request = parse_good("{\"prompt\":\"a cat\"}");
	int first = picture(first_size), second = picture(second_size);
	AUTOFREE char *first_url = data_url(first, first_size);
	AUTOFREE char *second_url = data_url(second, second_size);
	AUTOFREE char *wanted = NULL;
	AUTOFREE char *body = NULL;
	AUTOPROBLEM problem = { 0 };
	struct http_request http = { 0 };

	assert_int_equal(request_add_input(request, ROLE_FIRST_FRAME, "first_frame.gif"),
			 0);
	assert_int_equal(request_add_input(request, ROLE_LAST_FRAME, "last_frame.gif"),
			 0);
	assert_int_equal(request_attach(request, 1, first, &problem), 0);
	assert_int_equal(request_attach(request, 2, second, &problem), 0);
	assert_int_equal(ark()->build_create(request, &endpoint, &http, &problem), 0);
	body = body_of(&http);
	wanted = text_format("{\"model\":\"doubao-seedance-1-5-pro-251215\",\"content\":["
			     "{\"type\":\"text\",\"text\":\"a cat\"},"
			     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"},"
			     "\"role\":\"first_frame\"},"
			     "{\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"},"
			     "\"role\":\"last_frame\"}],"
			     "\"watermark\":false,\"generate_audio\":false,\"return_last_"
			     "frame\":true}",
			     first_url, second_url);
	assert_string_equal(body, wanted);
	http_request_clear(&http);
}

static void test_build_with_files(void **state)
{
	for (size_t size = 6; size < 12; size++)
		check_file_body(size, 20000 - size);
	check_file_body(100, 100); /* the same picture twice */
}

/* Ark takes local sounds as data URLs, but never local videos: 6.2. */
static void check_local(const char *kind, const char *bytes, size_t size, int wanted)
{
	AUTOFREE char *text =
		text_format("{\"content\":[{\"type\":\"%s_url\",\"%s_url\":{\"url\":"
			    "\"clip\"},\"role\":\"reference_%s\"}]}",
			    kind, kind, kind);
	struct endpoint endpoint = endpoint_of(NULL);
	AUTOREQUEST *request = parse_good(text);
	AUTOPROBLEM problem = { 0 };
	struct http_request http = { 0 };

	assert_int_equal(request_attach(request, 0, file_of(bytes, size), &problem), 0);
	assert_int_equal(ark()->build_create(request, &endpoint, &http, &problem),
			 wanted);
	if (wanted) {
		assert_int_equal(problem.class, PROBLEM_INVALID);
		assert_true(text_starts_with(problem.text, "request.json: clip "));
		assert_non_null(strstr(problem.text, "allowed: https://"));
	}
	http_request_clear(&http);
}

static void test_build_local_media(void **state)
{
	check_local("video",
		    "\0\0\0\x10"
		    "ftypisom\0\0\0\0",
		    16, -EINVAL);
	check_local("audio", "RIFF\x04\0\0\0WAVE", 12, 0);
}

static void test_build_query(void **state)
{
	struct endpoint endpoint = endpoint_of(NULL);
	struct http_request http = { 0 };

	assert_int_equal(ark()->build_query(ids, 1, &endpoint, &http), 0);
	assert_string_equal(http.method, "GET");
	assert_string_equal(http.url, TASKS_URL "/cgt-1");
	assert_int_equal(http.header_count, 2);
	assert_true(has_header(&http, "Authorization: Bearer sk-test"));
	assert_int_equal(http_request_body_size(&http), 0);
	http_request_clear(&http);
	assert_int_equal(ark()->build_cancel("cgt-1", &endpoint, &http), 0);
	assert_string_equal(http.method, "DELETE");
	assert_string_equal(http.url, TASKS_URL "/cgt-1");
	assert_true(has_header(&http, "Authorization: Bearer sk-test"));
	http_request_clear(&http);
}

static void test_build_query_of_unsafe_id(void **state)
{
	static const char *const bad[] = { "",	  ".",	  "..",	   "a/b",     "a?b",
					   "a b", "a\nb", "a%2fb", "\xc3\xa9" };
	struct endpoint endpoint = endpoint_of(NULL);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_request http = { 0 };

		assert_false(provider_id_is_safe(bad[i]));
		assert_int_equal(ark()->build_query(&bad[i], 1, &endpoint, &http),
				 -EINVAL);
		http_request_clear(&http);
		assert_int_equal(ark()->build_cancel(bad[i], &endpoint, &http), -EINVAL);
		http_request_clear(&http);
	}
}

/* --- reading --- */

static void check_problem(const char *name, const struct problem *problem,
			  const struct json *test)
{
	const char *class = json_get_string(test, "class");
	const char *hidden = json_get_string(test, "hidden");

	if (class)
		expect_text(name, "class", problem_class_word(problem->class), class);
	if (json_get(test, "code"))
		expect_text(name, "code", problem->code, json_get_string(test, "code"));
	if (hidden && problem->text && strstr(problem->text, hidden))
		FAIL_CASE("%s: \"%s\" says \"%s\", which is not so", name, problem->text,
			  hidden);
	expect_words(name, problem->text, json_get(test, "text"));
}

static void check_create(const char *name, const struct json *test)
{
	static const char *const words[] = { "accepted", "refused", "ambiguous" };
	AUTOFREE char *body = text_of(json_get(test, "body"));
	struct http_response response =
		response_of(number_of(test, "status", 0), body, strlen(body));
	struct create_answer answer = { 0 };

	assert_int_equal(ark()->parse_create(&response, &answer), 0);
	expect_text(name, "result", words[answer.result],
		    json_get_string(test, "result"));
	expect_text(name, "id", answer.observation.id, json_get_string(test, "id"));
	if (answer.may_repeat != flag_of(test, "may_repeat"))
		FAIL_CASE("%s: may_repeat is %d", name, answer.may_repeat);
	if (answer.result == CREATE_ACCEPTED)
		assert_int_equal(answer.observation.state, TASK_QUEUED);
	if (problem_is_set(&answer.problem) != (answer.result != CREATE_ACCEPTED))
		FAIL_CASE("%s: the problem does not fit the result", name);
	check_problem(name, &answer.problem, test);
	create_answer_clear(&answer);
	http_response_clear(&response);
}

static void test_parse_create(void **state)
{
	walk_fixtures("ark/create", 55, check_create);
}

static void check_seen(const char *name, const struct observation *seen,
		       const struct json *test)
{
	AUTOFREE char *usage =
		json_get(test, "usage") ? text_of(json_get(test, "usage")) : NULL;

	expect_text(name, "id", seen->id, "cgt-1");
	expect_text(name, "state", task_state_word(seen->state),
		    json_get_string(test, "state"));
	expect_text(name, "raw state", seen->raw_state,
		    json_get_string(test, "raw_state"));
	expect_text(name, "video", seen->video_url, json_get_string(test, "video_url"));
	expect_text(name, "frame", seen->last_frame_url,
		    json_get_string(test, "last_frame_url"));
	expect_text(name, "model", seen->model, json_get_string(test, "model"));
	expect_text(name, "usage", seen->usage, usage);
	assert_int_equal(seen->progress, -1);
	if (problem_is_set(&seen->problem) != (json_get(test, "class") != NULL))
		FAIL_CASE("%s: the problem is \"%s\"", name, seen->problem.text);
	check_problem(name, &seen->problem, test);
}

static void check_answer(const char *name, const struct observation *seen,
			 const struct json *test)
{
	AUTOFREE char *body = text_of(json_get(test, "body"));

	if (number_of(test, "status", 0) == 200)
		expect_text(name, "answer", seen->answer, body);
}

static void check_query(const char *name, const struct json *test)
{
	AUTOFREE char *body = text_of(json_get(test, "body"));
	struct http_response response =
		response_of(number_of(test, "status", 0), body, strlen(body));
	struct observations list = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = ark()->parse_query(&response, ids, 1, &list, &problem);

	if (r != number_of(test, "result", 0) || list.count != (r ? 0 : 1)) {
		FAIL_CASE("%s: result %d, %zu observations", name, r, list.count);
	} else if (r) {
		assert_true(problem_is_set(&problem));
		check_problem(name, &problem, test);
	} else {
		check_seen(name, &list.items[0], test);
		check_answer(name, &list.items[0], test);
	}
	observations_clear(&list);
	http_response_clear(&response);
}

static void test_parse_query(void **state)
{
	walk_fixtures("ark/query", 60, check_query);
}

static void check_cancel(const char *name, const struct json *test)
{
	AUTOFREE char *body = text_of(json_get(test, "body"));
	struct http_response response =
		response_of(number_of(test, "status", 0), body, strlen(body));
	AUTOPROBLEM problem = { 0 };
	int r = ark()->parse_cancel(&response, &problem);

	if (r != number_of(test, "result", 0) || problem_is_set(&problem) != (r != 0))
		FAIL_CASE("%s: result %d", name, r);
	check_problem(name, &problem, test);
	http_response_clear(&response);
}

static void test_parse_cancel(void **state)
{
	walk_fixtures("ark/cancel", 14, check_cancel);
}

/* --- every parser against every beginning of every answer --- */

static void feed(int64_t status, const char *body, size_t size)
{
	struct http_response response = response_of(status, body, size);
	struct create_answer answer = { 0 };
	struct observations list = { 0 };
	AUTOPROBLEM query = { 0 }, cancel = { 0 };
	int r;

	assert_int_equal(ark()->parse_create(&response, &answer), 0);
	if (answer.result == CREATE_ACCEPTED)
		assert_true(provider_id_is_safe(answer.observation.id));
	r = ark()->parse_query(&response, ids, 1, &list, &query);
	assert_true(r == 0 || r == -EAGAIN);
	assert_int_equal(list.count, r ? 0 : 1);
	r = ark()->parse_cancel(&response, &cancel);
	assert_true(r == 0 || r == -EBUSY || r == -EAGAIN);
	create_answer_clear(&answer);
	observations_clear(&list);
	http_response_clear(&response);
}

static void check_truncations(const char *name, const struct json *test)
{
	AUTOFREE char *body = text_of(json_get(test, "body"));

	for (size_t size = 0; size <= strlen(body); size++) {
		feed(200, body, size);
		feed(number_of(test, "status", 0), body, size);
	}
}

static void test_truncations(void **state)
{
	walk_fixtures("ark/create", 55, check_truncations);
	walk_fixtures("ark/query", 60, check_truncations);
	walk_fixtures("ark/cancel", 14, check_truncations);
}

/* --- the table and the common vocabulary --- */

static void test_table(void **state)
{
	const struct provider *provider;
	size_t count = 0;

	for (; (provider = provider_at(count)); count++) {
		assert_ptr_equal(provider_find(provider->type), provider);
		assert_true(provider->poll_interval_ms > 0 && provider->max_active > 0);
		assert_true(provider->body_max_bytes > 0);
		assert_true(provider->build_create && provider->parse_create);
		assert_true(provider->build_query && provider->parse_query);
		assert_int_equal(!provider->build_cancel, !provider->parse_cancel);
	}
	assert_true(count >= 1);
	assert_null(provider_find("no such service"));
	assert_true(ark()->can_cancel_queued && !ark()->can_cancel_running);
	assert_int_equal(ark()->body_max_bytes, 64 << 20);
}

static void test_state_words(void **state)
{
	enum task_state back = TASK_PENDING;

	for (int i = TASK_PENDING; i <= TASK_UNKNOWN; i++) {
		assert_int_equal(task_state_from_word(task_state_word((enum task_state)i),
						      &back),
				 0);
		assert_int_equal(back, i);
	}
	assert_int_equal(task_state_from_word("Running", &back), -EINVAL);
	assert_int_equal(task_state_from_word("", &back), -EINVAL);
	assert_int_equal(task_state_from_word(NULL, &back), -EINVAL);
	assert_int_equal(back, TASK_UNKNOWN);
	assert_false(provider_state_of(NULL, &back) || provider_state_of("", &back) ||
		     provider_state_of("paused", &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_create),
		cmocka_unit_test(test_build_without_key),
		cmocka_unit_test(test_build_with_files),
		cmocka_unit_test(test_build_local_media),
		cmocka_unit_test(test_build_query),
		cmocka_unit_test(test_build_query_of_unsafe_id),
		cmocka_unit_test(test_parse_create),
		cmocka_unit_test(test_parse_query),
		cmocka_unit_test(test_parse_cancel),
		cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_state_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
