/*
 * backend/models/fit.h: fixtures/fit contains requests, the services that get them, and
 * the results: the fitted request, and for the samples of the services' pages the bytes
 * that are sent.
 */
#include "tests/unit/backend/models/fit_trial.h"

#include <inttypes.h>

/* Files need no bytes: only the facts read from them count. */
static void attach(struct request *request, const struct json *files)
{
	for (size_t i = 0; i < request->content_count; i++) {
		struct request_content *item = &request->content[i];
		const struct json *file = item->path ? json_get(files, item->path) : NULL;

		if (!file)
			continue;
		item->file.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		item->file.mime = json_get_string(file, "type");
		item->file.size = (uint64_t)number_of(file, "bytes", 1000);
		item->file.width = (unsigned)number_of(file, "width", 0);
		item->file.height = (unsigned)number_of(file, "height", 0);
	}
}

/* Adds inputs recognised by their names: {"first_frame.png": "first_frame"} */
static void add_inputs(struct request *request, const struct json *inputs)
{
	for (const struct json *item = json_first(inputs); item; item = json_next(item)) {
		const char *role = json_string(item);
		enum request_role given = !strcmp(role, "first_frame")	? ROLE_FIRST_FRAME
					  : !strcmp(role, "last_frame") ? ROLE_LAST_FRAME
									: ROLE_REFERENCE;

		assert_int_equal(request_add_input(request, given, json_key(item)), 0);
	}
}

/* Sets the paths that refer to other tasks' outputs. */
static void set_shots(struct request *request, const struct json *shots)
{
	for (size_t i = 0; i < request->content_count; i++) {
		const char *path = request->content[i].path;

		for (const struct json *shot = json_first(shots); shot && path;
		     shot = json_next(shot))
			if (!strcmp(json_string(shot), path))
				request->content[i].shot.number = 7;
	}
}

/* Sets which parameters came from a defaults.json. */
static void set_sources(struct request *request, const struct json *defaults)
{
	for (const struct json *key = json_first(defaults); key; key = json_next(key))
		for (int i = 0; i < PARAM_COUNT; i++)
			if (!strcmp(request_param_key((enum request_param)i),
				    json_string(key)))
				request->params[i].source = strdup("defaults.json");
}

/* Prepares the request as it is before fit_request(). */
static void trial_prepare(struct trial *trial, const struct json *test,
			  const char *service)
{
	const struct json *request = json_get(test, "request");
	const char *prompt = json_get_string(test, "prompt.txt");
	AUTOFREE char *text = prompt ? strdup(prompt) : text_of(request);

	trial_begin(trial, service);
	if (json_get(test, "base_url"))
		trial->endpoint.base_url = json_get_string(test, "base_url");
	trial->endpoint.model = json_get_string(test, "section_model");
	trial->endpoint.callback_url = json_get_string(test, "section_callback_url");
	trial_parse(trial, prompt ? "prompt.txt" : "request.json", text);
	if (trial->r)
		return;
	add_inputs(trial->request, json_get(test, "inputs"));
	attach(trial->request, json_get(test, "files"));
	set_shots(trial->request, json_get(test, "shots"));
	set_sources(trial->request, json_get(test, "from_defaults"));
}

static void trial_run(struct trial *trial, const struct json *test, const char *service)
{
	trial_prepare(trial, test, service);
	trial_fit(trial);
}

static void check_param(const char *name, const struct json *described, const char *key,
			const struct json *wanted)
{
	AUTOFREE char *found = json_print(json_get(described, key));
	AUTOFREE char *expected = json_is_null(wanted) ? NULL : json_print(wanted);

	expect_text(name, key, json_get(described, key) ? found : NULL, expected);
}

/*
 * `params` lists all parameters that are set; `has` lists some of them (null: not set).
 */
static void check_params(const char *name, const struct json *test,
			 const struct json *described)
{
	const struct json *all = json_get(test, "params"), *some = json_get(test, "has");

	for (int i = 0; i < PARAM_COUNT && all; i++) {
		const char *key = request_param_key((enum request_param)i);

		check_param(name, described, key, json_get(all, key));
	}
	for (const struct json *item = json_first(some); item; item = json_next(item))
		check_param(name, described, json_key(item), item);
}

static void check_roles(const char *name, const struct json *test,
			const struct request *request)
{
	static const char *const words[] = { "", "first_frame", "last_frame",
					     "reference" };
	AUTOBUFFER found = BUFFER_INIT(1000);

	if (!json_get(test, "roles"))
		return;
	for (size_t i = 0; i < request->content_count; i++)
		buffer_addf(&found, "%s%s", i ? " " : "",
			    words[request->content[i].role]);
	expect_text(name, "roles", found.data, json_get_string(test, "roles"));
}

/* Fitting a request twice changes nothing further. */
static void check_twice(const char *name, struct trial *trial)
{
	AUTOFREE char *before = request_describe(trial->request);
	AUTOFREE char *note = text_dup(trial->request->note);
	AUTOFREE char *after = NULL;

	trial_fit(trial);
	if (trial->r) {
		FAIL_CASE("%s: refused the second time: %s", name, trial->problem.text);
		return;
	}
	after = request_describe(trial->request);
	expect_text(name, "the request fitted twice", after, before);
	expect_text(name, "the note of a second time", trial->request->note, note);
}

static void check_fitted(const char *name, const struct json *test, struct trial *trial)
{
	AUTOFREE char *text = request_describe(trial->request);
	const struct json *note = json_get(test, "note");
	AUTOJSON *described = NULL;

	assert_int_equal(json_parse(text, strlen(text), &described, NULL), 0);
	if (json_get(test, "model"))
		expect_text(name, "model", trial->request->model,
			    json_get_string(test, "model"));
	check_params(name, test, described);
	check_roles(name, test, trial->request);
	if (json_is_null(note) && trial->request->note && !flag_of(test, "any_note"))
		FAIL_CASE("%s: an unexpected note: %s", name, trial->request->note);
	expect_words(name, trial->request->note, note);
	check_twice(name, trial);
}

static void check_refused(const char *name, const struct json *words,
			  const struct trial *trial)
{
	const char *text = trial->problem.text;

	if (trial->r != -EINVAL) {
		FAIL_CASE("%s: %d; must be refused", name, trial->r);
		return;
	}
	if (trial->problem.class != PROBLEM_INVALID || !text || strchr(text, '\n') ||
	    strstr(text, "(null)") || !strchr(text, ':'))
		FAIL_CASE("%s: the problem is \"%s\"", name, text ? text : "(none)");
	if (trial->request && trial->request->note)
		FAIL_CASE("%s: it has the note \"%s\"", name, trial->request->note);
	expect_words(name, text, words);
}

/* A request that is accepted must also pass the check beforehand. */
static void check_judged(const char *name, const struct json *test, const char *service)
{
	AUTOTRIAL trial = { 0 };

	trial_prepare(&trial, test, service);
	if (trial.r || fit_judge(models, trial.provider, &trial.endpoint, trial.request,
				 &trial.problem))
		FAIL_CASE("%s: refused beforehand: %s", name, trial.problem.text);
}

static void check_at(const char *name, const struct json *test, const char *service)
{
	const struct json *problem = json_get(test, "problem");
	AUTOFREE char *where = text_format("%s (%s at %s)", name,
					   json_get_string(test, "what"), service);
	AUTOTRIAL trial = { 0 };

	trial_run(&trial, test, service);
	if (problem)
		check_refused(where, problem, &trial);
	else if (trial.r)
		FAIL_CASE("%s: refused: %s", where, trial.problem.text);
	else
		check_fitted(where, test, &trial);
	if (!problem)
		check_judged(where, test, service);
}

/* `service` is one name or a list. */
static void each_service(const char *name, const struct json *test,
			 void (*check)(const char *name, const struct json *test,
				       const char *service))
{
	const struct json *service = json_get(test, "service");

	if (!json_is_array(service)) {
		check(name, test, json_string(service));
		return;
	}
	for (const struct json *item = json_first(service); item; item = json_next(item))
		check(name, test, json_string(item));
}

static void check_case(const char *name, const struct json *test)
{
	each_service(name, test, check_at);
}

static void test_models_and_names(void **state)
{
	walk_file("fit/models.json", 20, check_case);
}

static void test_parameters(void **state)
{
	walk_file("fit/parameters.json", 60, check_case);
}

static void test_content(void **state)
{
	walk_file("fit/content.json", 40, check_case);
}

static void test_media(void **state)
{
	walk_file("fit/media.json", 30, check_case);
}

static void test_drafts(void **state)
{
	walk_file("fit/drafts.json", 15, check_case);
}

/* The samples from the services' own pages. */
static void test_samples(void **state)
{
	walk_file("fit/samples.json", 80, check_case);
}

/* --- checks beforehand --- */

static void expect_judged(const char *service, const char *text, const char *word)
{
	AUTOTRIAL trial = { 0 };
	int r;

	trial_begin(&trial, service);
	trial_parse(&trial, "request.json", text);
	assert_int_equal(trial.r, 0);
	r = fit_judge(models, trial.provider, &trial.endpoint, trial.request,
		      &trial.problem);
	if (r != (word ? -EINVAL : 0) || !word != !trial.problem.text ||
	    (word && !strstr(trial.problem.text, word)))
		FAIL_CASE("%s at %s: %d, %s", text, service, r,
			  trial.problem.text ? trial.problem.text : "no problem");
}

static void test_judged(void **state)
{
	expect_judged("ark", "{\"duration\": 99}", "\"duration\" is 99; allowed");
	expect_judged("ark", "{\"duration\": 30}", NULL); /* another model supports it */
	expect_judged("ark", "{\"duration\": 30, \"model\": \"seedance-1.0-pro\"}", "30");
	expect_judged("ark", "{\"duration\": 99, \"model\": \"ep-2026-abcde\"}", NULL);
	expect_judged("xhuo", "{\"model\": \"seedance-2.5\"}", "is not available at");
	/* Parameters that fitting drops are not judged. */
	expect_judged(
		"ark",
		"{\"model\": \"seedance-1.0-pro\", \"frames\": 121, \"duration\": 15}",
		NULL);
	expect_judged("ark",
		      "{\"model\": \"seedance-1.5-pro\", \"resolution\": \"720p\", "
		      "\"content\": [{\"type\": \"draft_task\", \"draft_task\": {\"id\": "
		      "\"../draft\"}}]}",
		      NULL);
	expect_judged("comet", "{\"seed\": 7}", NULL); /* rejected only later */
	/* It depends on the content, which is still missing. */
	expect_judged("ark",
		      "{\"model\": \"seedance-2.5\", \"duration\": -1, \"ratio\": "
		      "\"adaptive\", \"omni_reference_task_type\": \"edit\"}",
		      NULL);
}

/* --- the bytes that are sent --- */

/* The body as text. A file in it becomes "[base64 of 1000 bytes]". */
static char *body_of(const struct http_request *http)
{
	AUTOBUFFER body = BUFFER_INIT(FILE_CEILING);

	for (size_t i = 0; i < http->piece_count; i++) {
		const struct http_piece *piece = &http->pieces[i];

		if (piece->text)
			buffer_append(&body, piece->text, piece->text_size);
		else
			buffer_addf(&body, "[%s%" PRIu64 " bytes]",
				    piece->is_base64 ? "base64 of " : "",
				    piece->file_size);
	}
	assert_int_equal(buffer_error(&body), 0);
	return buffer_take(&body);
}

/* A form as a list of its parts, without the lines that all parts share. */
static struct json *parts_of(const char *form, const char *boundary)
{
	static const char begin[] = "\r\nContent-Disposition: form-data; ";
	AUTOFREE char *mark = text_format("--%s", boundary);
	struct json *list = json_new_array();

	while (text_starts_with(form, mark) &&
	       text_starts_with(form + strlen(mark), begin)) {
		const char *part = form + strlen(mark) + strlen(begin);
		const char *end = strstr(part, mark);
		AUTOFREE char *text = NULL;
		AUTOJSON *holder = json_new_object();

		assert_true(end && end - part > 2 && !memcmp(end - 2, "\r\n", 2));
		text = strndup(part, (size_t)(end - 2 - part));
		assert_int_equal(json_put_string(holder, "part", text), 0);
		assert_int_equal(json_push(list, json_copy(json_get(holder, "part"))), 0);
		form = end;
	}
	assert_true(text_starts_with(form, mark));
	assert_string_equal(form + strlen(mark), "--\r\n");
	return list;
}

/* {"method", "url", "body" or "parts"} */
static char *describe_http(const struct http_request *http)
{
	static const char form[] = "Content-Type: multipart/form-data; boundary=";
	AUTOFREE char *body = body_of(http);
	AUTOJSON *out = json_new_object();
	struct json *tree = NULL;

	assert_int_equal(json_put_string(out, "method", http->method), 0);
	assert_int_equal(json_put_string(out, "url", http->url), 0);
	for (size_t i = 0; i < http->header_count; i++)
		if (text_starts_with(http->headers[i], form)) {
			tree = parts_of(body, http->headers[i] + strlen(form));
			assert_int_equal(json_put(out, "parts", tree), 0);
			return json_print(out);
		}
	assert_int_equal(json_parse(body, strlen(body), &tree, NULL), 0);
	assert_int_equal(json_put(out, "body", tree), 0);
	return json_print(out);
}

static void check_http(const char *name, const struct json *wanted,
		       const struct trial *trial)
{
	AUTOFREE char *expected = wanted ? json_print(wanted) : NULL;
	AUTOFREE char *found = NULL;
	AUTOPROBLEM problem = { 0 };
	struct http_request http = { 0 };

	if (trial->provider->build_create(trial->request, &trial->endpoint, &http,
					  &problem)) {
		FAIL_CASE("%s: not built: %s", name, problem.text);
	} else {
		found = describe_http(&http);
		expect_text(name, "what is sent", found, expected);
	}
	http_request_clear(&http);
}

/* The same with the real services' addresses, including the bytes that are sent. */
static void check_sent_at(const char *name, const struct json *test, const char *service)
{
	const struct json *problem = json_get(test, "problem");
	AUTOFREE char *where = text_format("%s (%s at %s)", name,
					   json_get_string(test, "what"), service);
	AUTOTRIAL trial = { 0 };

	trial_prepare(&trial, test, service);
	trial.provider = provider_find(trial.provider->type);
	if (strcmp(service, "byteplus"))
		trial.endpoint.base_url = trial.provider->default_base_url
						  ? trial.provider->default_base_url
						  : "https://example.com";
	trial_fit(&trial);
	if (problem)
		check_refused(where, problem, &trial);
	else if (trial.r)
		FAIL_CASE("%s: refused: %s", where, trial.problem.text);
	else
		check_http(where, json_get(json_get(test, "http"), service), &trial);
}

static void check_sent(const char *name, const struct json *test)
{
	each_service(name, test, check_sent_at);
}

static void test_sent_samples(void **state)
{
	walk_file("fit/samples.json", 80, check_sent);
}

static void test_gives_last_frame(void **state)
{
	static const struct {
		const char *service, *described;
		bool gives;
	} cases[] = {
		{ "ark", "{\"content\":[]}", true },
		{ "ark", "{\"return_last_frame\":true}", true },
		{ "ark", "{\"return_last_frame\":false}", false },
		{ "ark", "{\"draft\":true}", false },
		{ "ark", "{\"draft\":false}", true },
		{ "ark", "{\"extra\":{\"draft\":true}}", false },
		{ "ark", "{\"extra\":{\"return_last_frame\":false}}", false },
		{ "ark",
		  "{\"return_last_frame\":true,\"extra\":{\"return_last_frame\":false}}",
		  false },
		{ "ark", NULL, true },
		{ "ark", "", true },
		{ "createtask", "{\"draft\":true,\"return_last_frame\":true}", true },
		{ "xhuo", "{}", true },
		{ "acedata", "{\"return_last_frame\":true}", true },
		{ "comet", "{\"return_last_frame\":true}", false },
		{ "senseaudio", "{}", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(fit_gives_last_frame(find_provider(cases[i].service),
						      cases[i].described),
				 cases[i].gives);
}

static void test_makes_draft(void **state)
{
	assert_true(fit_makes_draft("{\"draft\":true}"));
	assert_true(fit_makes_draft("{\"extra\":{\"draft\":true}}"));
	assert_false(fit_makes_draft("{\"draft\":true,\"extra\":{\"draft\":false}}"));
	assert_false(fit_makes_draft("{\"draft\":false}"));
	assert_false(fit_makes_draft("{\"content\":[]}"));
	assert_false(fit_makes_draft(""));
	assert_false(fit_makes_draft(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_models_and_names),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_judged),
		cmocka_unit_test(test_sent_samples),
		cmocka_unit_test(test_gives_last_frame),
		cmocka_unit_test(test_makes_draft),
	};

	return cmocka_run_group_tests(tests, set_up_models, tear_down_models);
}
