/*
 * Waiting on a condition until a deadline of the steady clock.
 */
#ifndef SEEDANCE_SIM_SERVER_CONDITION_H
#define SEEDANCE_SIM_SERVER_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

static inline struct timespec condition_deadline(int64_t from_now_ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += from_now_ms / 1000;
	at.tv_nsec += from_now_ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/*
 * False once the deadline has passed. Spurious wake-ups are possible, as with any
 * condition.
 */
static inline bool condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock,
					const struct timespec *deadline)
{
	return pthread_cond_timedwait(condition, lock, deadline) == 0;
}

#endif
