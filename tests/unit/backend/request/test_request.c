/*
 * backend/request/request.h: fixtures/request/good are accepted and described; …/bad are
 * rejected with the field's name.
 */
#include "tests/unit/unit.h"

#include "backend/request/request.h"
#include "backend/request/params.h"

static const unsigned char png_bytes[] = "\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82";
static const unsigned char wav_bytes[] = "RIFF\x04\0\0\0WAVE";

static int parse(const char *name, const char *text, size_t size,
		 struct request **ret_request, struct problem *problem)
{
	AUTOFREE char *exact = malloc(size ? size : 1);

	memcpy(exact, text,
	       size); /* not NUL-terminated: ASan detects reading past the end */
	return request_parse(name, exact, size, ret_request, problem);
}

/* Parses JSON that must be valid. */
static struct request *parse_good(const char *text)
{
	AUTOPROBLEM problem = { 0 };
	struct request *request = NULL;

	if (parse("request.json", text, strlen(text), &request, &problem))
		fail_msg("%s: %s", text, problem.text);
	return request;
}

static int parse_case(const struct json *test, struct request **ret_request,
		      struct problem *problem)
{
	const char *name = json_get_string(test, "name");
	const struct json *request = json_get(test, "request");
	AUTOFREE char *text = text_of(request ? request : json_get(test, "text"));

	return parse(name ? name : "request.json", text, strlen(text), ret_request,
		     problem);
}

static void check_good(const char *name, const struct json *test)
{
	const char *hidden = json_get_string(test, "hidden");
	AUTOPROBLEM problem = { 0 };
	AUTOREQUEST *request = NULL;
	AUTOFREE char *wanted = text_of(json_get(test, "describe"));
	AUTOFREE char *described = NULL;
	AUTOFREE char *where =
		text_format("%s (%s)", name, json_get_string(test, "what"));

	if (parse_case(test, &request, &problem)) {
		FAIL_CASE("%s: refused: %s", where, problem.text);
		return;
	}
	assert_false(problem_is_set(&problem));
	expect_words(where, request->note, json_get(test, "note"));
	described = request_describe(request);
	assert_non_null(described);
	if (hidden && strstr(described, hidden))
		FAIL_CASE("%s: \"%s\" tells what it must not", where, described);
	else if (!hidden)
		expect_text(where, "description", described, wanted);
}

static void check_bad(const char *name, const struct json *test)
{
	AUTOPROBLEM problem = { 0 };
	AUTOREQUEST *request = NULL;
	AUTOFREE char *where =
		text_format("%s (%s)", name, json_get_string(test, "what"));
	int r = parse_case(test, &request, &problem);

	if (r != -EINVAL) {
		FAIL_CASE("%s: %d; must be refused", where, r);
		return;
	}
	assert_null(request);
	assert_int_equal(problem.class, PROBLEM_INVALID);
	assert_non_null(problem.text);
	assert_null(strchr(problem.text, '\n'));
	expect_words(where, problem.text, json_get(test, "problem"));
}

static void test_good_prompts(void **state)
{
	walk_file("request/good/prompts.json", 12, check_good);
	walk_file("request/good/whole.json", 4, check_good);
}

static void test_good_content(void **state)
{
	walk_file("request/good/content.json", 24, check_good);
}

/* Other services' keys and structures, and the samples from their pages. */
static void test_good_languages(void **state)
{
	walk_file("request/good/aliases.json", 31, check_good);
	walk_file("request/good/shapes.json", 7, check_good);
	walk_file("request/good/samples.json", 14, check_good);
}

static void test_good_flags(void **state)
{
	walk_file("request/good/flags.json", 32, check_good);
}

static void test_bad_languages(void **state)
{
	walk_file("request/bad/aliases.json", 34, check_bad);
	walk_file("request/bad/shapes.json", 7, check_bad);
	walk_file("request/bad/samples.json", 2, check_bad);
}

static void test_bad_flags(void **state)
{
	walk_file("request/bad/flags.json", 27, check_bad);
}

/* A request, a separate prompt, and defaults from the nearest folder on. */
static int parse_parts(const struct json *test, struct request *request,
		       struct problem *problem)
{
	const char *beside = json_get_string(test, "text");
	AUTOFREE char *name = strdup("../defaults.json");
	int r = 0;

	if (beside)
		r = request_parse_text(request, "prompt.txt", beside, strlen(beside),
				       problem);
	for (const struct json *item = json_first(json_get(test, "defaults")); item && !r;
	     item = json_next(item)) {
		AUTOFREE char *text = text_of(item);
		char *farther = text_format("../%s", name);

		r = request_parse_defaults(request, name, text, strlen(text), problem);
		free(name);
		name = farther;
	}
	return r;
}

static void check_parts(const char *name, const struct json *test)
{
	const struct json *refusal = json_get(test, "problem");
	AUTOFREE char *wanted = text_of(json_get(test, "describe"));
	AUTOFREE char *where =
		text_format("%s (%s)", name, json_get_string(test, "what"));
	AUTOFREE char *described = NULL;
	AUTOPROBLEM problem = { 0 };
	AUTOREQUEST *request = NULL;
	int r;

	assert_int_equal(parse_case(test, &request, &problem), 0);
	r = parse_parts(test, request, &problem);
	if (r != (refusal ? -EINVAL : 0))
		FAIL_CASE("%s: %d: %s", where, r, problem.text);
	if (refusal) {
		expect_words(where, problem.text, refusal);
		return;
	}
	described = request_describe(request);
	expect_text(where, "description", described, wanted);
}

static void test_parts(void **state)
{
	walk_file("request/whole/defaults.json", 26, check_parts);
}

/* Messages name the file and the key that set the value. */
static void test_sources(void **state)
{
	AUTOREQUEST *request =
		parse_good("{\"prompt\":\"x --dur 5\",\"size\":\"16:9\",\"seed\":1}");
	static const char defaults[] = "{\"watermark\":true,\"camerafixed\":true}";
	AUTOPROBLEM problem = { 0 };

	assert_int_equal(request_parse_defaults(request, "../defaults.json", defaults,
						strlen(defaults), &problem),
			 0);
	assert_string_equal(request_param_source(request, PARAM_DURATION),
			    "request.json: --dur");
	assert_string_equal(request_param_source(request, PARAM_RATIO),
			    "request.json: \"size\"");
	assert_string_equal(request_param_source(request, PARAM_SEED), "request.json");
	assert_string_equal(request_param_source(request, PARAM_WATERMARK),
			    "../defaults.json");
	assert_string_equal(request_param_source(request, PARAM_CAMERA_FIXED),
			    "../defaults.json: \"camerafixed\"");
}

static void test_good_parameters(void **state)
{
	walk_file("request/good/parameters.json", 70, check_good);
}

static void test_null_is_left_out(void **state)
{
	walk_file("request/good/null.json", 25, check_good);
}

/*
 * Descriptions are stored in task.json and in the ledger, so they contain no media data.
 */
static void test_description_hides_data(void **state)
{
	walk_file("request/good/secret.json", 6, check_good);
}

static void test_bad_prompts(void **state)
{
	walk_file("request/bad/prompts.json", 19, check_bad);
}

static void test_bad_values(void **state)
{
	walk_file("request/bad/values.json", 130, check_bad);
}

static void test_bad_keys(void **state)
{
	walk_file("request/bad/keys.json", 18, check_bad);
}

static void test_bad_content(void **state)
{
	walk_file("request/bad/content.json", 34, check_bad);
}

/* Bytes that no JSON fixture can contain: NUL and invalid UTF-8. */
static void test_bad_bytes(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
	} cases[] = {
		{ "prompt.txt", "a\0b", 3 },
		{ "prompt.txt", "\0", 1 },
		{ "prompt.txt", "caf\xe9", 4 },
		{ "prompt.txt", "\xed\xa0\x80", 3 },
		{ "prompt.txt", "\xc0\xaf", 2 },
		{ "prompt.txt", "a cat \xf0\x9f\x90", 9 },
		{ "prompt.txt",
		  "\xff\xfe"
		  "a\0",
		  4 },
		{ "request.json", "{\"prompt\":\"caf\xe9\"}", 17 },
		{ "request.json", "{\"prompt\":\"a\0b\"}", 16 },
		{ "request.json", "{}\0", 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOPROBLEM problem = { 0 };
		AUTOREQUEST *request = NULL;

		assert_int_equal(parse(cases[i].name, cases[i].bytes, cases[i].size,
				       &request, &problem),
				 -EINVAL);
		assert_int_equal(problem.class, PROBLEM_INVALID);
		assert_true(text_starts_with(problem.text, cases[i].name));
	}
}

static void test_truncation(void **state)
{
	static const char text[] =
		"{\"model\":\"m\",\"content\":[{\"type\":\"image_url\","
		"\"image_url\":{\"url\":\"data:image/png;base64,iVBO\"},"
		"\"role\":\"first_frame\"}],\"seed\":-1,\"extra\":{\"a\":[]}}";

	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		AUTOPROBLEM problem = { 0 };
		AUTOREQUEST *request = NULL;

		assert_int_equal(parse("request.json", text, size, &request, &problem),
				 -EINVAL);
		assert_true(
			text_starts_with(problem.text, "request.json: line 1, column "));
	}
}

static void test_values(void **state)
{
	AUTOREQUEST *request = parse_good("{\"duration\":\"7\",\"watermark\":\"true\","
					  "\"ratio\":\"1:1\",\"prompt\":\"x\"}");

	assert_int_equal(request_number(request, PARAM_DURATION, 5), 7);
	assert_int_equal(request_number(request, PARAM_WATERMARK, 0), 1);
	assert_int_equal(request_number(request, PARAM_SEED, -1), -1);
	assert_string_equal(request_word(request, PARAM_RATIO), "1:1");
	assert_null(request_word(request, PARAM_RESOLUTION));
	request_set_number(request, PARAM_SEED, 0);
	assert_true(request->params[PARAM_SEED].is_set);
	assert_int_equal(request_number(request, PARAM_SEED, -1), 0);
}

static void test_params_by_key(void **state)
{
	for (int i = 0; i < PARAM_COUNT; i++) {
		enum request_param param = (enum request_param)i;

		assert_non_null(request_param_key(param));
		assert_int_equal(request_param_of(request_param_key(param)), param);
	}
	assert_int_equal(request_param_of("no such key"), PARAM_COUNT);
	assert_true(request_param_is_bool(PARAM_DRAFT));
	assert_false(request_param_is_bool(PARAM_SEED));
}

static void test_inputs_by_name(void **state)
{
	AUTOREQUEST *request = parse_good("{}");

	assert_true(request_is_empty(request));
	assert_int_equal(request_add_input(request, ROLE_LAST_FRAME, "last_frame.png"),
			 0);
	assert_false(request_is_empty(request));
	assert_true(request_has_role(request, ROLE_LAST_FRAME));
	assert_false(request_has_role(request, ROLE_FIRST_FRAME));
	assert_string_equal(request->content[0].path, "last_frame.png");
	assert_int_equal(request->content[0].file.fd, -1);
}

static void test_attach(void **state)
{
	AUTOREQUEST *request = parse_good("{}");
	AUTOPROBLEM problem = { 0 };
	AUTOFREE char *described = NULL;

	assert_int_equal(request_add_input(request, ROLE_FIRST_FRAME, "cat.png"), 0);
	assert_int_equal(request_attach(request, 0,
					file_of(png_bytes, sizeof(png_bytes) - 1),
					&problem),
			 0);
	assert_string_equal(request->content[0].file.mime, "image/png");
	assert_int_equal(request->content[0].file.size, sizeof(png_bytes) - 1);
	assert_int_equal(strlen(request->content[0].file.sha256), 64);
	described = request_describe(request);
	assert_non_null(strstr(described,
			       "\"file\":\"cat.png\",\"media_type\":\"image/png\","
			       "\"bytes\":20,\"sha256\":\""));
}

/*
 * A reference gets the type of its content. A data URL keeps its position in the request.
 */
static void test_attach_any_media(void **state)
{
	static const char text[] =
		"{\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
		"{\"type\":\"image\",\"url\":\"data:image/jpeg;base64,AAAA\"}]}";
	AUTOREQUEST *request = parse_good(text);
	AUTOPROBLEM problem = { 0 };

	assert_int_equal(request_add_input(request, ROLE_REFERENCE, "reference.x"), 0);
	assert_int_equal(request_attach(request, 2, file_of(wav_bytes, 12), &problem), 0);
	assert_int_equal(request->content[2].type, CONTENT_AUDIO);
	assert_string_equal(request_content_name(&request->content[2]), "reference.x");
	assert_int_equal(request_attach(request, 1, file_of("hello", 5), &problem),
			 -EINVAL);
	assert_non_null(strstr(problem.text, "request.json: content[1] is not an image"));
	close(request->content[1].file.fd);
	assert_int_equal(request_attach(request, 1,
					file_of(png_bytes, sizeof(png_bytes) - 1),
					&problem),
			 0);
	assert_null(request->content[1].url);
	assert_string_equal(request->content[1].file.mime, "image/png");
	close(request->content[2].file.fd);
	assert_int_equal(request_attach(request, 2, file_of("hello", 5), &problem),
			 -EINVAL);
	assert_non_null(
		strstr(problem.text, "allowed: an image, a video or an audio file"));
}

static void test_attach_tells_dimensions(void **state)
{
	static const char head[] =
		"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\x68";
	AUTOREQUEST *request = parse_good("{}");
	AUTOPROBLEM problem = { 0 };

	assert_int_equal(request_add_input(request, ROLE_FIRST_FRAME, "cat.png"), 0);
	assert_int_equal(
		request_attach(request, 0, file_of(head, sizeof(head) - 1), &problem), 0);
	assert_int_equal(request->content[0].file.width, 640);
	assert_int_equal(request->content[0].file.height, 360);
}

/* The digest covers the complete file, whatever its length. */
static void test_attach_long_file(void **state)
{
	AUTOREQUEST *request = parse_good("{}");
	AUTOPROBLEM problem = { 0 };
	size_t size = 200001;
	AUTOFREE char *bytes = calloc(1, size);
	struct digest *digest = digest_create();
	char hex[SHA256_HEX];

	memcpy(bytes, png_bytes, 8);
	digest_add(digest, bytes, size);
	digest_finish(digest, hex);
	digest_destroy(digest);
	assert_int_equal(request_add_input(request, ROLE_FIRST_FRAME, "cat.png"), 0);
	assert_int_equal(request_attach(request, 0, file_of(bytes, size), &problem), 0);
	assert_int_equal(request->content[0].file.size, size);
	assert_string_equal(request->content[0].file.sha256, hex);
}

static void test_attach_wrong_kind(void **state)
{
	static const struct {
		const char *type; /* of the content item */
		const void *bytes;
		size_t size;
		const char *found, *wanted;
	} cases[] = {
		{ "image", wav_bytes, 12, "an audio file (audio/wav)",
		  "allowed: an image" },
		{ "video", png_bytes, 20, "an image (image/png)", "allowed: a video" },
		{ "audio", png_bytes, 20, "an image (image/png)",
		  "allowed: an audio file" },
		{ "image", "hello", 5, "not an image, video or audio file",
		  "allowed: an image" },
		{ "image", "", 0, "not an image, video or audio file",
		  "allowed: an image" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *text = text_format(
			"{\"content\":{\"type\":\"%s_url\",\"%s_url\":{\"url\":\"x\"}}}",
			cases[i].type, cases[i].type);
		AUTOREQUEST *request = parse_good(text);
		AUTOPROBLEM problem = { 0 };
		int fd = file_of(cases[i].bytes, cases[i].size);

		assert_int_equal(request_attach(request, 0, fd, &problem), -EINVAL);
		assert_int_equal(problem.class, PROBLEM_INVALID);
		assert_true(text_starts_with(problem.text, "x is "));
		assert_non_null(strstr(problem.text, cases[i].found));
		assert_non_null(strstr(problem.text, cases[i].wanted));
	}
}

/*
 * A directory cannot be read: the error is returned, and the descriptor is still taken.
 */
static void test_attach_unreadable(void **state)
{
	AUTOREQUEST *request = parse_good("{}");
	AUTOPROBLEM problem = { 0 };
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(request_add_input(request, ROLE_FIRST_FRAME, "cat.png"), 0);
	assert_int_equal(request_attach(request, 0, fd, &problem), -EISDIR);
	request_destroy(TAKE(request));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_prompts),
		cmocka_unit_test(test_good_content),
		cmocka_unit_test(test_good_languages),
		cmocka_unit_test(test_good_flags),
		cmocka_unit_test(test_bad_languages),
		cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_good_parameters),
		cmocka_unit_test(test_null_is_left_out),
		cmocka_unit_test(test_description_hides_data),
		cmocka_unit_test(test_bad_prompts),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_bad_content),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_params_by_key),
		cmocka_unit_test(test_inputs_by_name),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_attach_any_media),
		cmocka_unit_test(test_attach_tells_dimensions),
		cmocka_unit_test(test_attach_long_file),
		cmocka_unit_test(test_attach_wrong_kind),
		cmocka_unit_test(test_attach_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
