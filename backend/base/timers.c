#include "backend/base/timers.h"

#include <errno.h>
#include <stdlib.h>

void timers_clear(struct timers *timers)
{
	for (size_t i = 0; i < timers->count; i++)
		timers->heap[i]->place = 0;
	free(timers->heap);
	*timers = (struct timers){ 0 };
}

static void put(struct timers *timers, size_t at, struct timer *timer)
{
	timers->heap[at] = timer;
	timer->place = at + 1;
}

static void sift_up(struct timers *timers, size_t at)
{
	struct timer *timer = timers->heap[at];

	while (at > 0 && timers->heap[(at - 1) / 2]->at_ms > timer->at_ms) {
		put(timers, at, timers->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(timers, at, timer);
}

static void sift_down(struct timers *timers, size_t at)
{
	struct timer *timer = timers->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < timers->count &&
		    timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms)
			child++;
		if (child >= timers->count || timers->heap[child]->at_ms >= timer->at_ms)
			break;
		put(timers, at, timers->heap[child]);
		at = child;
	}
	put(timers, at, timer);
}

void timer_clear(struct timers *timers, struct timer *timer)
{
	size_t at = timer->place - 1;
	struct timer *last;

	if (!timer->place)
		return;
	timer->place = 0;
	last = timers->heap[--timers->count];
	if (last == timer)
		return;
	put(timers, at, last);
	sift_up(timers, at);
	sift_down(timers, last->place - 1);
}

int timer_set(struct timers *timers, struct timer *timer, int64_t at_ms)
{
	timer_clear(timers, timer);
	if (timers->count == timers->capacity) {
		size_t capacity = timers->capacity ? timers->capacity * 2 : 32;
		struct timer **heap =
			realloc(timers->heap, capacity * sizeof(struct timer *));

		if (!heap)
			return -ENOMEM;
		timers->heap = heap;
		timers->capacity = capacity;
	}
	timer->at_ms = at_ms;
	put(timers, timers->count++, timer);
	sift_up(timers, timers->count - 1);
	return 0;
}

int64_t timers_next(const struct timers *timers)
{
	return timers->count ? timers->heap[0]->at_ms : INT64_MAX;
}

void timers_run(struct timers *timers, int64_t now_ms)
{
	while (timers->count && timers->heap[0]->at_ms <= now_ms) {
		struct timer *timer = timers->heap[0];

		timer_clear(timers, timer);
		timer->due(timer->context);
	}
}
