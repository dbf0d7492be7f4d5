/*
 * The timers of one thread: a heap ordered by due time (milliseconds of clock_boot_ms()).
 *
 * A timer is embedded in the struct that it belongs to; setting it again never allocates.
 * Setting a timer that is set moves it. The callback may set or clear any timer,
 * including its own.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_TIMERS_H
#define SEEDANCEFS_BACKEND_BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	void (*due)(void *context);
	void *context;
	int64_t at_ms;
	size_t place; /* position in the heap, from 1; 0: not set */
};

struct timers {
	struct timer **heap;
	size_t count, capacity;
};

void timers_clear(struct timers *timers);

static inline void timer_init(struct timer *timer, void (*due)(void *), void *context)
{
	*timer = (struct timer){ .due = due, .context = context };
}

int timer_set(struct timers *timers, struct timer *timer,
	      int64_t at_ms); /* 0 or -ENOMEM */
void timer_clear(struct timers *timers, struct timer *timer);
static inline int timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}

/* When the next timer is due; INT64_MAX if none is set. */
int64_t timers_next(const struct timers *timers);
/* Calls the timers that are due at now_ms. */
void timers_run(struct timers *timers, int64_t now_ms);

#endif
