/* backend/tasks/task_json.h: what a program reads about a task. */
#include "tests/unit/backend/tasks/sample_views.h"

#include "backend/tasks/task_json.h"

static struct task_view *succeeded_view(uint64_t size)
{
	struct task_view *view = sent_view(TASK_SUCCEEDED);

	view->progress = 100;
	view->outputs[OUTPUT_VIDEO].is_ready = true;
	view->outputs[OUTPUT_VIDEO].size = size;
	task_set_text(view, &view->outputs[OUTPUT_VIDEO].url,
		      "https://example.com/a.mp4?X-Tos-Signature=secret");
	return view;
}

static struct json *json_of(struct task_view *view)
{
	const struct task_facts facts = { .waiting = "it settles",
					  .kept_percent = 43,
					  .link_expires_s = 1743501019 };
	AUTOFREE char *text = task_json(view, &facts);
	struct json *tree = NULL;

	assert_non_null(text);
	assert_true(text_ends_with(text, "}\n"));
	assert_int_equal(json_parse(text, strlen(text), &tree, NULL), 0);
	task_view_unref(view);
	return tree;
}

static void test_task_json(void **state)
{
	struct task_view *view = succeeded_view(1024);
	AUTOJSON *tree = NULL;

	task_set_text(view, &view->usage, "{\"total_tokens\":5}");
	task_set_text(view, &view->request, "{\"content\":[]}");
	task_set_text(view, &view->answer, "not JSON");
	tree = json_of(view);
	assert_string_equal(json_get_string(tree, "state"), "succeeded");
	assert_string_equal(json_get_string(tree, "provider"), "ark");
	assert_string_equal(json_get_string(tree, "task"), "cgt-1");
	assert_string_equal(json_get_string(tree, "since"), "2025-03-31T09:50:19Z");
	assert_int_equal(number_of(tree, "number", 0), 7);
	assert_int_equal(number_of(json_get(tree, "usage"), "total_tokens", 0), 5);
	assert_int_equal(number_of(json_get(tree, "video"), "bytes", 0), 1024);
	assert_string_equal(json_get_string(json_get(tree, "video"), "url"),
			    "https://example.com/a.mp4?X-Tos-Signature=secret");
	assert_true(json_is_object(json_get(tree, "request")));
	assert_null(json_get(tree, "answer"));
	assert_null(json_get(tree, "error"));
	assert_null(json_get(tree, "last_frame"));
	assert_int_equal(number_of(tree, "kept", 0), 43);
	assert_string_equal(json_get_string(tree, "link_expires"),
			    "2025-04-01T09:50:19Z");
	assert_string_equal(json_get_string(tree, "waiting"), "it settles");
}

static void test_link_that_does_not_tell(void **state)
{
	const struct task_facts facts = { .link_expires_s = 1743501019,
					  .link_expires_is_guess = true };
	struct task_view *view = succeeded_view(1024);
	AUTOFREE char *text = task_json(view, &facts);

	assert_non_null(strstr(text, "\"link_expires_about\""));
	assert_null(strstr(text, "\"link_expires\""));
	task_view_unref(view);
}

static void test_next(void **state)
{
	struct task_view *view = sent_view(TASK_RUNNING);
	AUTOJSON *tree = NULL;

	view->next_ms = INT64_C(1743501019000);
	tree = json_of(view);
	assert_string_equal(json_get_string(tree, "next"), "2025-04-01T09:50:19Z");
	assert_null(json_get(tree, "kept"));
	assert_null(json_get(tree, "link_expires"));
}

static void test_task_json_of_each_state(void **state)
{
	for (int i = TASK_PENDING; i <= TASK_UNKNOWN; i++) {
		struct task_view *view = view_in((enum task_state)i);
		AUTOJSON *tree = NULL;

		problem_set_from_service(&view->problem, PROBLEM_AUTH, "C", "m \"q\"");
		tree = json_of(view);
		assert_string_equal(json_get_string(tree, "state"),
				    task_state_word((enum task_state)i));
		assert_string_equal(json_get_string(json_get(tree, "error"), "class"),
				    "auth");
		assert_string_equal(json_get_string(json_get(tree, "error"), "code"),
				    "C");
	}
}

static void test_hostile_task_json(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		AUTOFREE char *raw = repeat(hostile[i], 100);
		AUTOFREE char *text = text_clean(raw, 1000);
		AUTOJSON *tree = json_of(hostile_view(TASK_FAILED, text));

		assert_true(json_is_object(tree));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task_json),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_link_that_does_not_tell),
		cmocka_unit_test(test_task_json_of_each_state),
		cmocka_unit_test(test_hostile_task_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
