/*
 * backend/ledger/ledger.h: numbers never repeat, attempts are counted, and a copy is
 * detected.
 */
#include "tests/unit/backend/ledger/ledger_fixture.h"

#include "backend/base/log.h"

static int found_intent(void *context, int64_t intent_ms)
{
	struct loaded *loaded = context;

	assert_true(loaded->intent_count < LOADED_MAX);
	loaded->intents[loaded->intent_count++] = intent_ms;
	return loaded->result;
}

static void test_order_of_numbers(void **state)
{
	static const uint64_t numbers[] = { 9, 1, 300, 4 }, sorted[] = { 1, 4, 9, 300 };
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct task_view *views[ARRAY_SIZE(numbers)];
	struct loaded loaded = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		views[i] = task_view_new(numbers[i]);
	assert_int_equal(ledger_save(ledger, views, ARRAY_SIZE(numbers)), 0);
	assert_int_equal(ledger_save(ledger, views, 0), 0);
	assert_int_equal(ledger_load(ledger, found_task, &loaded), 0);
	assert_int_equal(loaded.count, ARRAY_SIZE(numbers));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		assert_int_equal(loaded.views[i]->number, sorted[i]);
		task_view_unref(views[i]);
	}
	forget(&loaded);
	ledger_close(ledger);
}

/* An error of found() ends the loading and is returned. */
static void test_found_says_no(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct task_view *views[] = { task_view_new(1), task_view_new(2) };
	struct loaded loaded = { .result = -ENOMEM };

	assert_int_equal(ledger_save(ledger, views, 2), 0);
	assert_int_equal(ledger_load(ledger, found_task, &loaded), -ENOMEM);
	assert_int_equal(loaded.count, 1);
	forget(&loaded);
	task_view_unref(views[0]);
	task_view_unref(views[1]);
	ledger_close(ledger);
}

static void test_numbers_never_repeat(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	uint64_t last = 0;

	for (unsigned i = 0; i < 5; i++) {
		struct ledger *ledger = open_ledger(path, NULL);
		uint64_t first = 0, again = 0;

		assert_int_equal(ledger_reserve_numbers(ledger, 10 + i, &first), 0);
		assert_true(first > last);
		assert_int_equal(ledger_reserve_numbers(ledger, 1, &again), 0);
		assert_true(again >= first + 10 + i);
		last = again;
		ledger_close(ledger);
	}
}

static void test_library_id(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	AUTOFREE char *other_path = path_in(*state, "other");
	struct ledger *ledger = open_ledger(path, NULL);
	struct ledger *other = open_ledger(other_path, NULL);
	AUTOFREE char *id = strdup(ledger_library_id(ledger));

	assert_int_equal(strlen(id), 32);
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	assert_string_not_equal(id, ledger_library_id(other));
	ledger_close(ledger);
	ledger_close(other);
	ledger = open_ledger(path, NULL);
	assert_string_equal(ledger_library_id(ledger), id);
	ledger_close(ledger);
}

/* --- attempts --- */

static void save_attempt(struct ledger *ledger, unsigned attempt,
			 enum task_state task_state, int64_t intent_ms)
{
	struct task_view *view = task_view_new(1);

	view->attempt = attempt;
	view->state = task_state;
	view->intent_ms = intent_ms;
	assert_int_equal(ledger_save(ledger, &view, 1), 0);
	task_view_unref(view);
}

static size_t count_intents(struct ledger *ledger, int64_t since_ms,
			    struct loaded *loaded)
{
	*loaded = (struct loaded){ 0 };
	assert_int_equal(ledger_load_intents(ledger, since_ms, found_intent, loaded), 0);
	return loaded->intent_count;
}

static void test_attempts(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct loaded loaded;

	save_attempt(ledger, 0, TASK_PENDING, 0);
	assert_int_equal(count_intents(ledger, 0, &loaded), 0);
	save_attempt(ledger, 1, TASK_SUBMITTING, 1000);
	save_attempt(ledger, 1, TASK_FAILED, 1000);
	save_attempt(ledger, 2, TASK_SUBMITTING, 3000);
	save_attempt(ledger, 3, TASK_RUNNING, 2000);
	save_attempt(ledger, 3, TASK_PENDING,
		     9000); /* edited: the row of that attempt stays */
	assert_int_equal(count_intents(ledger, 0, &loaded), 3);
	assert_int_equal(loaded.intents[0], 1000);
	assert_int_equal(loaded.intents[1], 2000);
	assert_int_equal(loaded.intents[2], 3000);
	ledger_close(ledger);
	ledger = open_ledger(path, NULL);
	assert_int_equal(count_intents(ledger, 0, &loaded), 3);
	assert_int_equal(count_intents(ledger, 2000, &loaded), 2);
	assert_int_equal(count_intents(ledger, 3001, &loaded), 0);
	ledger_close(ledger);
}

static void test_intents_found_says_no(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	struct ledger *ledger = open_ledger(path, NULL);
	struct loaded loaded = { .result = -ENOMEM };

	save_attempt(ledger, 1, TASK_QUEUED, 1000);
	save_attempt(ledger, 2, TASK_QUEUED, 2000);
	assert_int_equal(ledger_load_intents(ledger, 0, found_intent, &loaded), -ENOMEM);
	assert_int_equal(loaded.intent_count, 1);
	ledger_close(ledger);
}

/* --- copies --- */

static void copy_file(const char *from, const char *to)
{
	size_t size;
	AUTOFREE char *bytes = read_whole(from, &size);

	write_whole(to, bytes, size);
}

static void test_copy_is_noticed(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	AUTOFREE char *copy = path_in(*state, "copy");
	struct ledger *ledger;
	bool was_copied;

	ledger_close(open_ledger(path, &was_copied));
	assert_false(was_copied);
	ledger_close(open_ledger(path, &was_copied));
	assert_false(was_copied);
	copy_file(path, copy);
	ledger_close(open_ledger(copy, &was_copied));
	assert_true(was_copied);
	ledger = open_ledger(copy, &was_copied);
	assert_true(was_copied); /* until confirmed, even if the program is killed */
	assert_int_equal(ledger_confirm_home(ledger), 0);
	ledger_close(ledger);
	ledger_close(open_ledger(copy, &was_copied));
	assert_false(was_copied);
	ledger_close(open_ledger(path, &was_copied));
	assert_false(was_copied);
}

/* A move within a filesystem keeps the inode, so the ledger is the same. */
static void test_move_is_no_copy(void **state)
{
	AUTOFREE char *path = path_in(*state, "ledger");
	AUTOFREE char *moved = path_in(*state, "moved");
	bool was_copied;

	ledger_close(open_ledger(path, NULL));
	assert_int_equal(rename(path, moved), 0);
	ledger_close(open_ledger(moved, &was_copied));
	assert_false(was_copied);
}

/* --- files that cannot be opened --- */

static void test_not_openable(void **state)
{
	static const char junk[] =
		"This is not a database, whatever its name says. ....................";
	AUTOFREE char *junk_path = path_in(*state, "junk");
	AUTOFREE char *nowhere = path_in(*state, "no/such/directory");
	struct ledger *ledger = NULL;
	bool was_copied;
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_set_fd(quiet);
	write_whole(junk_path, junk, sizeof(junk));
	assert_int_equal(ledger_open(junk_path, &ledger, &was_copied), -EIO);
	assert_int_equal(ledger_open(nowhere, &ledger, &was_copied), -EIO);
	assert_int_equal(ledger_open(*state, &ledger, &was_copied), -EIO);
	assert_null(ledger);
	log_set_fd(2);
	close(quiet);
	ledger_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order_of_numbers),
		TEST(test_found_says_no),
		TEST(test_numbers_never_repeat),
		TEST(test_library_id),
		TEST(test_attempts),
		TEST(test_intents_found_says_no),
		TEST(test_copy_is_noticed),
		TEST(test_move_is_no_copy),
		TEST(test_not_openable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
