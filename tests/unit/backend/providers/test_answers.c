/*
 * providers/: what each recorded answer means. A case is a file in
 * fixtures/TYPE/{create,query,list,cancel}.
 */
#include "tests/unit/backend/providers/provider_fixture.h"

#include "tests/fuzz/provider_check.h"

static const struct walk creates[] = {
	{ "ark", 70 },	 { "acedata", 45 },    { "xhuo", 8 },
	{ "comet", 25 }, { "createtask", 40 }, { "senseaudio", 25 },
};
static const struct walk queries[] = {
	{ "ark", 70 },	 { "acedata", 55 },    { "xhuo", 6 },
	{ "comet", 25 }, { "createtask", 25 }, { "senseaudio", 22 },
};
static const struct walk lists[] = { { "ark", 8 } };
static const struct walk cancels[] = { { "ark", 14 } };

/* --- expectations --- */

static void expect_problem(const char *name, const struct problem *problem,
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

static void expect_number(const char *name, const char *what, int64_t found,
			  int64_t wanted)
{
	if (found != wanted)
		FAIL_CASE("%s: %s is %lld; expected %lld", name, what, (long long)found,
			  (long long)wanted);
}

static void expect_seen(const char *name, const struct observation *seen,
			const struct json *test)
{
	AUTOFREE char *usage =
		json_get(test, "usage") ? text_of(json_get(test, "usage")) : NULL;

	if (json_get(test, "id"))
		expect_text(name, "id", seen->id, json_get_string(test, "id"));
	expect_text(name, "state", task_state_word(seen->state),
		    json_get_string(test, "state"));
	expect_text(name, "raw state", seen->raw_state,
		    json_get_string(test, "raw_state"));
	expect_text(name, "video", seen->video_url, json_get_string(test, "video_url"));
	expect_text(name, "frame", seen->last_frame_url,
		    json_get_string(test, "last_frame_url"));
	expect_text(name, "model", seen->model, json_get_string(test, "model"));
	expect_text(name, "usage", seen->usage, usage);
	expect_number(name, "progress", seen->progress, number_of(test, "progress", -1));
	if (json_get(test, "created"))
		expect_number(name, "created", seen->created_s,
			      number_of(test, "created", 0));
	if (seen->is_doubtful != flag_of(test, "doubtful"))
		FAIL_CASE("%s: is_doubtful is %d", name, seen->is_doubtful);
	if (problem_is_set(&seen->problem) != (json_get(test, "class") != NULL))
		FAIL_CASE("%s: the problem is \"%s\"", name, seen->problem.text);
	expect_problem(name, &seen->problem, test);
}

/* --- create --- */

static void expect_created(const char *name, const struct observation *seen,
			   const struct json *test)
{
	expect_text(name, "id", seen->id, json_get_string(test, "id"));
	if (json_get(test, "seen")) {
		expect_seen(name, seen, json_get(test, "seen"));
		return;
	}
	expect_text(name, "state", task_state_word(seen->state), "queued");
	expect_text(name, "video", seen->video_url, NULL);
}

static void try_create(const char *name, const struct json *test)
{
	static const char *const words[] = { "accepted", "refused", "ambiguous" };
	struct http_response response = response_of(test);
	struct create_answer answer = { .observation = { .progress = -1 } };

	assert_int_equal(adapter->parse_create(&response, &answer), 0);
	expect_text(name, "result", words[answer.result],
		    json_get_string(test, "result"));
	if (answer.may_repeat != flag_of(test, "may_repeat"))
		FAIL_CASE("%s: may_repeat is %d", name, answer.may_repeat);
	if (answer.result == CREATE_ACCEPTED)
		expect_created(name, &answer.observation, test);
	if (problem_is_set(&answer.problem) != (answer.result != CREATE_ACCEPTED))
		FAIL_CASE("%s: the problem does not fit the result", name);
	expect_problem(name, &answer.problem, test);
	create_answer_clear(&answer);
	http_response_clear(&response);
}

static void test_parse_create(void **state)
{
	walk_adapters(creates, ARRAY_SIZE(creates), "create", try_create);
}

/* --- query and list --- */

/* The expected observations, in the order of the list. */
static void expect_each(const char *name, const struct observations *list,
			const struct json *wanted)
{
	size_t n = 0;

	for (const struct json *item = json_first(wanted); item; item = json_next(item)) {
		AUTOFREE char *place = text_format("%s: seen[%zu]", name, n);

		if (n < list->count)
			expect_seen(place, &list->items[n], item);
		n++;
	}
	expect_number(name, "the number of tasks", (int64_t)list->count, (int64_t)n);
}

static void expect_only(const char *name, const struct observations *list,
			const struct json *test, const char *id)
{
	AUTOFREE char *body = text_of(json_get(test, "body"));
	const struct observation *seen = list->items;

	if (list->count != 1) {
		FAIL_CASE("%s: %zu observations", name, list->count);
		return;
	}
	expect_seen(name, seen, test);
	expect_text(name, "id", seen->id, id);
	if (seen->state != TASK_UNKNOWN)
		expect_text(name, "answer", seen->answer, body);
}

static void try_query(const char *name, const struct json *test)
{
	struct http_response response = response_of(test);
	const char *ids[IDS_MOST];
	size_t count = ids_of(test, ids);
	struct observations list = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = adapter->parse_query(&response, ids, count, &list, &problem);

	expect_number(name, "result", r, number_of(test, "result", 0));
	if (problem_is_set(&problem) != (r != 0) &&
	    problem.class != PROBLEM_GONE) /* about the task, too */
		FAIL_CASE("%s: the problem does not fit the result", name);
	if (r)
		expect_problem(name, &problem, test);
	else if (json_get(test, "seen"))
		expect_each(name, &list, json_get(test, "seen"));
	else
		expect_only(name, &list, test, ids[0]);
	observations_clear(&list);
	http_response_clear(&response);
}

static void test_parse_query(void **state)
{
	walk_adapters(queries, ARRAY_SIZE(queries), "query", try_query);
}

static void try_list(const char *name, const struct json *test)
{
	struct http_response response = response_of(test);
	struct observations list = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = adapter->parse_list(&response, number_of(test, "since", 0), &list,
				    &problem);

	expect_number(name, "result", r, number_of(test, "result", 0));
	expect_problem(name, &problem, test);
	if (!r)
		expect_each(name, &list, json_get(test, "seen"));
	observations_clear(&list);
	http_response_clear(&response);
}

static void test_parse_list(void **state)
{
	walk_adapters(lists, ARRAY_SIZE(lists), "list", try_list);
}

/* --- cancel --- */

static void try_cancel(const char *name, const struct json *test)
{
	struct http_response response = response_of(test);
	AUTOPROBLEM problem = { 0 };
	int r = adapter->parse_cancel(&response, &problem);

	expect_number(name, "result", r, number_of(test, "result", 0));
	if (problem_is_set(&problem) != (r != 0))
		FAIL_CASE("%s: the problem does not fit the result", name);
	expect_problem(name, &problem, test);
	http_response_clear(&response);
}

static void test_parse_cancel(void **state)
{
	walk_adapters(cancels, ARRAY_SIZE(cancels), "cancel", try_cancel);
}

/* --- every parser with every prefix of every answer --- */

static void feed(int status, const char *body, size_t size)
{
	static const char *const ids[] = { "cgt-1", "cgt-2", "cgt-3" };
	struct http_response response = check_response(status, body, size);

	check_create(adapter, &response);
	check_query(adapter, &response, ids, 1);
	if (adapter->query_most >= 3)
		check_query(adapter, &response, ids, 3);
	if (adapter->parse_list)
		check_list(adapter, &response, 1743414619);
	if (adapter->parse_cancel)
		check_cancel(adapter, &response);
	http_response_clear(&response);
}

static void try_truncations(const char *name, const struct json *test)
{
	AUTOFREE char *body = text_of(json_get(test, "body"));

	for (size_t size = 0; size <= strlen(body); size++) {
		feed(200, body, size);
		feed((int)number_of(test, "status", 0), body, size);
	}
}

static void test_truncations(void **state)
{
	walk_adapters(creates, ARRAY_SIZE(creates), "create", try_truncations);
	walk_adapters(queries, ARRAY_SIZE(queries), "query", try_truncations);
	walk_adapters(lists, ARRAY_SIZE(lists), "list", try_truncations);
	walk_adapters(cancels, ARRAY_SIZE(cancels), "cancel", try_truncations);
}

/* --- the table and the common terms --- */

static void test_table(void **state)
{
	static const char *const types[] = { "ark",	   "acedata", "xhuo",
					     "createtask", "comet",   "senseaudio" };
	const struct provider *provider;
	size_t count = 0;

	for (; (provider = provider_at(count)); count++) {
		assert_string_equal(provider->type, types[count]);
		assert_ptr_equal(provider_find(provider->type), provider);
		assert_true(provider->title && provider->default_key_env);
		assert_true(provider->poll_interval_ms > 0 && provider->max_active > 0);
		assert_true(provider->body_max_bytes > 0 && provider->query_most > 0);
		assert_true(provider->params && provider->image);
		assert_true(provider->build_create && provider->parse_create);
		assert_true(provider->build_query && provider->parse_query);
		assert_int_equal(!provider->build_list, !provider->parse_list);
		assert_int_equal(!provider->build_cancel, !provider->parse_cancel);
		assert_true(provider->build_cancel || !provider->can_cancel_queued);
		assert_true(provider->can_cancel_queued || !provider->can_cancel_running);
	}
	assert_int_equal(count, ARRAY_SIZE(types));
	assert_null(provider_find("no such service"));
	assert_null(provider_find("createtask")->default_base_url);
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
		cmocka_unit_test(test_parse_create), cmocka_unit_test(test_parse_query),
		cmocka_unit_test(test_parse_list),   cmocka_unit_test(test_parse_cancel),
		cmocka_unit_test(test_truncations),  cmocka_unit_test(test_table),
		cmocka_unit_test(test_state_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
