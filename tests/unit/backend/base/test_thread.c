/* backend/base/thread.h: threads receive no signals, and timed waits. */
#include "tests/unit/unit.h"

#include "backend/base/clock.h"
#include "backend/base/thread.h"

#include <signal.h>

static void *read_mask(void *context)
{
	pthread_sigmask(SIG_SETMASK, NULL, context);
	return NULL;
}

static void test_signals(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
	sigset_t before, mine, theirs;
	pthread_t thread;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&thread, read_mask, &theirs), 0);
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		assert_true(sigismember(&theirs, signals[i]));
		assert_int_equal(sigismember(&mine, signals[i]),
				 sigismember(&before, signals[i]));
	}
}

static void test_timed_wait(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int64_t before = clock_ms(CLOCK_MONOTONIC);
	struct timespec until = thread_moment_in(1001);
	pthread_cond_t never;
	int64_t until_ms = (int64_t)until.tv_sec * 1000 + until.tv_nsec / 1000000;

	assert_true(until.tv_nsec < 1000000000);
	assert_true(until_ms >= before + 1001);
	assert_true(until_ms <= clock_ms(CLOCK_MONOTONIC) + 1001);
	thread_condition_init(&never);
	until = thread_moment_in(20);
	pthread_mutex_lock(&lock);
	while (!pthread_cond_timedwait(&never, &lock, &until))
		;
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&never);
	assert_true(clock_ms(CLOCK_MONOTONIC) >= before + 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_timed_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
