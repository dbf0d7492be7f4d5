/*
 * backend/tasks/task.h and backend/tasks/task_table.h without memory: whichever
 * allocation of a change fails, the change is reported as failed, and the task loses no
 * text.
 */
#include "tests/unit/failing_memory.h"
#include "tests/unit/unit.h"

#include "backend/base/log.h"
#include "backend/base/shared.h"
#include "backend/ledger/ledger.h"
#include "backend/tasks/task_table.h"

#define NUMBER 7

static void ignore_wake(void *context)
{
	(void)context;
}

static const struct locked_file files[] = { { (char[]){ "prompt.txt" }, 1, 2 },
					    { (char[]){ "a.png" }, 3, 4 } };

/* Each text depends on `mark`. */
static void fill(struct task_view *view, const char *mark)
{
	const char **const fields[] = {
		&view->provider,
		&view->endpoint,
		&view->key_name,
		&view->model,
		&view->remote_id,
		&view->raw_state,
		&view->waiting,
		&view->request,
		&view->answer,
		&view->usage,
		&view->request_note,
		&view->refused_save.problem,
		&view->note,
		&view->outputs[0].url,
		&view->outputs[0].etag,
		&view->outputs[1].url,
		&view->outputs[1].etag,
	};
	struct task_place place = { mark, 5, 6 };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		task_format_text(view, fields[i], "%s %zu", mark, i);
	task_set_text(view, &view->note, mark);
	task_set_problem(view, PROBLEM_SERVER, "%s", mark);
	task_set_locked(view, files, ARRAY_SIZE(files));
	task_set_place(view, &place);
}

/* Checks that every text set by fill() is present and has this mark. */
static void expect_filled(const struct task_view *view, const char *mark)
{
	const char *const texts[] = {
		view->provider,
		view->endpoint,
		view->key_name,
		view->model,
		view->remote_id,
		view->raw_state,
		view->waiting,
		view->request,
		view->answer,
		view->usage,
		view->request_note,
		view->refused_save.problem,
		NULL,
		view->outputs[0].url,
		view->outputs[0].etag,
		view->outputs[1].url,
		view->outputs[1].etag,
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTOFREE char *wanted = text_format("%s %zu", mark, i);

		if (i != 12) /* the note, which fill() sets again */
			expect_text(mark, "a text", texts[i], wanted);
	}
	expect_text(mark, "note", view->note, mark);
	expect_text(mark, "problem", view->problem.text, mark);
	expect_text(mark, "place", view->place.path, mark);
	assert_int_equal(view->locked_count, ARRAY_SIZE(files));
	expect_text(mark, "locked", view->locked[1].name, "a.png");
	assert_int_equal(view->locked[1].inode, 4);
	expect_no_failed_case();
}

static struct task_view *filled_view(const char *mark)
{
	struct task_view *view = task_view_new(NUMBER);

	fill(view, mark);
	assert_int_equal(view->failure, 0);
	return view;
}

static int set_up(void **state)
{
	struct tasks *tasks;
	int r = tasks_create(ignore_wake, NULL, &tasks);

	*state = tasks;
	return r ? r : tasks_add(tasks, filled_view("old"), false);
}

static int tear_down(void **state)
{
	tasks_destroy(*state);
	return 0;
}

static void test_a_copy_allocates_the_view_alone(void **state)
{
	struct task_view *view = filled_view("old"), *copy;

	(void)state;
	failing_memory_at(1);
	copy = task_view_copy(view);
	assert_false(failing_memory_end());
	assert_non_null(copy);
	expect_filled(copy, "old");
	assert_ptr_equal(copy->remote_id, view->remote_id);
	task_view_unref(view);
	expect_filled(copy, "old"); /* the copy has its own references */
	failing_memory_at(0);
	assert_null(task_view_copy(copy));
	assert_true(failing_memory_end());
	task_view_unref(copy);
}

/* Changes every text; 0 or -ENOMEM. */
static int change(struct tasks *tasks)
{
	struct task_view *view = tasks_begin(tasks, NUMBER);

	if (!view)
		return tasks_begin_error(tasks, NUMBER);
	fill(view, "new");
	return tasks_commit(tasks, view);
}

static void fail_change_at(struct tasks *tasks, unsigned long n,
			   void (*begin)(unsigned long n), bool *ret_failed)
{
	AUTOVIEW *before = tasks_view(tasks, NUMBER), *after = NULL;
	int r;

	begin(n);
	r = change(tasks);
	*ret_failed = failing_memory_end();
	after = tasks_view(tasks, NUMBER);
	assert_int_equal(r, *ret_failed ? -ENOMEM : 0);
	if (*ret_failed)
		assert_ptr_equal(after, before);
	expect_filled(after, *ret_failed ? "old" : "new");
	expect_filled(before, "old"); /* a held view stays unchanged */
}

static void test_a_change_is_whole_or_none(void **state)
{
	static void (*const begins[])(unsigned long n) = { failing_memory_at,
							   failing_memory_once_at };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		struct task_view *view;
		bool has_failed = true;
		unsigned long n = 0;

		for (; has_failed; n++)
			fail_change_at(*state, n, begins[i], &has_failed);
		assert_true(n > 40); /* the number of allocations in a change */
		view = tasks_begin(*state, NUMBER);
		fill(view, "old");
		assert_int_equal(tasks_commit(*state, view), 0);
	}
}

/* A view that lacks a text cannot be added. */
static void test_a_failed_view_is_not_added(void **state)
{
	struct task_view *view = task_view_new(NUMBER + 1);

	failing_memory_at(0);
	task_set_text(view, &view->remote_id, "cgt-1");
	assert_true(failing_memory_end());
	assert_null(view->remote_id);
	assert_int_equal(tasks_add(*state, view, true), -ENOMEM);
	assert_null(tasks_view(*state, NUMBER + 1));
}

static void test_a_failed_hint_is_dropped(void **state)
{
	struct task_view *view = tasks_begin(*state, NUMBER);
	struct task_place place = { "elsewhere", 8, 9 };
	AUTOVIEW *after = NULL;

	failing_memory_at(0);
	task_set_place(view, &place);
	tasks_commit_hint(*state, view);
	assert_true(failing_memory_end());
	after = tasks_view(*state, NUMBER);
	expect_filled(after, "old");
}

static void test_shared_texts(void **state)
{
	const char *text = shared_text("a"), *same = shared_ref(text);

	(void)state;
	assert_ptr_equal(text, same);
	shared_unref(text);
	assert_string_equal(same, "a");
	assert_int_equal(shared_text_set(&same, same), 0); /* set to its own text */
	assert_string_equal(same, "a");
	failing_memory_at(0);
	assert_int_equal(shared_text_set(&same, "b"), -ENOMEM);
	assert_true(failing_memory_end());
	assert_string_equal(same, "a");
	assert_int_equal(shared_text_set(&same, NULL), 0);
	assert_null(same);
	assert_null(shared_text(NULL));
	assert_null(shared_new(SIZE_MAX - 8));
	shared_unref(NULL);
}

/* --- the ledger --- */

static int take_view(void *context, struct task_view *view)
{
	struct task_view **taken = context;

	*taken = view;
	return 0;
}

static struct task_view *load(const char *path, unsigned long n, int *ret_r)
{
	struct ledger *ledger = NULL;
	struct task_view *view = NULL;
	bool was_copied;

	assert_int_equal(ledger_open(path, &ledger, &was_copied), 0);
	failing_memory_once_at(n);
	*ret_r = ledger_load(ledger, take_view, &view);
	ledger_close(ledger);
	return view;
}

/* A task is loaded with all its texts, or loading fails. */
static void test_a_load_is_whole_or_fails(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger.sqlite3");
	struct task_view *view = filled_view("old");
	struct ledger *ledger = NULL;
	bool was_copied, has_failed = true;
	unsigned long n = 0;

	assert_int_equal(ledger_open(path, &ledger, &was_copied), 0);
	assert_int_equal(ledger_save(ledger, &view, 1), 0);
	ledger_close(ledger);
	task_view_unref(view);
	for (; has_failed; n++) {
		int r;

		view = load(path, n, &r);
		has_failed = failing_memory_end();
		assert_int_equal(r, has_failed ? -ENOMEM : 0);
		assert_int_equal(!view, has_failed);
		if (view)
			expect_filled(view, "old");
		task_view_unref(view);
	}
	assert_true(n > 25);
}

/* A save that fails leaves the previously saved state. */
static void test_a_save_is_whole_or_fails(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger.sqlite3");
	struct task_view *old = filled_view("old"), *new = filled_view("new");
	struct ledger *ledger = NULL;
	bool was_copied, has_failed = true;

	assert_int_equal(ledger_open(path, &ledger, &was_copied), 0);
	for (unsigned long n = 0; has_failed; n++) {
		AUTOVIEW *found = NULL;
		int r;

		assert_int_equal(ledger_save(ledger, &old, 1), 0);
		failing_memory_once_at(n);
		r = ledger_save(ledger, &new, 1);
		has_failed = failing_memory_end();
		assert_int_equal(r < 0, has_failed);
		found = load(path, ULONG_MAX, &r);
		expect_filled(found, has_failed ? "old" : "new");
	}
	ledger_close(ledger);
	task_view_unref(old);
	task_view_unref(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared_texts),
		cmocka_unit_test(test_a_copy_allocates_the_view_alone),
		cmocka_unit_test_setup_teardown(test_a_change_is_whole_or_none, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_failed_view_is_not_added, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_failed_hint_is_dropped, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_load_is_whole_or_fails, set_up_dir,
						tear_down_dir),
		cmocka_unit_test_setup_teardown(test_a_save_is_whole_or_fails, set_up_dir,
						tear_down_dir),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
