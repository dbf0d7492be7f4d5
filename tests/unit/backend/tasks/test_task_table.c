/* backend/tasks/task_table.h and backend/tasks/task.h: one lock judges, and a view that somebody holds never changes. */
#include "tests/unit/unit.h"

#include "backend/tasks/task_table.h"

struct fixture {
	struct tasks *tasks;
	atomic_uint wakes;
};

/* This program is linked so that calloc() comes here: see CMakeLists.txt. */
static _Atomic bool has_no_memory;
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return has_no_memory ? NULL : __real_calloc(count, size);
}

static struct task_view **take_dirty(struct tasks *tasks, size_t *ret_count)
{
	struct task_view **views;

	assert_int_equal(tasks_take_dirty(tasks, &views, ret_count), 0);
	return views;
}

static void count_wake(void *context)
{
	struct fixture *fixture = context;

	atomic_fetch_add(&fixture->wakes, 1);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	return tasks_create(count_wake, fixture, &fixture->tasks);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	tasks_destroy(fixture->tasks);
	free(fixture);
	return 0;
}

static void add(struct fixture *fixture, uint64_t number, bool is_new)
{
	assert_int_equal(tasks_add(fixture->tasks, task_view_new(number), is_new), 0);
}

static void rename_model(struct tasks *tasks, uint64_t number, const char *model)
{
	struct task_view *view = tasks_begin(tasks, number);

	assert_non_null(view);
	task_set_text(view, &view->model, model);
	assert_int_equal(tasks_commit(tasks, view), 0);
}

static void drop(struct task_view **views, size_t count)
{
	for (size_t i = 0; i < count; i++)
		task_view_unref(views[i]);
	free(views);
}

static void test_numbers(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(tasks_take_number(fixture->tasks), 0);
	assert_int_equal(tasks_numbers_left(fixture->tasks), 0);
	tasks_give_numbers(fixture->tasks, 7, 2);
	assert_int_equal(tasks_numbers_left(fixture->tasks), 2);
	assert_int_equal(tasks_take_number(fixture->tasks), 7);
	assert_int_equal(tasks_take_number(fixture->tasks), 8);
	assert_int_equal(tasks_take_number(fixture->tasks), 0);
	tasks_give_numbers(fixture->tasks, 100, 1);
	assert_int_equal(tasks_take_number(fixture->tasks), 100);
	assert_int_equal(tasks_numbers_left(fixture->tasks), 0);
}

static void test_add(void **state)
{
	struct fixture *fixture = *state;
	struct task_view *view;

	add(fixture, 5, false);
	assert_int_equal(fixture->wakes, 0);
	add(fixture, 3, true);
	assert_int_equal(fixture->wakes, 1);
	assert_int_equal(tasks_add(fixture->tasks, task_view_new(5), true), -EEXIST);
	assert_int_equal(fixture->wakes, 1);
	assert_null(tasks_view(fixture->tasks, 4));
	view = tasks_view(fixture->tasks, 5);
	assert_int_equal(view->number, 5);
	assert_int_equal(view->state, TASK_PENDING);
	assert_int_equal(view->progress, -1);
	task_view_unref(view);
}

static void test_commit(void **state)
{
	struct fixture *fixture = *state;
	struct task_view *before, *after;

	add(fixture, 1, false);
	before = tasks_view(fixture->tasks, 1);
	rename_model(fixture->tasks, 1, "m");
	after = tasks_view(fixture->tasks, 1);
	assert_int_equal(fixture->wakes, 1);
	assert_null(before->model); /* held views never change */
	assert_string_equal(after->model, "m");
	assert_int_equal(after->revision, before->revision + 1);
	assert_ptr_not_equal(before, after);
	task_view_unref(before);
	task_view_unref(after);
}

static void test_abandon(void **state)
{
	struct fixture *fixture = *state;
	struct task_view *before, *view;
	size_t count;

	add(fixture, 1, false);
	before = tasks_view(fixture->tasks, 1);
	view = tasks_begin(fixture->tasks, 1);
	task_set_text(view, &view->model, "m");
	tasks_abandon(fixture->tasks, view);
	view = tasks_view(fixture->tasks, 1);
	assert_ptr_equal(view, before);
	assert_int_equal(fixture->wakes, 0);
	assert_null(take_dirty(fixture->tasks, &count));
	assert_int_equal(count, 0);
	assert_null(tasks_begin(fixture->tasks, 2));
	rename_model(fixture->tasks, 1, "not locked after a failed begin");
	task_view_unref(view);
	task_view_unref(before);
}

static void test_dirty(void **state)
{
	struct fixture *fixture = *state;
	struct task_view **views;
	size_t count = 9;

	add(fixture, 2, true);
	add(fixture, 1, false);
	rename_model(fixture->tasks, 2, "a");
	rename_model(fixture->tasks, 1, "b");
	rename_model(fixture->tasks, 1, "c");
	views = take_dirty(fixture->tasks, &count);
	assert_int_equal(count, 2); /* each once, as it is now */
	assert_int_equal(views[0]->number, 2);
	assert_string_equal(views[0]->model, "a");
	assert_string_equal(views[1]->model, "c");
	drop(views, count);
	assert_null(take_dirty(fixture->tasks, &count));
	assert_int_equal(count, 0);
}

static void test_return_dirty(void **state)
{
	struct fixture *fixture = *state;
	struct task_view **views;
	size_t count;

	add(fixture, 1, true);
	add(fixture, 2, true);
	views = take_dirty(fixture->tasks, &count);
	rename_model(fixture->tasks, 2, "newer");
	tasks_return_dirty(fixture->tasks, views, count);
	views = take_dirty(fixture->tasks, &count);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		expect_text("returned", "model", views[i]->model,
			    views[i]->number == 2 ? "newer" : NULL);
	drop(views, count);
	expect_no_failed_case();
}

/* Nothing to save and nothing that can be saved are not the same. */
static void test_dirty_without_memory(void **state)
{
	struct fixture *fixture = *state;
	struct task_view **views = (struct task_view **)state;
	size_t count = 9;
	int r;

	add(fixture, 1, true);
	add(fixture, 2, true);
	has_no_memory = true;
	r = tasks_take_dirty(fixture->tasks, &views, &count);
	has_no_memory = false;
	assert_int_equal(r, -ENOMEM);
	assert_null(views);
	assert_int_equal(count, 0);
	tasks_return_dirty(fixture->tasks, views, count); /* as its caller does */
	views = take_dirty(fixture->tasks, &count);
	assert_int_equal(count, 2); /* nothing was forgotten */
	drop(views, count);
}

/* An order made from files that changed meanwhile is not taken. */
static void test_edits(void **state)
{
	struct fixture *fixture = *state;
	struct tasks *tasks = fixture->tasks;
	uint64_t edits, amid;

	add(fixture, 1, false);
	edits = tasks_edits(tasks, 1);
	assert_false(tasks_is_edited_locked(tasks, 1, edits));
	tasks_edit_begin(tasks, 1);
	assert_true(tasks_is_edited_locked(tasks, 1, edits));
	assert_true(tasks_is_edited_locked(tasks, 1, tasks_edits(tasks, 1)));
	tasks_edit_begin(tasks, 1);
	tasks_edit_end(tasks, 1);
	assert_true(tasks_is_edited_locked(tasks, 1, tasks_edits(tasks, 1)));
	amid = tasks_edits(tasks, 1);
	tasks_edit_end(tasks, 1);
	assert_true(tasks_is_edited_locked(tasks, 1, edits));
	assert_true(tasks_is_edited_locked(tasks, 1, amid)); /* read before the change */
	assert_false(tasks_is_edited_locked(tasks, 1, tasks_edits(tasks, 1)));
	tasks_edit_end(tasks, 1); /* one too many changes nothing */
	tasks_edit_begin(tasks, 1);
	assert_true(tasks_is_edited_locked(tasks, 1, tasks_edits(tasks, 1)));
	assert_true(tasks_is_edited_locked(tasks, 2, 0)); /* no such task */
}

static void add_number(void *context, struct task_view *view)
{
	struct buffer *seen = context;

	buffer_addf(seen, "%u,", (unsigned)view->number);
}

static void test_each(void **state)
{
	static const uint64_t numbers[] = { 9, 1, 200, 4, 7, UINT64_C(1) << 40 };
	struct fixture *fixture = *state;
	AUTOBUFFER seen = BUFFER_INIT(1000);

	tasks_each(fixture->tasks, add_number, &seen);
	assert_int_equal(seen.size, 0);
	for (size_t i = 0; i < ARRAY_SIZE(numbers) - 1; i++)
		add(fixture, numbers[i], false);
	tasks_each(fixture->tasks, add_number, &seen);
	assert_string_equal(seen.data, "1,4,7,9,200,");
}

/* A visit may change the tasks: it is called without the lock. */
static void change_in_visit(void *context, struct task_view *view)
{
	rename_model(context, view->number, "visited");
}

static void test_change_in_visit(void **state)
{
	struct fixture *fixture = *state;
	struct task_view *view;

	for (uint64_t i = 1; i <= 200; i++)
		add(fixture, i, false);
	tasks_each(fixture->tasks, change_in_visit, fixture->tasks);
	assert_int_equal(fixture->wakes, 200);
	view = tasks_view(fixture->tasks, 200);
	assert_string_equal(view->model, "visited");
	task_view_unref(view);
}

/* A copy keeps what it was made of. */
static void test_copy(void **state)
{
	struct locked_file files[] = { { (char[]){ "prompt.txt" }, 1, 2 },
				       { (char[]){ "a.png" }, 3, 4 } };
	struct task_place place = { (char[]){ "a/b" }, 5, 6 };
	struct task_view *view = task_view_new(1), *copy;

	task_set_text(view, &view->note, "n");
	task_set_text(view, &view->outputs[OUTPUT_LAST_FRAME].etag, "e");
	problem_set(&view->problem, PROBLEM_INVALID, "p");
	task_set_locked(view, files, 2);
	task_set_place(view, &place);
	copy = task_view_copy(view);
	task_set_text(view, &view->note, NULL);
	task_set_locked(view, NULL, 0);
	task_view_unref(view);
	assert_string_equal(copy->note, "n");
	assert_string_equal(copy->outputs[OUTPUT_LAST_FRAME].etag, "e");
	assert_string_equal(copy->problem.text, "p");
	assert_int_equal(copy->locked_count, 2);
	assert_string_equal(copy->locked[1].name, "a.png");
	assert_int_equal(copy->locked[1].inode, 4);
	assert_string_equal(copy->place.path, "a/b");
	assert_int_equal(copy->place.inode, 6);
	task_view_unref(copy);
	task_view_unref(NULL);
}

/* --- threads: two fields that always change together must never be seen apart --- */

#define THREAD_TASKS 20
#define CHANGES 2000

static void *change_many(void *context)
{
	struct fixture *fixture = context;
	uint64_t seed = 1;

	for (int i = 0; i < CHANGES; i++) {
		uint64_t number = 1 + next_random(&seed) % THREAD_TASKS;
		struct task_view *view = tasks_begin(fixture->tasks, number);

		view->attempt++;
		view->progress = (int)view->attempt;
		if (i % 5 == 4)
			tasks_abandon(fixture->tasks, view);
		else
			tasks_try_commit(fixture->tasks, view);
	}
	return NULL;
}

/* Returns the number of views that were seen torn. */
static void *read_many(void *context)
{
	struct fixture *fixture = context;
	uint64_t seed = 2;
	uintptr_t torn = 0;

	for (int i = 0; i < CHANGES; i++) {
		uint64_t number = 1 + next_random(&seed) % THREAD_TASKS;
		struct task_view *view = tasks_view(fixture->tasks, number);

		torn += view->attempt && view->progress != (int)view->attempt;
		task_view_unref(view);
	}
	return (void *)torn;
}

/* Takes what is dirty all the time, as the backend does, and gives some back. */
static void *save_many(void *context)
{
	struct fixture *fixture = context;

	for (int i = 0; i < CHANGES; i++) {
		size_t count;
		struct task_view **views = take_dirty(fixture->tasks, &count);

		if (i % 3 == 0 && views)
			tasks_return_dirty(fixture->tasks, views, count);
		else
			drop(views, count);
	}
	return NULL;
}

static uint64_t sum_attempts(struct fixture *fixture)
{
	uint64_t sum = 0;

	for (uint64_t i = 1; i <= THREAD_TASKS; i++) {
		struct task_view *view = tasks_view(fixture->tasks, i);

		sum += view->attempt;
		assert_int_equal(view->revision, view->attempt);
		task_view_unref(view);
	}
	return sum;
}

static void test_threads(void **state)
{
	void *(*const works[])(void *) = { change_many, change_many, read_many, read_many,
					   save_many };
	struct fixture *fixture = *state;
	pthread_t threads[ARRAY_SIZE(works)];

	for (uint64_t i = 1; i <= THREAD_TASKS; i++)
		add(fixture, i, false);
	for (size_t i = 0; i < ARRAY_SIZE(works); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, works[i], fixture), 0);
	for (size_t i = 0; i < ARRAY_SIZE(works); i++) {
		void *torn;

		pthread_join(threads[i], &torn);
		assert_null(torn);
	}
	/* no change was lost: two writers, of whose changes every fifth was abandoned */
	assert_int_equal(sum_attempts(fixture), 2 * CHANGES * 4 / 5);
	assert_int_equal(fixture->wakes, 2 * CHANGES * 4 / 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers),
		TEST(test_add),
		TEST(test_commit),
		TEST(test_abandon),
		TEST(test_dirty),
		TEST(test_return_dirty),
		TEST(test_dirty_without_memory),
		TEST(test_edits),
		TEST(test_each),
		TEST(test_change_in_visit),
		TEST(test_threads),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
