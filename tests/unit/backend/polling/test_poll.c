/*
 * How polling handles answers: failures that may be temporary, and answers that never
 * report an end. The backend's thread is not started; the test's thread does its work.
 */
#include "tests/unit/backend/sample_backend.h"
#include "tests/unit/failing_memory.h"

#include "backend/polling/poll_internal.h"

#include "backend/backend.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/core/note.h"
#include "backend/core/section.h"
#include "backend/media/size_probe.h"

#define DAY_MS INT64_C(86400000)

static uint64_t number;

/* Creates a running task that is polled. */
static int follow(void)
{
	const struct provider_section *section = config_section(config, NULL);
	struct task_place place = { (char[]){ "cat" }, 1, 2 };
	struct task_view *view;
	int r = backend_task_reserve(backend, &number);

	if (!r)
		r = backend_task_add(backend, number, &place);
	view = r ? NULL : tasks_begin(backend->tasks, number);
	if (!view)
		return r ? r : -ENOMEM;
	task_set_text(view, &view->provider, section->name);
	task_set_text(view, &view->endpoint, section_endpoint_name(section));
	task_set_text(view, &view->key_name, section->key_name);
	task_set_text(view, &view->remote_id, "cgt-1");
	view->intent_ms = clock_wall_ms();
	view->state = TASK_RUNNING;
	assert_int_equal(tasks_commit(backend->tasks, view), 0);
	poll_task(backend, number, 0);
	backend->polling->first->section = section;
	return 0;
}

static int set_up(void **state)
{
	int r = set_up_backend(state);

	return r ? r : follow();
}

static void expect(enum task_state wanted, const char *note, const char *problem)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	assert_string_equal(task_state_word(view->state), task_state_word(wanted));
	assert_int_equal(!view->note, !note);
	if (note)
		assert_non_null(strstr(view->note, note));
	assert_int_equal(!view->problem.text, !problem);
	if (problem)
		assert_non_null(strstr(view->problem.text, problem));
}

static void tell(bool is_doubtful, const char *raw_state)
{
	struct observation seen = { .state = TASK_RUNNING,
				    .progress = -1,
				    .is_doubtful = is_doubtful,
				    .raw_state = text_dup(raw_state) };

	if (is_doubtful)
		problem_set(&seen.problem, PROBLEM_SERVER, "upstream hiccup");
	task_poll_observed(backend->polling->first, &seen, 0);
	observation_clear(&seen);
}

static void make_old(int days)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	view->intent_ms = clock_wall_ms() - days * DAY_MS;
	assert_int_equal(tasks_commit(backend->tasks, view), 0);
}

static void test_a_doubtful_failure_counts_the_third_time(void **state)
{
	(void)state;
	tell(true, NULL);
	expect(TASK_RUNNING, "upstream hiccup", NULL);
	tell(true, NULL);
	expect(TASK_RUNNING, "upstream hiccup", NULL);
	tell(true, NULL);
	expect(TASK_FAILED, NULL, "upstream hiccup");
	assert_null(backend->polling->first);
}

static void test_a_doubt_that_is_over_begins_anew(void **state)
{
	(void)state;
	tell(true, NULL);
	tell(true, NULL);
	tell(false, NULL);
	expect(TASK_RUNNING, NULL, NULL);
	tell(true, NULL);
	tell(true, NULL);
	expect(TASK_RUNNING, "upstream hiccup", NULL);
}

static void test_a_doubt_ends_with_success(void **state)
{
	struct observation seen = { .state = TASK_SUCCEEDED, .progress = -1 };
	AUTOVIEW *view = NULL;

	(void)state;
	tell(true, NULL);
	seen.video_url = text_dup("https://example.com/video.mp4");
	task_poll_observed(backend->polling->first, &seen, 0);
	observation_clear(&seen);
	view = tasks_view(backend->tasks, number);
	assert_null(view->note);
	assert_true(size_probe_is_under_way(backend, number));
}

static void test_a_doubt_leaves_other_notes_alone(void **state)
{
	(void)state;
	backend_set_note(backend, number, "asking the service to cancel");
	tell(false, NULL);
	expect(TASK_RUNNING, "asking", NULL);
}

static void test_a_word_that_is_never_known_ends_after_8_days(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		tell(false, "paused");
	expect(TASK_RUNNING, "paused", NULL);
	make_old(9);
	tell(false, NULL);
	for (int i = 0; i < 7; i++)
		tell(false, "paused");
	expect(TASK_RUNNING, "paused", NULL);
	tell(false, "paused");
	expect(TASK_UNKNOWN, NULL, "no final status for 8 days");
	assert_null(backend->polling->first);
}

static void test_failing_answers_end_after_8_days(void **state)
{
	(void)state;
	make_old(9);
	for (int i = 0; i < 7; i++)
		task_poll_failed(backend->polling->first, true, "HTTP status 503", 0);
	expect(TASK_RUNNING, NULL, NULL);
	task_poll_failed(backend->polling->first, true, "HTTP status 503", 0);
	expect(TASK_UNKNOWN, NULL, "HTTP status 503");
}

static void test_a_connection_that_fails_proves_nothing(void **state)
{
	(void)state;
	make_old(90);
	for (int i = 0; i < 10; i++)
		task_poll_failed(backend->polling->first, false, "no connection", 0);
	expect(TASK_RUNNING, NULL, NULL);
}

/* --- each answer is one change --- */

static uint64_t revision(void)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	return view->revision;
}

static struct observation success(void)
{
	return (struct observation){ .state = TASK_SUCCEEDED,
				     .progress = 100,
				     .id = text_dup("cgt-1"),
				     .model = text_dup("m-2"),
				     .usage = text_dup("{\"total_tokens\":5}"),
				     .answer = text_dup("{\"status\":\"succeeded\"}"),
				     .video_url = text_dup("https://h/v"),
				     .last_frame_url = text_dup("https://h/f") };
}

static void expect_success(void)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	assert_int_equal(view->state, TASK_RUNNING);
	assert_true(view->is_finished);
	assert_string_equal(view->remote_id, "cgt-1");
	assert_string_equal(view->model, "m-2");
	assert_string_equal(view->usage, "{\"total_tokens\":5}");
	assert_string_equal(view->answer, "{\"status\":\"succeeded\"}");
	assert_string_equal(view->outputs[OUTPUT_VIDEO].url, "https://h/v");
	assert_string_equal(view->outputs[OUTPUT_LAST_FRAME].url, "https://h/f");
}

static void test_an_answer_is_one_change(void **state)
{
	struct observation seen = success();
	uint64_t before = revision();

	(void)state;
	tell(false, NULL);
	assert_int_equal(revision(), before + 1);
	tell(false, "paused");
	assert_int_equal(revision(), before + 2);
	tell(true, NULL);
	assert_int_equal(revision(), before + 3);
	task_poll_failed(backend->polling->first, true, "HTTP status 503", 0);
	assert_int_equal(revision(), before + 4);
	task_poll_observed(backend->polling->first, &seen, 0);
	assert_int_equal(revision(), before + 5);
	expect_success();
	observation_clear(&seen);
}

static void test_a_cancel_that_cannot_be_is_in_the_same_change(void **state)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	uint64_t before;

	(void)state;
	view->wants_cancel = true;
	assert_int_equal(tasks_commit(backend->tasks, view), 0);
	before = revision();
	tell(false, NULL);
	assert_int_equal(revision(), before + 1);
	expect(TASK_RUNNING, "cannot cancel the task", NULL);
}

static void test_a_task_that_is_gone_is_one_change(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct observation seen = { .state = TASK_UNKNOWN, .progress = -1 };
		uint64_t before = revision();

		problem_set(&seen.problem, PROBLEM_GONE, "no such task");
		task_poll_observed(backend->polling->first, &seen, 0);
		assert_int_equal(revision(), before + 1);
		observation_clear(&seen);
	}
	expect(TASK_UNKNOWN, NULL, "no such task");
}

/* An answer about the previously attached task is ignored. */
static void test_an_answer_about_another_id_is_left_alone(void **state)
{
	struct observation seen = success();
	uint64_t before = revision();

	(void)state;
	free(seen.id);
	seen.id = text_dup("cgt-0");
	task_poll_observed(backend->polling->first, &seen, 0);
	assert_int_equal(revision(), before);
	assert_non_null(backend->polling->first); /* the task is polled again */
	observation_clear(&seen);
}

/* --- contradictions --- */

/* Sets the state that an earlier report left. */
static void put(enum task_state task_state)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	view->state = task_state;
	assert_int_equal(tasks_commit(backend->tasks, view), 0);
}

static void test_running_after_failed_is_unknown(void **state)
{
	(void)state;
	put(TASK_FAILED);
	tell(false, NULL);
	expect(TASK_UNKNOWN, NULL, "\"running\" after \"failed\"");
	assert_null(backend->polling->first);
}

static void test_succeeded_after_cancelled_keeps_all_that_came(void **state)
{
	struct observation seen = success();
	uint64_t before;
	AUTOVIEW *view = NULL;

	(void)state;
	put(TASK_CANCELLED);
	before = revision();
	task_poll_observed(backend->polling->first, &seen, 0);
	observation_clear(&seen);
	assert_int_equal(revision(), before + 1);
	expect(TASK_UNKNOWN, NULL, "\"succeeded\" after \"cancelled\"");
	view = tasks_view(backend->tasks, number);
	assert_string_equal(view->remote_id, "cgt-1");
	assert_string_equal(view->usage, "{\"total_tokens\":5}");
	assert_string_equal(view->outputs[OUTPUT_VIDEO].url, "https://h/v");
	assert_false(size_probe_is_under_way(backend, number));
}

/*
 * The earlier report of success stays valid, for instance after a restart. The task is
 * polled until the sizes are known.
 */
static void test_a_finished_task_is_polled_on_and_never_cancelled(void **state)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	struct observation seen = success();

	(void)state;
	view->is_finished = view->wants_cancel = true;
	assert_int_equal(tasks_commit(backend->tasks, view), 0);
	task_poll_failed(backend->polling->first, true, "HTTP status 503", 0);
	assert_non_null(backend->polling->first);
	tell(false, NULL); /* "running" after "succeeded" */
	assert_non_null(backend->polling->first);
	assert_null(backend->polling->first->cancel);
	expect(TASK_RUNNING, NULL, NULL);
	task_poll_observed(backend->polling->first, &seen, 0);
	observation_clear(&seen);
	expect_success();
	expect(TASK_RUNNING, "before it could be cancelled", NULL);
	assert_true(size_probe_is_under_way(backend, number));
}

/* --- without memory --- */

/* Whichever allocation fails: the answer is put down whole or not at all, and a poll or
 * the outputs' sizes follow. */
static void tell_success_at(unsigned long n, bool *ret_failed)
{
	struct observation seen = success();
	AUTOVIEW *before = tasks_view(backend->tasks, number), *after = NULL;

	failing_memory_at(n);
	task_poll_observed(backend->polling->first, &seen, 0);
	*ret_failed = failing_memory_end();
	observation_clear(&seen);
	after = tasks_view(backend->tasks, number);
	if (after->revision != before->revision)
		expect_success();
	else
		assert_ptr_equal(after, before);
	assert_true(*ret_failed || after != before);
	assert_true(backend->polling->first || size_probe_is_under_way(backend, number));
}

static void test_a_success_without_memory_is_told_again(void **state)
{
	bool has_failed = true;

	(void)state;
	for (unsigned long n = 0; has_failed && backend->polling->first; n++)
		tell_success_at(n, &has_failed);
	assert_false(has_failed);
	expect_success();
	assert_true(size_probe_is_under_way(backend, number));
}

static void tell_end_at(unsigned long n)
{
	bool has_failed;
	struct observation seen = { .state = TASK_FAILED,
				    .progress = -1,
				    .id = text_dup("cgt-1"),
				    .usage = text_dup("{}") };

	problem_set_from_service(&seen.problem, PROBLEM_MODERATION, "code", "why");
	failing_memory_at(n);
	task_poll_observed(backend->polling->first, &seen, 0);
	has_failed = failing_memory_end();
	observation_clear(&seen);
	if (backend->polling->first) {
		assert_true(has_failed);
		expect(TASK_RUNNING, NULL, NULL);
	}
}

static void test_an_end_without_memory_is_told_again(void **state)
{
	unsigned long n = 0;
	AUTOVIEW *view = NULL;

	(void)state;
	for (; backend->polling->first; n++)
		tell_end_at(n);
	assert_true(n > 1);
	expect(TASK_FAILED, NULL, "why");
	view = tasks_view(backend->tasks, number);
	assert_string_equal(view->problem.code, "code");
	assert_string_equal(view->usage, "{}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_backend)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_doubtful_failure_counts_the_third_time),
		TEST(test_a_doubt_that_is_over_begins_anew),
		TEST(test_a_doubt_ends_with_success),
		TEST(test_a_doubt_leaves_other_notes_alone),
		TEST(test_a_word_that_is_never_known_ends_after_8_days),
		TEST(test_failing_answers_end_after_8_days),
		TEST(test_a_connection_that_fails_proves_nothing),
		TEST(test_an_answer_is_one_change),
		TEST(test_a_cancel_that_cannot_be_is_in_the_same_change),
		TEST(test_a_task_that_is_gone_is_one_change),
		TEST(test_an_answer_about_another_id_is_left_alone),
		TEST(test_running_after_failed_is_unknown),
		TEST(test_succeeded_after_cancelled_keeps_all_that_came),
		TEST(test_a_finished_task_is_polled_on_and_never_cancelled),
		TEST(test_a_success_without_memory_is_told_again),
		TEST(test_an_end_without_memory_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
