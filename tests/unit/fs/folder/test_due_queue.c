/*
 * fs/folder/due_queue.h: the folders that are due, and how long a word for `status` is
 * valid.
 */
#include "tests/unit/fs/sample_filesystem.h"

#include "backend/base/clock.h"
#include "fs/folder/due_queue.h"

#define CAT 7
#define DOG 8

static struct due_folder take(void)
{
	struct due_folder folder;

	assert_true(due_queue_take(fs->due, &folder));
	return folder;
}

static void expect(uint64_t number, bool is_now, bool is_wanted)
{
	struct due_folder folder = take();

	assert_int_equal(folder.number, number);
	assert_int_equal(folder.is_now, is_now);
	assert_int_equal(folder.is_wanted, is_wanted);
}

static void test_a_folder_is_queued_once(void **state)
{
	(void)state;
	due_poke(fs, CAT);
	due_soon(fs, CAT);
	due_poke(fs, CAT);
	expect(CAT, false, false);
	due_soon(fs, DOG);
	expect(DOG, false, false);
}

/* `submit` covers the present files. A change before the check has to settle. */
static void test_a_change_ends_haste(void **state)
{
	(void)state;
	due_now(fs, CAT);
	expect(CAT, true, true);
	due_now(fs, CAT);
	due_poke(fs, CAT);
	expect(CAT, false, true);
}

/* So does a change during the check, which is then repeated. */
static void test_a_change_during_the_look_ends_haste(void **state)
{
	struct due_folder folder;

	(void)state;
	due_now(fs, CAT);
	folder = take();
	due_queue_looked_at(fs->due, &folder, 1);
	expect(CAT, true, true);

	due_now(fs, CAT);
	folder = take();
	due_poke(fs, CAT);
	due_queue_looked_at(fs->due, &folder, 1);
	expect(CAT, false, true);
}

static void test_a_wish_that_was_carried_out_is_forgotten(void **state)
{
	(void)state;
	due_now(fs, CAT);
	due_forget_wish(fs->due, CAT);
	expect(CAT, false, false);
}

static void test_a_look_is_repeated_when_it_says_so(void **state)
{
	struct due_folder folder = { .number = CAT };
	int64_t begin_ms = clock_boot_ms();

	(void)state;
	due_queue_looked_at(fs->due, &folder, 50);
	due_queue_looked_at(fs->due, &(struct due_folder){ .number = DOG }, 0);
	expect(CAT, false, false);
	assert_true(clock_boot_ms() - begin_ms >= 50);
}

static void test_a_stopped_queue_gives_nothing(void **state)
{
	struct due_folder folder;

	(void)state;
	due_soon(fs, CAT);
	assert_false(due_queue_is_stopped(fs->due));
	due_queue_stop(fs->due);
	assert_true(due_queue_is_stopped(fs->due));
	assert_false(due_queue_take(fs->due, &folder));
}

#define TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up_filesystem, tear_down_filesystem)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_folder_is_queued_once),
		TEST(test_a_change_ends_haste),
		TEST(test_a_change_during_the_look_ends_haste),
		TEST(test_a_wish_that_was_carried_out_is_forgotten),
		TEST(test_a_look_is_repeated_when_it_says_so),
		TEST(test_a_stopped_queue_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
