/*
 * A success is shown when all that is to be known of its outputs is known. Before that
 * the folder side is told, and says when it has done what it does: it may take
 * SHOW_LATEST_MS, then the task is shown all the same. Nothing of this is kept: after a
 * restart the task is observed, and the folder side told, anew.
 */
#include "backend/core.h"

#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/keep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* A task that is held back. Backend thread only. */
struct reveal {
	struct backend *backend;
	struct reveal *next;
	uint64_t number;
	struct timer timer;
};

/* --- showing --- */

static void succeed(struct task_view *view)
{
	if (view->outputs[OUTPUT_VIDEO].is_dead && !problem_is_set(&view->problem))
		problem_set(&view->problem, PROBLEM_SERVER,
			    "the task succeeded, but its video cannot be had");
	task_set_text(&view->waiting, NULL);
	follow_end_cancel(view);
	view->listing_ms = clock_wall_ms();
	task_enter(view, TASK_SUCCEEDED);
}

/* What is shown already stays so. */
static bool is_shown(const struct task_view *view)
{
	return view->state == TASK_SUCCEEDED && !view->waiting;
}

/*
 * Who saw a success finds it after whatever may happen next: it is in the ledger before
 * it is shown. Where the ledger does not take it, it is shown, and saved with the rest.
 */
static void save_success(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	AUTOVIEW *shown = view && !is_shown(view) ? task_view_copy(view) : NULL;

	if (!shown)
		return;
	succeed(shown);
	if (ledger_save(backend->ledger, &shown, 1)) /* which it has logged */
		log_debug("event=shown_unsaved task=%" PRIu64, number);
}

static void show_success(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return;
	if (is_shown(view)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	succeed(view);
	tasks_commit(backend->tasks, view);
	log_info("event=shown task=%" PRIu64, number);
}

static void show(struct backend *backend, uint64_t number)
{
	save_success(backend, number);
	show_success(backend, number);
	keep_task(backend, number);
}

/* --- holding back --- */

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
	uint64_t number = reveal->number;

	drop(reveal);
	show(backend, number);
}

static int hold_back(struct backend *backend, uint64_t number)
{
	struct reveal *reveal = calloc(1, sizeof(*reveal));

	if (!reveal)
		return -ENOMEM;
	reveal->backend = backend;
	reveal->number = number;
	timer_init(&reveal->timer, go_on, reveal);
	reveal->next = backend->reveals;
	backend->reveals = reveal;
	if (timer_set(&backend->timers, &reveal->timer,
		      clock_boot_ms() + SHOW_LATEST_MS)) {
		drop(reveal);
		return -ENOMEM;
	}
	core_set_waiting(backend, number, "its thumbnails for the desktop");
	return 0;
}

/* There is something to be done before it is shown. */
static bool is_awaited(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);

	return view && view->state != TASK_SUCCEEDED && !view->is_removed &&
	       backend->events.task_finishing &&
	       backend->events.task_finishing(backend->events.context, number);
}

void reveal_task(struct backend *backend, uint64_t number)
{
	if (!is_awaited(backend, number) || hold_back(backend, number))
		show(backend, number);
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
