/*
 * backend/backend.h without its thread: which call wins when a folder is edited, judged
 * and ordered at once, and the effects of the words for `status`.
 */
#include "tests/unit/backend/sample_backend.h"

#define DIGEST_A "a000000000000000000000000000000000000000000000000000000000000000"
#define DIGEST_B "b000000000000000000000000000000000000000000000000000000000000000"

static uint64_t number;

static int set_up(void **state)
{
	struct task_place place = { (char[]){ "cat" }, 1, 2 };
	int r = set_up_backend(state);

	if (!r)
		r = backend_task_reserve(backend, &number);
	return r ? r : backend_task_add(backend, number, &place);
}

static void expect_state(enum task_state wanted)
{
	struct task_view *view = backend_task_view(backend, number);
	enum task_state found = view->state;

	task_view_unref(view);
	assert_string_equal(task_state_word(found), task_state_word(wanted));
}

static uint64_t edits(void)
{
	return backend_task_edits(backend, number);
}

static void edit(void)
{
	assert_int_equal(backend_task_edit(backend, number), 0);
	backend_task_edited(backend, number);
}

static int refuse(uint64_t seen_edits, const char *digest)
{
	struct problem problem = { 0 };
	int r;

	problem_set(&problem, PROBLEM_INVALID, "prompt.txt: it is bad");
	r = backend_task_refuse(backend, number, seen_edits, &problem, digest, false);
	problem_clear(&problem);
	return r;
}

static int order(uint64_t seen_edits, const char *digest)
{
	struct task_order made = { .number = number,
				   .edits = seen_edits,
				   .place = { (char[]){ "cat" }, 1, 2 } };
	struct problem problem = { 0 };

	snprintf(made.digest, sizeof(made.digest), "%s", digest);
	assert_int_equal(request_parse("prompt.txt", "A cat", 5, &made.request, &problem),
			 0);
	problem_clear(&problem);
	return backend_task_order(backend, &made);
}

static void test_a_stale_refusal_is_not_taken(void **state)
{
	uint64_t seen = edits();

	edit();
	assert_int_equal(refuse(seen, DIGEST_A), -EAGAIN);
	expect_state(TASK_PENDING);
	seen = edits();
	assert_int_equal(backend_task_edit(backend, number), 0);
	assert_int_equal(refuse(seen, DIGEST_A), -EAGAIN);
	assert_int_equal(refuse(edits(), DIGEST_A), -EAGAIN); /* still being edited */
	expect_state(TASK_PENDING);
	backend_task_edited(backend, number);
	assert_int_equal(refuse(edits(), DIGEST_A), 0);
	expect_state(TASK_INVALID);
	assert_int_equal(refuse(edits(), DIGEST_A), -EALREADY);
	assert_int_equal(backend_task_refuse(backend, number + 1, 0, NULL, "", false),
			 -ENOENT);
}

static void test_a_stale_order_is_not_taken(void **state)
{
	uint64_t seen = edits();

	edit();
	assert_int_equal(order(seen, DIGEST_A), -EAGAIN);
	seen = edits();
	assert_int_equal(backend_task_edit(backend, number), 0);
	assert_int_equal(order(seen, DIGEST_A), -EAGAIN);
	assert_int_equal(order(edits(), DIGEST_A), -EAGAIN);
	backend_task_edited(backend, number);
	assert_int_equal(order(edits(), DIGEST_A), 0);
	expect_state(TASK_PENDING);
}

static void test_the_same_content_is_no_new_attempt(void **state)
{
	assert_int_equal(refuse(edits(), DIGEST_A), 0);
	edit();
	expect_state(TASK_PENDING);
	assert_int_equal(order(edits(), DIGEST_A), 1);
	expect_state(TASK_INVALID);
	edit();
	assert_int_equal(order(edits(), DIGEST_B), 0);
	expect_state(TASK_PENDING);
}

/* Whatever happens between the word and its order. */
static void test_a_retry_wants_the_same_content_again(void **state)
{
	assert_int_equal(refuse(edits(), DIGEST_A), 0);
	assert_int_equal(backend_task_control(backend, number, "retry", NULL), 0);
	assert_int_equal(order(edits(), DIGEST_A), 0);
	edit();
	assert_int_equal(order(edits(), DIGEST_A), 0);
	expect_state(TASK_PENDING);
}

static void test_words_out_of_place(void **state)
{
	assert_int_equal(backend_task_control(backend, number, "retry", NULL), -EBUSY);
	assert_int_equal(backend_task_control(backend, number, "fetch", NULL), -EBUSY);
	assert_int_equal(backend_task_control(backend, number, "rettry", NULL), -EINVAL);
	assert_int_equal(backend_task_control(backend, number, "adopt", "../x"), -EINVAL);
	assert_int_equal(backend_task_control(backend, number + 1, "retry", NULL),
			 -ENOENT);
	expect_state(TASK_PENDING);
	assert_int_equal(order(edits(), DIGEST_A), 0);
	assert_int_equal(backend_task_control(backend, number, "cancel", NULL), 0);
	expect_state(TASK_CANCELLED);
	assert_int_equal(backend_task_control(backend, number, "cancel", NULL), -EBUSY);
	assert_int_equal(order(edits(), DIGEST_A), -EALREADY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down_backend)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_stale_refusal_is_not_taken),
		TEST(test_a_stale_order_is_not_taken),
		TEST(test_the_same_content_is_no_new_attempt),
		TEST(test_a_retry_wants_the_same_content_again),
		TEST(test_words_out_of_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
