/* fs/kernel/ops_poll.h: which text of `status` a reader knows. */
#include "tests/unit/unit.h"

#include "fs/kernel/ops_poll.h"

static void test_the_text_that_is_read_to_its_end_is_known(void **state)
{
	struct polled polled = { 0 };

	(void)state;
	polled_was_read(&polled, 3, 0, 10, 10);
	assert_int_equal(polled.changes, 3);
	assert_false(polled.has_rest);
	polled_was_read(&polled, 3, 10, 0, 10);
	assert_true(polled.found_end);
}

static void test_what_changes_in_the_middle_is_still_new_at_the_end(void **state)
{
	struct polled polled = { 0 };

	(void)state;
	polled_was_read(&polled, 3, 0, 4, 10);
	assert_true(polled.has_rest);
	polled_was_read(&polled, 4, 4, 6, 10); /* the rest of the old text */
	assert_int_equal(polled.changes, 3);
	polled_was_read(&polled, 4, 10, 0, 10);
	assert_int_equal(polled.changes, 3);
}

static void test_who_reads_on_after_the_end_gets_the_new_text(void **state)
{
	struct polled polled = { 0 };

	(void)state;
	polled_was_read(&polled, 3, 0, 10, 10);
	polled_was_read(&polled, 3, 10, 0, 10);
	polled_was_read(&polled, 4, 10, 2, 12);
	assert_int_equal(polled.changes, 4);
	polled_was_read(&polled, 5, 12, 0, 12);
	assert_int_equal(polled.changes, 4);
}

static void test_who_begins_again_gets_the_new_text(void **state)
{
	struct polled polled = { 0 };

	(void)state;
	polled_was_read(&polled, 3, 0, 4, 10);
	polled_was_read(&polled, 4, 0, 4, 12);
	assert_int_equal(polled.changes, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_text_that_is_read_to_its_end_is_known),
		cmocka_unit_test(test_what_changes_in_the_middle_is_still_new_at_the_end),
		cmocka_unit_test(test_who_reads_on_after_the_end_gets_the_new_text),
		cmocka_unit_test(test_who_begins_again_gets_the_new_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
