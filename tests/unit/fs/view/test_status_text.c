/* fs/view/status_text.h: what a user reads about a task. */
#include "tests/unit/backend/tasks/sample_views.h"

#include "fs/view/status_text.h"

#include <time.h>

/* Makes the texts independent of the machine's time zone. */
static int set_time_zone(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

#define NOW_MS INT64_C(1743414700000)

static void expect_status(struct task_view *view, const struct status_facts *facts,
			  const char *wanted)
{
	AUTOFREE char *text = status_text_render(view, facts);

	assert_non_null(text);
	assert_string_equal(text, wanted);
	task_view_unref(view);
}

static void test_pending(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS, .waiting = "quiet: 2 s" };
	struct task_view *view = view_in(TASK_PENDING);

	task_set_text(view, &view->waiting, "the view's own");
	expect_status(view, &facts,
		      "pending\nsince: 2025-03-31 09:50:19\nwaiting: quiet: 2 s\n");
	view = view_in(TASK_PENDING);
	task_set_text(view, &view->waiting, "the view's own");
	facts.waiting = NULL;
	expect_status(view, &facts,
		      "pending\nsince: 2025-03-31 09:50:19\nwaiting: the view's own\n");
}

/* The remains of an earlier attempt do not appear in a pending task's text. */
static void test_pending_again(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS };
	struct task_view *view = sent_view(TASK_PENDING);

	problem_set(&view->problem, PROBLEM_SERVER, "old");
	expect_status(view, &facts, "pending\nsince: 2025-03-31 09:50:19\n");
}

static void test_running(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS };
	struct task_view *view = sent_view(TASK_RUNNING);

	view->progress = 42;
	expect_status(view, &facts,
		      "running\nprovider: ark\nmodel: m-1\ntask: cgt-1\nprogress: 42%\n"
		      "since: 2025-03-31 09:50:19\ntried: 2025-03-31 09:51:29\n"
		      "next: 2025-03-31 09:51:50\n");
	view = sent_view(TASK_QUEUED);
	view->next_ms = NOW_MS - 1; /* already due */
	expect_status(view, &facts,
		      "queued\nprovider: ark\nmodel: m-1\ntask: cgt-1\n"
		      "since: 2025-03-31 09:50:19\ntried: 2025-03-31 09:51:29\n");
}

static void test_progress_is_bounded(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS };
	struct task_view *view = sent_view(TASK_RUNNING);
	AUTOFREE char *text = NULL;

	view->progress = 1000;
	text = status_text_render(view, &facts);
	assert_non_null(strstr(text, "\nprogress: 100%\n"));
	task_view_unref(view);
}

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

static void test_succeeded(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS,
				      .kept_percent = 50,
				      .prefetch_begins_ms = 1743457819000,
				      .link_expires_s = 1743501019 };

	expect_status(succeeded_view(1024), &facts,
		      "succeeded\nprovider: ark\nmodel: m-1\ntask: cgt-1\n"
		      "since: 2025-03-31 09:50:19\ntried: 2025-03-31 09:51:29\n"
		      "next: 2025-03-31 21:50:19\nkept: 50%\n"
		      "link expires: 2025-04-01 09:50:19\n");
}

static void test_link_that_does_not_tell(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS,
				      .link_expires_s = 1743501019,
				      .link_expires_is_guess = true };
	struct task_view *view = succeeded_view(1024);
	AUTOFREE char *text = status_text_render(view, &facts);

	assert_non_null(
		strstr(text, "\nlink expires: about 2025-04-01 09:50 (estimated)\n"));
	task_view_unref(view);
}

static void test_kept(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS, .kept_percent = 100 };
	struct task_view *view = succeeded_view(1000);
	AUTOFREE char *text = status_text_render(view, &facts), *none = NULL;

	assert_non_null(strstr(text, "\nkept: 100%\n"));
	view->outputs[OUTPUT_VIDEO].is_ready = false;
	none = status_text_render(view, &facts);
	assert_null(strstr(none, "kept"));
	task_view_unref(view);
}

static void test_failed(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS };
	struct task_view *view = sent_view(TASK_FAILED);

	problem_set_from_service(&view->problem, PROBLEM_MODERATION, "Code", "no\ncats");
	task_set_text(view, &view->note, "n");
	expect_status(view, &facts,
		      "failed\nprovider: ark\nmodel: m-1\ntask: cgt-1\n"
		      "since: 2025-03-31 09:50:19\ntried: 2025-03-31 09:51:29\n"
		      "note: the service says: \"no cats\"\nnote: n\n");
}

static void test_simulated(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS, .is_simulated = true };
	struct task_view *view = sent_view(TASK_QUEUED);
	AUTOFREE char *text = status_text_render(view, &facts);

	assert_non_null(strstr(text, "\nprovider: ark (simulator)\n"));
	assert_non_null(strstr(text, "\nnote: simulated: "));
	task_view_unref(view);
}

static void test_first_line_is_the_state(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS };

	for (int i = TASK_PENDING; i <= TASK_UNKNOWN; i++) {
		struct task_view *view = sent_view((enum task_state)i);
		AUTOFREE char *text = status_text_render(view, &facts);
		AUTOFREE char *line = strndup(text, strcspn(text, "\n"));

		assert_string_equal(line, task_state_word((enum task_state)i));
		task_view_unref(view);
	}
}

/* --- texts from outside --- */

/* One line per key: a text from outside cannot create lines. */
static void expect_clean_lines(const char *text, bool has_keys)
{
	const char *line = strchr(text, '\n') + 1;

	assert_true(strlen(text) <= 4096);
	assert_true(text_is_utf8(text, strlen(text)));
	assert_true(text_ends_with(text, "\n"));
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
	for (; has_keys && *line; line = strchr(line, '\n') + 1) {
		const char *colon = strstr(line, ": ");

		assert_true(colon && colon < strchr(line, '\n'));
		assert_true(strspn(line, "abcdefghijklmnopqrstuvwxyz ") ==
			    (size_t)(colon - line));
	}
}

static void test_hostile_status(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		AUTOFREE char *text = repeat(hostile[i], 20000);

		for (int j = TASK_PENDING; j <= TASK_UNKNOWN; j++) {
			struct status_facts facts = { .now_ms = NOW_MS,
						      .is_simulated = true };
			struct task_view *view = hostile_view((enum task_state)j, text);
			AUTOFREE char *status = status_text_render(view, &facts);

			assert_non_null(status);
			expect_clean_lines(status, true);
			task_view_unref(view);
		}
	}
}

static void test_hostile_error(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		AUTOFREE char *text = repeat(hostile[i], 20000);
		struct task_view *view = hostile_view(TASK_FAILED, text);
		AUTOFREE char *error = error_text_render(view);

		assert_non_null(error);
		expect_clean_lines(error, false);
		task_view_unref(view);
	}
}

/* Even a problem with unclean text (from an edited ledger) can be shown. */
static void test_unclean_problem(void **state)
{
	struct task_view *view = sent_view(TASK_FAILED);
	AUTOFREE char *text = repeat("x\n\x1b[31m", 5000);
	AUTOFREE char *error = NULL;

	view->problem.class = PROBLEM_SERVER;
	task_set_text(view, &view->problem.text, text);
	error = error_text_render(view);
	task_view_unref(view);
	assert_non_null(error);
	expect_clean_lines(error, false);
}

/* Signed links appear only in task.json. */
static void test_no_signed_link(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS };
	struct task_view *view = succeeded_view(10);
	AUTOFREE char *status = NULL;
	AUTOFREE char *error = NULL;

	task_set_text(view, &view->answer,
		      "{\"u\":\"https://h/v.mp4?X-Tos-Signature=secret\"}");
	problem_set(&view->problem, PROBLEM_SERVER, "its video cannot be had");
	status = status_text_render(view, &facts);
	error = error_text_render(view);
	task_view_unref(view);
	assert_null(strstr(status, "secret"));
	assert_null(strstr(error, "secret"));
}

/* A service's own message must not reveal a signed link, either. */
static void test_no_signed_link_in_a_message(void **state)
{
	struct status_facts facts = { .now_ms = NOW_MS };
	struct task_view *view = sent_view(TASK_FAILED);
	AUTOFREE char *status = NULL;
	AUTOFREE char *error = NULL;

	problem_set_from_service(
		&view->problem, PROBLEM_SERVER, "Timeout",
		"cannot store https://h/v.mp4?X-Tos-Expires=1&X-Tos-Signature=secret");
	status = status_text_render(view, &facts);
	error = error_text_render(view);
	task_view_unref(view);
	assert_null(strstr(status, "secret"));
	assert_null(strstr(error, "secret"));
}

/* --- error.txt --- */

static void test_has_error(void **state)
{
	for (int i = TASK_PENDING; i <= TASK_UNKNOWN; i++) {
		struct task_view *view = sent_view((enum task_state)i);
		bool is_over = i >= TASK_SUCCEEDED;

		assert_false(error_text_exists(view));
		problem_set(&view->problem, PROBLEM_NETWORK, "x");
		assert_int_equal(error_text_exists(view), is_over);
		task_view_unref(view);
	}
}

static void test_error_text(void **state)
{
	struct task_view *view = sent_view(TASK_INVALID);
	AUTOFREE char *text = NULL;
	AUTOFREE char *wanted =
		text_format("This request was rejected; nothing was billed.\n\n"
			    "the service says: \"no\"\ncode: InvalidParameter\n\n"
			    "What to do: %s\n",
			    problem_advice(PROBLEM_INVALID));

	problem_set_from_service(&view->problem, PROBLEM_INVALID, "InvalidParameter",
				 "no");
	text = error_text_render(view);
	task_view_unref(view);
	assert_string_equal(text, wanted);
}

static void test_error_of_each_state(void **state)
{
	for (int i = TASK_PENDING; i <= TASK_UNKNOWN; i++) {
		struct task_view *view = sent_view((enum task_state)i);
		AUTOFREE char *text = NULL;

		problem_set(&view->problem, PROBLEM_SERVER, "why");
		text = error_text_render(view);
		assert_non_null(strstr(text, "\n\nwhy\n"));
		assert_non_null(strstr(text, "\nWhat to do: "));
		assert_true(*text != '\n' && !strstr(text, "(null)"));
		task_view_unref(view);
	}
}

/* "retry" is refused once a task has succeeded, so a lost video needs other advice. */
static void test_advice_for_a_lost_video(void **state)
{
	struct task_view *view = sent_view(TASK_SUCCEEDED);
	AUTOFREE char *text = NULL;

	problem_set(&view->problem, PROBLEM_SERVER, "why");
	text = error_text_render(view);
	assert_non_null(strstr(text, "\nWhat to do: Write \"fetch\" to status"));
	assert_null(strstr(text, "\"retry\""));
	task_view_unref(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pending),
		cmocka_unit_test(test_pending_again),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_progress_is_bounded),
		cmocka_unit_test(test_succeeded),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_link_that_does_not_tell),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_simulated),
		cmocka_unit_test(test_first_line_is_the_state),
		cmocka_unit_test(test_hostile_status),
		cmocka_unit_test(test_hostile_error),
		cmocka_unit_test(test_unclean_problem),
		cmocka_unit_test(test_no_signed_link),
		cmocka_unit_test(test_no_signed_link_in_a_message),
		cmocka_unit_test(test_has_error),
		cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_error_of_each_state),
		cmocka_unit_test(test_advice_for_a_lost_video),
	};

	return cmocka_run_group_tests(tests, set_time_zone, NULL);
}
