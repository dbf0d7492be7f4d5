/* fs/folder/status_snapshot.h: the text of `status` never returns to an older state. */
#include "tests/unit/unit.h"

#include "fs/folder/status_snapshot.h"

#include <string.h>

static bool show(struct snapshot *snapshot, uint64_t turn, uint64_t revision,
		 const char *text)
{
	return snapshot_show(snapshot, turn, revision, 1000, strdup(text));
}

static void test_a_text_is_fresh_for_a_second(void **state)
{
	struct snapshot snapshot = { 0 };

	(void)state;
	assert_false(snapshot_is_fresh(&snapshot, 0, 1000));
	assert_true(show(&snapshot, snapshot_begin(&snapshot), 5, "queued"));
	assert_true(snapshot_is_fresh(&snapshot, 5, 1999));
	assert_false(snapshot_is_fresh(&snapshot, 5, 2000));
	assert_false(snapshot_is_fresh(&snapshot, 6, 1000));
	assert_true(snapshot_is_fresh(&snapshot, 4, 1000)); /* from an older view */
	snapshot_clear(&snapshot);
}

/* The reader that starts first ends last, with an older view. */
static void test_an_older_view_shows_nothing(void **state)
{
	struct snapshot snapshot = { 0 };
	uint64_t first = snapshot_begin(&snapshot), second = snapshot_begin(&snapshot);

	(void)state;
	assert_true(show(&snapshot, second, 6, "succeeded"));
	assert_true(show(&snapshot, first, 5, "running"));
	assert_string_equal(snapshot.text, "succeeded");
	assert_true(snapshot_is_fresh(&snapshot, 6, 1000));
	snapshot_clear(&snapshot);
}

/*
 * Each view is taken before snapshot_begin(), so an older view may come with a later
 * call.
 */
static void test_an_older_view_is_taken_anew(void **state)
{
	struct snapshot snapshot = { 0 };
	uint64_t first = snapshot_begin(&snapshot), second = snapshot_begin(&snapshot);

	(void)state;
	assert_true(show(&snapshot, first, 6, "succeeded"));
	assert_false(show(&snapshot, second, 5, "running"));
	assert_string_equal(snapshot.text, "succeeded");
	assert_true(show(&snapshot, snapshot_begin(&snapshot), 6, "succeeded"));
	snapshot_clear(&snapshot);
}

static void test_a_newer_view_of_an_earlier_turn_is_taken_anew(void **state)
{
	struct snapshot snapshot = { 0 };
	uint64_t first = snapshot_begin(&snapshot), second = snapshot_begin(&snapshot);

	(void)state;
	assert_true(show(&snapshot, second, 5, "running"));
	assert_false(show(&snapshot, first, 6, "succeeded"));
	assert_true(show(&snapshot, snapshot_begin(&snapshot), 6, "succeeded"));
	assert_string_equal(snapshot.text, "succeeded");
	snapshot_clear(&snapshot);
}

/* Without a revision: a text that was started before the change and shown after it. */
static void test_what_was_begun_before_a_change_is_not_fresh(void **state)
{
	struct snapshot snapshot = { 0 };
	uint64_t before = snapshot_begin(&snapshot), after;

	(void)state;
	snapshot_outdate(&snapshot);
	assert_true(show(&snapshot, before, 5, "waiting: for a"));
	assert_false(snapshot_is_fresh(&snapshot, 5, 1000));
	after = snapshot_begin(&snapshot);
	assert_true(show(&snapshot, after, 5, "waiting: for b"));
	assert_true(snapshot_is_fresh(&snapshot, 5, 1000));
	snapshot_clear(&snapshot);
}

static void test_nor_does_it_replace_what_was_begun_after_it(void **state)
{
	struct snapshot snapshot = { 0 };
	uint64_t before = snapshot_begin(&snapshot), after;

	(void)state;
	snapshot_outdate(&snapshot);
	after = snapshot_begin(&snapshot);
	assert_true(show(&snapshot, after, 5, "waiting: for b"));
	assert_true(show(&snapshot, before, 5, "waiting: for a"));
	assert_string_equal(snapshot.text, "waiting: for b");
	snapshot_clear(&snapshot);
}

static void test_each_text_is_later_than_the_one_before(void **state)
{
	struct snapshot snapshot = { 0 };
	struct timespec far = { .tv_sec = INT64_C(1) << 40, .tv_nsec = 7 };

	(void)state;
	assert_true(show(&snapshot, snapshot_begin(&snapshot), 1, "queued"));
	snapshot.mtime = far; /* the clock was set back */
	assert_true(show(&snapshot, snapshot_begin(&snapshot), 2, "queued"));
	assert_int_equal(snapshot.mtime.tv_nsec, 7);
	assert_true(show(&snapshot, snapshot_begin(&snapshot), 3, "running"));
	assert_int_equal(snapshot.mtime.tv_sec, far.tv_sec);
	assert_int_equal(snapshot.mtime.tv_nsec, 8);
	snapshot_clear(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_text_is_fresh_for_a_second),
		cmocka_unit_test(test_an_older_view_shows_nothing),
		cmocka_unit_test(test_an_older_view_is_taken_anew),
		cmocka_unit_test(test_a_newer_view_of_an_earlier_turn_is_taken_anew),
		cmocka_unit_test(test_what_was_begun_before_a_change_is_not_fresh),
		cmocka_unit_test(test_nor_does_it_replace_what_was_begun_after_it),
		cmocka_unit_test(test_each_text_is_later_than_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
