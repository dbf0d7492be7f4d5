/*
 * What the folder side does before a success is shown: it is told, and says when it is
 * done. It may take SHOW_LATEST_MS, then the task is shown all the same. Nothing of this
 * is kept: after a restart the task is observed, and the folder side told, anew.
 */
#include "backend/core.h"

#include "backend/base/clock.h"

#include <stdlib.h>

/* A task that is held back. Backend thread only. */
struct reveal {
	struct backend *backend;
	struct reveal *next;
	uint64_t number;
	struct timer timer;
	void (*show)(struct backend *backend, uint64_t number);
};

static struct reveal *find(const struct backend *backend, uint64_t number)
{
	for (struct reveal *reveal = backend->reveals; reveal; reveal = reveal->next)
		if (reveal->number == number)
			return reveal;
	return NULL;
}

bool reveal_is_held(const struct backend *backend, uint64_t number)
{
	return find(backend, number) != NULL;
}

static void drop(struct reveal *reveal)
{
	struct reveal **at = &reveal->backend->reveals;

	while (*at != reveal)
		at = &(*at)->next;
	*at = reveal->next;
	timer_clear(&reveal->backend->timers, &reveal->timer);
	free(reveal);
}

void reveal_clear(struct backend *backend)
{
	while (backend->reveals)
		drop(backend->reveals);
}

/* It is done, or took too long. */
static void go_on(void *context)
{
	struct reveal *reveal = context;
	struct backend *backend = reveal->backend;
	void (*show)(struct backend * backend, uint64_t number) = reveal->show;
	uint64_t number = reveal->number;

	drop(reveal);
	show(backend, number);
}

bool reveal_task(struct backend *backend, uint64_t number,
		 void (*show)(struct backend *backend, uint64_t number))
{
	struct reveal *reveal;

	if (!backend->events.task_finishing ||
	    !backend->events.task_finishing(backend->events.context, number))
		return true;
	reveal = calloc(1, sizeof(*reveal));
	if (!reveal)
		return true;
	reveal->backend = backend;
	reveal->number = number;
	reveal->show = show;
	timer_init(&reveal->timer, go_on, reveal);
	reveal->next = backend->reveals;
	backend->reveals = reveal;
	if (timer_set(&backend->timers, &reveal->timer,
		      clock_boot_ms() + SHOW_LATEST_MS)) {
		drop(reveal);
		return true;
	}
	core_set_waiting(backend, number, "its thumbnails for the desktop");
	return false;
}

struct show_command {
	struct command command;
	uint64_t number;
};

static void run_show(struct backend *backend, struct command *command)
{
	struct show_command *show = (struct show_command *)command;
	struct reveal *reveal = find(backend, show->number);

	free(show);
	if (reveal)
		go_on(reveal);
}

void backend_task_show(struct backend *backend, uint64_t number)
{
	struct show_command *show = calloc(1, sizeof(*show));

	if (!show)
		return; /* the timer shows it */
	show->command.run = run_show;
	show->number = number;
	core_send(backend, &show->command);
}
