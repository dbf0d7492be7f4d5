/* backend/base/timers.h: order, moves, and 1000 random operations against a naive model. */
#include "tests/unit/unit.h"

#include "backend/base/timers.h"

#define COUNT 100

struct fixture {
	struct timers timers;
	struct timer items[COUNT];
	int64_t at[COUNT]; /* the model: when each timer is due; -1: not set */
	size_t fired[COUNT * 20];
	size_t fired_count;
	void (*in_callback)(struct fixture *fixture, size_t which);
};

struct context {
	struct fixture *fixture;
	size_t which;
};

static struct fixture fixture;
static struct context contexts[COUNT];

static void fire(void *pointer)
{
	struct context *context = pointer;
	struct fixture *f = context->fixture;

	assert_true(f->fired_count < ARRAY_SIZE(f->fired));
	f->fired[f->fired_count++] = context->which;
	f->at[context->which] = -1;
	if (f->in_callback)
		f->in_callback(f, context->which);
}

static int set_up(void **state)
{
	fixture = (struct fixture){ 0 };
	for (size_t i = 0; i < COUNT; i++) {
		contexts[i] = (struct context){ &fixture, i };
		timer_init(&fixture.items[i], fire, &contexts[i]);
		fixture.at[i] = -1;
	}
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	timers_clear(&fixture.timers);
	return 0;
}

static void set(struct fixture *f, size_t which, int64_t at_ms)
{
	assert_int_equal(timer_set(&f->timers, &f->items[which], at_ms), 0);
	f->at[which] = at_ms;
}

static void expect_fired(const struct fixture *f, const char *wanted)
{
	AUTOBUFFER seen = BUFFER_INIT(10000);

	for (size_t i = 0; i < f->fired_count; i++)
		buffer_addf(&seen, "%zu,", f->fired[i]);
	assert_string_equal(seen.data ? seen.data : "", wanted);
}

static void test_order(void **state)
{
	static const int64_t times[] = { 50, 10, 40, 20, 30 };

	assert_true(timers_next(&fixture.timers) == INT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		set(&fixture, i, times[i]);
	assert_int_equal(timers_next(&fixture.timers), 10);
	timers_run(&fixture.timers, 9);
	expect_fired(&fixture, "");
	timers_run(&fixture.timers, 30);
	expect_fired(&fixture, "1,3,4,");
	assert_false(timer_is_set(&fixture.items[1]));
	assert_true(timer_is_set(&fixture.items[0]));
	assert_int_equal(timers_next(&fixture.timers), 40);
	timers_run(&fixture.timers, INT64_MAX);
	expect_fired(&fixture, "1,3,4,2,0,");
	assert_true(timers_next(&fixture.timers) == INT64_MAX);
}

static void test_move_and_clear(void **state)
{
	set(&fixture, 0, 10);
	set(&fixture, 1, 20);
	set(&fixture, 2, 30);
	set(&fixture, 0, 40); /* later */
	set(&fixture, 2, 5);  /* earlier */
	assert_int_equal(timers_next(&fixture.timers), 5);
	timer_clear(&fixture.timers, &fixture.items[1]);
	timer_clear(&fixture.timers, &fixture.items[1]);
	assert_false(timer_is_set(&fixture.items[1]));
	timers_run(&fixture.timers, 100);
	expect_fired(&fixture, "2,0,");
}

static void rearm_later(struct fixture *f, size_t which)
{
	if (f->fired_count < 3)
		set(f, which, (int64_t)f->fired_count * 10 + 10);
}

static void test_rearm_in_callback(void **state)
{
	fixture.in_callback = rearm_later;
	set(&fixture, 0, 10);
	timers_run(&fixture.timers, 10);
	expect_fired(&fixture, "0,");
	assert_int_equal(timers_next(&fixture.timers), 20);
	timers_run(&fixture.timers, 100);
	expect_fired(&fixture, "0,0,0,");
}

/* A callback may clear another timer that is due, and set one that is not. */
static void clear_next(struct fixture *f, size_t which)
{
	if (which != 0)
		return;
	timer_clear(&f->timers, &f->items[1]);
	set(f, 3, 15);
}

static void test_clear_in_callback(void **state)
{
	fixture.in_callback = clear_next;
	set(&fixture, 0, 10);
	set(&fixture, 1, 11);
	set(&fixture, 2, 12);
	timers_run(&fixture.timers, 20);
	expect_fired(&fixture, "0,2,3,");
}

static void test_clear_all(void **state)
{
	for (size_t i = 0; i < COUNT; i++)
		set(&fixture, i, 5);
	timers_clear(&fixture.timers);
	for (size_t i = 0; i < COUNT; i++)
		assert_false(timer_is_set(&fixture.items[i]));
	timers_run(&fixture.timers, 10);
	expect_fired(&fixture, "");
	set(&fixture, 0, 1); /* the timer can still be used */
	assert_int_equal(timers_next(&fixture.timers), 1);
}

static int64_t model_next(const struct fixture *f)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < COUNT; i++)
		if (f->at[i] >= 0 && f->at[i] < next)
			next = f->at[i];
	return next;
}

/* Runs to `now`. Timers fire in the order of their times, and none stays behind. */
static void run_and_compare(struct fixture *f, int64_t now)
{
	int64_t due[COUNT], last = 0;
	size_t wanted = 0;

	memcpy(due, f->at, sizeof(due));
	for (size_t i = 0; i < COUNT; i++)
		wanted += due[i] >= 0 && due[i] <= now;
	f->fired_count = 0;
	timers_run(&f->timers, now);
	assert_int_equal(f->fired_count, wanted);
	for (size_t i = 0; i < f->fired_count; i++) {
		int64_t at = due[f->fired[i]];

		assert_true(at >= last && at <= now);
		last = at;
	}
}

static void test_random(void **state)
{
	uint64_t seed = 3;
	int64_t now = 0;

	for (int i = 0; i < 1000; i++) {
		size_t which = next_random(&seed) % COUNT;

		switch (next_random(&seed) % 8) {
		case 0:
			timer_clear(&fixture.timers, &fixture.items[which]);
			fixture.at[which] = -1;
			break;
		case 1:
			now += next_random(&seed) % 50;
			run_and_compare(&fixture, now);
			break;
		default:
			set(&fixture, which, now + next_random(&seed) % 500);
		}
		assert_true(timers_next(&fixture.timers) == model_next(&fixture));
		for (size_t j = 0; j < COUNT; j++)
			assert_int_equal(timer_is_set(&fixture.items[j]),
					 fixture.at[j] >= 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_move_and_clear),
		TEST(test_rearm_in_callback),
		TEST(test_clear_in_callback),
		TEST(test_clear_all),
		TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
