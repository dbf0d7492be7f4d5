/*
 * The functions of backend.h that add, edit, mark and remove tasks. Each changes the task
 * in memory immediately, and leaves the rest to the backend's thread as a command.
 */
#include "backend/commands_internal.h"
#include "backend/turn_internal.h"
#include "backend/tasks/transitions.h"

#include "backend/backend.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/core/core.h"
#include "backend/media/removal.h"
#include "backend/media/reveal.h"
#include "backend/media/size_probe.h"
#include "backend/polling/poll.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add_task(struct backend *backend, uint64_t number,
		    const struct task_place *place, bool needs_submit, const char *note)
{
	struct task_view *view = task_view_new(number);

	if (!view)
		return -ENOMEM;
	view->created_ms = view->since_ms = view->listing_ms = clock_wall_ms();
	view->needs_submit = needs_submit;
	task_set_place(view, place);
	task_set_text(view, &view->note, note);
	return tasks_add(backend->tasks, view, true);
}

int backend_task_add(struct backend *backend, uint64_t number,
		     const struct task_place *place)
{
	return add_task(backend, number, place, false, NULL);
}

int backend_task_add_held(struct backend *backend, uint64_t number,
			  const struct task_place *place, const char *note)
{
	return add_task(backend, number, place, true, note);
}

int backend_task_recover(struct backend *backend, uint64_t number,
			 const struct task_place *place)
{
	return add_task(backend, number, place, backend->was_copied, NULL);
}

void backend_task_set_place(struct backend *backend, uint64_t number,
			    const struct task_place *place)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	bool is_same;

	if (!view)
		return; /* only a hint */
	is_same =
		view->place.device == place->device && view->place.inode == place->inode;
	task_set_place(view, place);
	if (is_same)
		tasks_commit_hint(backend->tasks, view);
	else
		tasks_try_commit(backend->tasks, view);
}

static void run_seen(struct backend *backend, struct command *command)
{
	free(command);
	turn_library_seen(backend); /* recovered tasks are saved first */
}

bool backend_was_copied(const struct backend *backend)
{
	return backend->was_copied;
}

void backend_library_seen(struct backend *backend)
{
	struct command *command =
		backend->was_copied ? calloc(1, sizeof(*command)) : NULL;

	if (!command)
		return; /* not copied, or the next start detects the copy again */
	command->run = run_seen;
	backend_send(backend, command);
}

struct task_view *backend_task_view(struct backend *backend, uint64_t number)
{
	return tasks_view(backend->tasks, number);
}

void backend_task_each(struct backend *backend,
		       void (*visit)(void *context, struct task_view *view),
		       void *context)
{
	tasks_each(backend->tasks, visit, context);
}

/* --- edits --- */

void command_reopen(struct task_view *view)
{
	view->previous_state = view->state;
	task_move(view, TASK_IS_REOPENED);
	task_set_text(view, &view->waiting, NULL);
	view->listing_ms = clock_wall_ms();
}

static int begin_edit(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (task_is_locked(view->state)) {
		tasks_abandon(backend->tasks, view);
		return -EACCES;
	}
	if (view->state == TASK_PENDING && !view->order) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	if (view->state == TASK_PENDING) {
		view->order = 0;
		task_set_text(view, &view->waiting, NULL);
	} else {
		command_reopen(view);
	}
	return tasks_commit(backend->tasks, view);
}

int backend_task_edit(struct backend *backend, uint64_t number)
{
	int r;

	tasks_edit_begin(backend->tasks, number);
	r = begin_edit(backend, number);
	if (r)
		tasks_edit_end(backend->tasks, number);
	return r;
}

void backend_task_edited(struct backend *backend, uint64_t number)
{
	tasks_edit_end(backend->tasks, number);
}

void backend_task_withdraw(struct backend *backend, uint64_t number)
{
	struct task_view *view;

	/* The edit alone stops the order, even if memory runs out below. */
	tasks_edit_begin(backend->tasks, number);
	view = tasks_begin(backend->tasks, number);
	if (view && view->state == TASK_PENDING && view->order) {
		view->order = 0;
		task_set_text(view, &view->waiting, NULL);
		tasks_try_commit(backend->tasks, view);
	} else if (view) {
		tasks_abandon(backend->tasks, view);
	}
	tasks_edit_end(backend->tasks, number);
}

uint64_t backend_task_edits(struct backend *backend, uint64_t number)
{
	return tasks_edits(backend->tasks, number);
}

int command_begin_read(struct backend *backend, uint64_t number, uint64_t edits,
		       struct task_view **ret_view)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (tasks_is_edited_locked(backend->tasks, number, edits)) {
		tasks_abandon(backend->tasks, view);
		return -EAGAIN;
	}
	*ret_view = view;
	return 0;
}

/* --- marks --- */

/* -EBUSY unless the task is pending. */
static int begin_pending(struct backend *backend, uint64_t number,
			 struct task_view **ret_view)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (view->state != TASK_PENDING) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	*ret_view = view;
	return 0;
}

int backend_task_release(struct backend *backend, uint64_t number)
{
	struct task_view *view = NULL;
	int r = begin_pending(backend, number, &view);

	if (r)
		return r;
	view->is_archive = view->needs_submit = false;
	/* Reporting the rejected save once is enough, even if the task keeps waiting. */
	task_clear_refused_save(view);
	return tasks_commit(backend->tasks, view);
}

/* Call it between tasks_begin() and tasks_commit(). */
static int archive(struct backend *backend, struct task_view *view)
{
	if (view->state != TASK_PENDING) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	view->is_archive = true;
	view->hidden = 0; /* the virtual files that a copier removed return later */
	view->order = 0;
	view->listing_ms = clock_wall_ms();
	task_set_text(view, &view->waiting, NULL);
	return tasks_commit(backend->tasks, view);
}

int backend_task_archive(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	return view ? archive(backend, view) : tasks_begin_error(backend->tasks, number);
}

int backend_task_archive_read(struct backend *backend, uint64_t number, uint64_t edits)
{
	struct task_view *view = NULL;
	int r = command_begin_read(backend, number, edits, &view);

	return r ? r : archive(backend, view);
}

int backend_task_copy_came(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (task_is_locked(view->state) || view->needs_submit) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	view->needs_submit = true;
	view->order = 0;
	return tasks_commit(backend->tasks, view);
}

int backend_task_set_refused_save(struct backend *backend, uint64_t number,
				  const struct refused_save *refused)
{
	struct task_view *view = NULL;
	int r = begin_pending(backend, number, &view);

	if (r)
		return r;
	task_clear_refused_save(view);
	if (refused) {
		task_set_text(view, &view->refused_save.problem, refused->problem);
		view->refused_save.at_ms = refused->at_ms;
		memcpy(view->refused_save.over, refused->over, sizeof(refused->over));
	}
	return tasks_commit(backend->tasks, view);
}

/* --- removal --- */

static void remove_now(struct backend *backend, uint64_t number)
{
	size_probe_drop(backend, number);
	removal_drop(backend, number, OUTPUT_COUNT);
	poll_cancel(backend, number);
}

int backend_task_remove(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	int r;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	view->is_removed = true;
	view->wants_cancel = task_is_active(view->state);
	view->order = 0;
	if (view->state == TASK_PENDING)
		task_move(view, TASK_IS_WITHDRAWN);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		view->outputs[i].is_ready = false;
	r = tasks_commit(backend->tasks, view);
	return r ? r : backend_send_task(backend, number, remove_now);
}

int backend_task_hide(struct backend *backend, uint64_t number, unsigned what)
{
	return removal_hide(backend, number, what);
}

int backend_task_unhide(struct backend *backend, uint64_t number, unsigned what)
{
	return removal_unhide(backend, number, what);
}

/* --- a success that is held back --- */

void backend_task_show(struct backend *backend, uint64_t number)
{
	backend_send_task(backend, number,
			  reveal_now); /* without memory the timer shows it */
}
