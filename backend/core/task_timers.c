#include "backend/core/task_timers.h"

#include "backend/base/clock.h"
#include "backend/core/core.h"

#include <errno.h>
#include <stdlib.h>

struct task_timer {
	struct task_timers *list;
	struct task_timer *next;
	uint64_t number;
	struct timer timer;
};

/* The link that points to a task's timer; the end of the list if there is none. */
static struct task_timer **find(const struct task_timers *list, uint64_t number)
{
	struct task_timer **at = &((struct task_timers *)list)->first;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static void drop(struct task_timer **at)
{
	struct task_timer *gone = *at;

	*at = gone->next;
	timer_clear(&gone->list->backend->timers, &gone->timer);
	free(gone);
}

static void come_due(void *context)
{
	const struct task_timer *timer = context;
	struct task_timers *list = timer->list;
	uint64_t number = timer->number;

	drop(find(list, number));
	list->due(list->backend, number);
}

static struct task_timer *add(struct task_timers *list, uint64_t number)
{
	struct task_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->list = list;
	timer->number = number;
	timer_init(&timer->timer, come_due, timer);
	timer->next = list->first;
	list->first = timer;
	return timer;
}

int task_timers_set(struct task_timers *list, uint64_t number, int64_t after_ms)
{
	struct task_timer *timer = *find(list, number);

	if (!timer)
		timer = add(list, number);
	if (!timer)
		return -ENOMEM;
	if (!timer_set(&list->backend->timers, &timer->timer, clock_boot_ms() + after_ms))
		return 0;
	drop(find(list, number));
	return -ENOMEM;
}

bool task_timers_has(const struct task_timers *list, uint64_t number)
{
	return *find(list, number) != NULL;
}

bool task_timers_drop(struct task_timers *list, uint64_t number)
{
	struct task_timer **at = find(list, number);

	if (!*at)
		return false;
	drop(at);
	return true;
}

void task_timers_clear(struct task_timers *list)
{
	while (list->first)
		drop(&list->first);
}
