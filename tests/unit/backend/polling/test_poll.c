/*
 * What following makes of answers: failures that may be none, and answers that never tell
 * of an end. The backend's thread is not started; this one stands for it.
 */
#include "tests/unit/backend/sample_backend.h"

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

/* A running task that is followed. */
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
	task_enter(view, TASK_RUNNING);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
