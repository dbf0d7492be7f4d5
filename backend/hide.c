/*
 * Virtual files that a person removes: they are away at once. The bytes of an output stay
 * a little longer: archivers and file managers that overwrite a file remove it, and only
 * then learn that they may not make another in its place. So what was removed and is to
 * be made again stands there again, with every byte that was fetched.
 */
#include "backend/core.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/keep.h"

#include <errno.h>
#include <stdlib.h>

#define MAKE_AGAIN_MS 10000

static const unsigned hidden_output[OUTPUT_COUNT] = { HIDDEN_VIDEO, HIDDEN_LAST_FRAME };

/* Outputs whose bytes are about to go. Backend thread only. */
struct removal {
	struct backend *backend;
	struct removal *next;
	uint64_t number;
	struct timer timer;
};

/* --- the bytes go --- */

static bool has_removed(const struct task_view *view)
{
	bool has = false;

	for (int i = 0; i < OUTPUT_COUNT; i++)
		has = has || view->outputs[i].is_removed;
	return has;
}

void hide_finish(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	bool is_removed[OUTPUT_COUNT];

	if (!view)
		return;
	if (!has_removed(view)) {
		tasks_abandon(backend->tasks, view);
		return;
	}
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		is_removed[i] = view->outputs[i].is_removed;
		if (is_removed[i])
			output_reset(&view->outputs[i]);
	}
	tasks_commit(backend->tasks, view);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (is_removed[i])
			media_drop(backend, number, (enum output_kind)i);
}

static void drop(struct removal *removal)
{
	struct removal **at = &removal->backend->removals;

	while (*at != removal)
		at = &(*at)->next;
	*at = removal->next;
	timer_clear(&removal->backend->timers, &removal->timer);
	free(removal);
}

void hide_clear(struct backend *backend)
{
	while (backend->removals)
		drop(backend->removals);
}

static void removal_due(void *context)
{
	struct removal *removal = context;
	struct backend *backend = removal->backend;
	uint64_t number = removal->number;

	drop(removal);
	hide_finish(backend, number);
}

static struct removal *find(const struct backend *backend, uint64_t number)
{
	for (struct removal *removal = backend->removals; removal;
	     removal = removal->next)
		if (removal->number == number)
			return removal;
	return NULL;
}

static struct removal *add(struct backend *backend, uint64_t number)
{
	struct removal *removal = calloc(1, sizeof(*removal));

	if (!removal)
		return NULL;
	removal->backend = backend;
	removal->number = number;
	timer_init(&removal->timer, removal_due, removal);
	removal->next = backend->removals;
	backend->removals = removal;
	return removal;
}

/* Nothing more is fetched for it, and in a little while it is gone. */
static void plan(struct backend *backend, uint64_t number)
{
	AUTOVIEW *view = tasks_view(backend->tasks, number);
	struct removal *removal = find(backend, number);

	if (!view || !has_removed(view))
		return;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (view->outputs[i].is_removed)
			keep_drop(backend, number, (enum output_kind)i);
	if (!removal)
		removal = add(backend, number);
	if (!removal ||
	    timer_set(&backend->timers, &removal->timer, clock_boot_ms() + MAKE_AGAIN_MS))
		hide_finish(backend, number);
}

/* --- what a person does --- */

int backend_task_hide(struct backend *backend, uint64_t number, unsigned what)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
	view->hidden |= what;
	view->listing_ms = clock_wall_ms();
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (what & hidden_output[i] && view->outputs[i].is_ready)
			view->outputs[i].is_removed = true;
	tasks_commit(backend->tasks, view);
	return core_send_task(backend, number, plan);
}

int backend_task_unhide(struct backend *backend, uint64_t number, unsigned what)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (!view->outputs[i].is_removed)
			what &= ~hidden_output[i]; /* only a `fetch` brings it back */
	if (!(view->hidden & what)) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	view->hidden &= ~what;
	for (int i = 0; i < OUTPUT_COUNT; i++)
		if (what & hidden_output[i])
			view->outputs[i].is_removed = false;
	view->listing_ms = clock_wall_ms();
	tasks_commit(backend->tasks, view);
	return core_send_task(backend, number, keep_task);
}
