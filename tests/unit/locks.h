/*
 * For tests that nothing is called under a lock: the linker puts __wrap_pthread_mutex_init()
 * in place of the real one, so that the locks of what is tested are known, and the test's
 * own functions, which stand in for what is called, see whether one is held.
 */
#ifndef SEEDANCEFS_TESTS_UNIT_LOCKS_H
#define SEEDANCEFS_TESTS_UNIT_LOCKS_H

#include "tests/unit/unit.h"

#include <pthread.h>
#include <time.h>

#define LOCKS_MAX 16

static pthread_mutex_t *locks[LOCKS_MAX];
static size_t lock_count;

int __real_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how);

int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *how)
{
	assert_true(lock_count < LOCKS_MAX);
	locks[lock_count++] = mutex;
	return __real_pthread_mutex_init(mutex, how);
}

/* Before each test: those of the test before are gone. */
static inline void forget_locks(void)
{
	lock_count = 0;
}

/* Another thread may hold one for a moment. The caller's own is never free. */
static inline void expect_unlocked(void)
{
	for (size_t i = 0; i < lock_count; i++) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 5;
		if (pthread_mutex_timedlock(locks[i], &until)) {
			print_error("a lock is held over a reply or a call\n");
			abort(); /* not every thread is the test's own */
		}
		pthread_mutex_unlock(locks[i]);
	}
}

#endif
