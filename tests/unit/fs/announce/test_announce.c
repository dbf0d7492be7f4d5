/* fs/announce/announce_internal.h: what is announced about a task, and when. */
#include "tests/unit/unit.h"

#include "fs/announce/announce_internal.h"

#define STATUS KIND_BIT(VIRTUAL_STATUS)
#define JSON KIND_BIT(VIRTUAL_TASK_JSON)
#define ERROR_TXT KIND_BIT(VIRTUAL_ERROR)
#define VIDEO KIND_BIT(VIRTUAL_VIDEO)

static struct look look_of(enum task_state state, unsigned shown, uint64_t gist)
{
	return (struct look){ .state = state,
			      .shown = (uint8_t)shown,
			      .gist = gist,
			      .kept = 0,
			      .again_ms = NEVER };
}

static bool take(struct told *told, enum task_state state, unsigned shown, uint64_t gist,
		 int64_t now_ms)
{
	struct look look = look_of(state, shown, gist);

	told_take_due(told, now_ms);
	return told_take(told, &look, now_ms);
}

/* The state after everything was announced. */
static struct told told_of(enum task_state state, unsigned shown, uint64_t gist)
{
	struct look look = look_of(state, shown, gist);
	struct told told = { .number = 1 };

	told_begin(&told, &look);
	told.status_ms = 10000;
	return told;
}

static void test_names_come_and_go(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);

	(void)state;
	take(&told, TASK_FAILED, STATUS | JSON | ERROR_TXT, 2, 20000);
	assert_int_equal(told.appears, ERROR_TXT);
	assert_int_equal(told.changed, STATUS | JSON);
	told.appears = told.changed = 0;
	take(&told, TASK_PENDING, STATUS | JSON, 3, 30000);
	assert_int_equal(told.gone, ERROR_TXT);
	assert_int_equal(told.appears, 0);
}

static void test_what_came_and_went_untold_was_not_there(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);

	(void)state;
	take(&told, TASK_FAILED, STATUS | JSON | ERROR_TXT, 2, 20000);
	take(&told, TASK_PENDING, STATUS | JSON, 3, 20001);
	assert_int_equal(told.appears | told.gone, 0);
}

/*
 * error.txt is visible immediately. A watcher that found it must learn that it was
 * removed.
 */
static void test_what_was_seen_before_it_was_told_goes(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);
	struct told other = told;

	(void)state;
	take(&told, TASK_FAILED, STATUS | JSON | ERROR_TXT, 2, 20000);
	told.known[VIRTUAL_ERROR] = 7;
	take(&told, TASK_PENDING, STATUS | JSON, 3, 20001);
	assert_int_equal(told.appears, 0);
	assert_int_equal(told.gone, ERROR_TXT);

	/* The file appeared and disappeared between two checks. */
	other.known[VIRTUAL_ERROR] = 7;
	take(&other, TASK_PENDING, STATUS | JSON, 3, 20001);
	assert_int_equal(other.gone, ERROR_TXT);
}

static void test_what_went_and_came_untold_has_changed(void **state)
{
	struct told told = told_of(TASK_FAILED, STATUS | ERROR_TXT, 1);

	(void)state;
	take(&told, TASK_PENDING, STATUS, 2, 20000);
	take(&told, TASK_FAILED, STATUS | ERROR_TXT, 3, 20001);
	assert_int_equal(told.appears | told.gone, 0);
	assert_true(told.changed & ERROR_TXT);
}

/*
 * A user removed the file after the check and before the announcer came. Then it
 * reappeared.
 */
static void test_what_was_not_found_is_told_when_it_is_back(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);

	(void)state;
	take(&told, TASK_SUCCEEDED, STATUS | JSON | VIDEO, 2, 20000);
	assert_int_equal(told.appears, VIDEO);
	told.appears = told.changed = 0;
	assert_true(told_take_back(&told, VIRTUAL_VIDEO));
	take(&told, TASK_SUCCEEDED, STATUS | JSON | VIDEO, 2, 20001);
	assert_int_equal(told.appears, VIDEO);

	told.appears = 0;
	assert_false(told_take_back(&told, VIRTUAL_VIDEO)); /* once is enough */
}

static void test_what_was_not_found_does_not_go(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);

	(void)state;
	take(&told, TASK_FAILED, STATUS | JSON | ERROR_TXT, 2, 20000);
	told.appears = told.changed = 0;
	take(&told, TASK_PENDING, STATUS | JSON, 3, 20001);
	assert_int_equal(told.gone, ERROR_TXT);
	assert_false(told_take_back(&told, VIRTUAL_ERROR));
	assert_int_equal(told.gone, 0);
}

static void test_a_new_state_is_told_at_once(void **state)
{
	struct told told = told_of(TASK_QUEUED, STATUS | JSON, 1);

	(void)state;
	assert_true(take(&told, TASK_RUNNING, STATUS | JSON, 2, 10001));
	assert_int_equal(told.changed, STATUS | JSON);
	assert_true(told.due_ms == NEVER);
}

static void test_everything_else_at_most_once_a_second(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);

	(void)state;
	assert_false(take(&told, TASK_RUNNING, STATUS | JSON, 2, 10100));
	assert_false(take(&told, TASK_RUNNING, STATUS | JSON, 3, 10200));
	assert_int_equal(told.changed, 0);
	assert_true(told.due_ms == 11000);
	assert_true(take(&told, TASK_RUNNING, STATUS | JSON, 3, 11000));
	assert_int_equal(told.changed, STATUS | JSON);
	assert_true(told.due_ms == NEVER);
}

static void test_the_same_again_is_nothing(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);

	(void)state;
	assert_false(take(&told, TASK_RUNNING, STATUS | JSON, 1, 50000));
	assert_int_equal(told.changed | told.appears | told.gone, 0);
}

static void test_a_removed_status_is_told_nothing_of(void **state)
{
	struct told told = told_of(TASK_RUNNING, VIDEO, 1);

	(void)state;
	take(&told, TASK_FAILED, VIDEO, 2, 20000);
	assert_int_equal(told.changed | told.appears | told.gone, 0);
}

static void test_a_folder_in_motion_keeps_its_task_json(void **state)
{
	struct told told = told_of(TASK_PENDING, STATUS | JSON, 1);
	struct look look = look_of(TASK_PENDING, STATUS, 1);

	(void)state;
	look.json_rests = true;
	look.again_ms = 20100;
	told_take(&told, &look, 20000);
	assert_int_equal(told.gone, 0);
	assert_true(told.due_ms == 20100);
	take(&told, TASK_PENDING, STATUS | JSON, 1, 20100);
	assert_int_equal(told.appears, 0);
}

static void test_bytes_are_looked_for_while_they_come(void **state)
{
	struct told told = told_of(TASK_SUCCEEDED, STATUS | VIDEO, 1);
	struct look look = look_of(TASK_SUCCEEDED, STATUS | VIDEO, 1);

	(void)state;
	look.is_fetching = true;
	look.kept = 10;
	assert_true(told_take(&told, &look, 20000));
	assert_true(told.due_ms == 21000);
	assert_true(told_take_due(&told, 40000));
	assert_false(told_take(&told, &look, 40000));
	assert_true(told.due_ms == NEVER);
}

static void test_a_change_during_a_look_makes_it_due_again(void **state)
{
	struct told told = told_of(TASK_QUEUED, STATUS | JSON, 1);
	struct look look = look_of(TASK_RUNNING, STATUS | JSON, 2);

	(void)state;
	told.due_ms = 0;
	assert_true(told_take_due(&told, 20000));
	assert_false(told_take_due(&told, 20000));
	told.due_ms = 0; /* announce_changed() between the check and its result */
	assert_true(told_take(&told, &look, 20000));
	assert_true(told_take_due(&told, 20000));
	assert_true(take(&told, TASK_FAILED, STATUS | JSON | ERROR_TXT, 3, 20000));
	assert_int_equal(told.appears, ERROR_TXT);
	assert_true(told.due_ms == NEVER);
}

static void test_a_change_during_a_look_is_not_put_off(void **state)
{
	struct told told = told_of(TASK_RUNNING, STATUS | JSON, 1);
	struct look look = look_of(TASK_RUNNING, STATUS | JSON, 2);

	(void)state;
	told.due_ms = 0;
	assert_true(told_take_due(&told, 10100));
	told.due_ms = 0;
	assert_false(told_take(&told, &look, 10100));
	assert_true(told_take_due(&told, 10100));
}

static void test_another_output_under_the_name_is_a_change(void **state)
{
	struct told told = told_of(TASK_SUCCEEDED, STATUS | VIDEO, 1);
	struct look look = look_of(TASK_SUCCEEDED, STATUS | VIDEO, 1);

	(void)state;
	told.outputs[0] = 1;
	look.outputs[0] = 2;
	told_take(&told, &look, 20000);
	assert_int_equal(told.changed, VIDEO);
	assert_int_equal(told.appears, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_come_and_go),
		cmocka_unit_test(test_what_came_and_went_untold_was_not_there),
		cmocka_unit_test(test_what_was_seen_before_it_was_told_goes),
		cmocka_unit_test(test_what_went_and_came_untold_has_changed),
		cmocka_unit_test(test_what_was_not_found_is_told_when_it_is_back),
		cmocka_unit_test(test_what_was_not_found_does_not_go),
		cmocka_unit_test(test_a_new_state_is_told_at_once),
		cmocka_unit_test(test_everything_else_at_most_once_a_second),
		cmocka_unit_test(test_the_same_again_is_nothing),
		cmocka_unit_test(test_a_removed_status_is_told_nothing_of),
		cmocka_unit_test(test_a_folder_in_motion_keeps_its_task_json),
		cmocka_unit_test(test_bytes_are_looked_for_while_they_come),
		cmocka_unit_test(test_another_output_under_the_name_is_a_change),
		cmocka_unit_test(test_a_change_during_a_look_makes_it_due_again),
		cmocka_unit_test(test_a_change_during_a_look_is_not_put_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
