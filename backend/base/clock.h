/*
 * Time as plain numbers. Due times run on CLOCK_BOOTTIME, so that the tasks of a
 * suspended machine are due when it wakes. Times for people are wall-clock times.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_CLOCK_H
#define SEEDANCEFS_BACKEND_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds since boot, including suspended time. Never goes back. */
static inline int64_t clock_boot_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

/* Milliseconds since the epoch. */
static inline int64_t clock_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

#endif
