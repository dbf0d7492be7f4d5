/*
 * Loads the ledger at start and revives its tasks: a request that was in flight becomes
 * `unknown`, and active tasks are polled again.
 */
#include "backend/turn_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/core/core.h"
#include "backend/ledger/ledger.h"
#include "backend/media/prefetch/prefetch.h"
#include "backend/media/removal.h"
#include "backend/media/size_probe.h"
#include "backend/orders/lost_answer.h"
#include "backend/orders/sender.h"
#include "backend/polling/poll.h"
#include "backend/tasks/transitions.h"

#include <errno.h>
#include <string.h>

#define NUMBERS_SKIPPED (1u << 20) /* a restored ledger may lack the latest numbers */
#define LOST_ANSWER_MS INT64_C(86400000) /* how long a lost answer is searched for */

static int load_task(void *context, struct task_view *view)
{
	struct backend *backend = context;

	return tasks_add(backend->tasks, view, false);
}

/* Sets the state of a task after a restart. 0 or -errno. */
static int revive(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (view->state == TASK_SUBMITTING) {
		task_move(view, TASK_IS_LOST);
		task_set_problem(view, PROBLEM_NETWORK,
				 "seedancefs exited while the request was in flight; it "
				 "may have been accepted and billed");
	} else if (view->state == TASK_PENDING && backend->was_copied) {
		view->needs_submit = true;
	} else if (view->state != TASK_PENDING || !view->waiting) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	if (view->state == TASK_PENDING)
		task_set_text(view, &view->waiting, NULL);
	return tasks_commit(backend->tasks, view);
}

/*
 * Whether the program ended while the size of an output's new version was being
 * determined.
 */
static bool lacks_output(const struct task_view *view)
{
	static const unsigned hidden[] = { HIDDEN_VIDEO, HIDDEN_LAST_FRAME };
	bool lacks = false;

	for (int i = 0; i < OUTPUT_COUNT; i++) {
		const struct output *output = &view->outputs[i];

		lacks = lacks || (output->url && !output->is_ready && !output->is_dead &&
				  !(view->hidden & hidden[i]));
	}
	return lacks && view->state == TASK_SUCCEEDED && !view->is_removed;
}

struct revival {
	struct backend *backend;
	int r; /* the first failure; it ends the start */
};

static void revive_visit(void *context, struct task_view *view)
{
	struct revival *revival = context;
	struct backend *backend = revival->backend;

	if (!revival->r)
		revival->r = revive(backend, view->number);
	if (revival->r)
		return;
	removal_finish(backend, view->number);
	if (view->state == TASK_SUBMITTING ||
	    (view->state == TASK_UNKNOWN && !view->remote_id &&
	     view->intent_ms > clock_wall_ms() - LOST_ANSWER_MS))
		lost_answer_look(backend, view->number);
	if (view->wants_cancel)
		poll_cancel(backend, view->number);
	if (task_is_active(view->state) && view->state != TASK_SUBMITTING)
		poll_task(backend, view->number, 0);
	else if (lacks_output(view))
		size_probe_task(backend, view->number, false);
}

/*
 * Makes the new states durable before anything else happens. If they cannot be saved now,
 * they stay dirty.
 */
static void save_revived(struct backend *backend)
{
	size_t count = 0;
	struct task_view **views;

	if (tasks_take_dirty(backend->tasks, &views, &count))
		return;
	if (views && ledger_save(backend->ledger, views, count)) {
		tasks_return_dirty(backend->tasks, views, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		task_view_unref(views[i]);
	free(views);
}

int revive_tasks(struct backend *backend)
{
	struct revival revival = { backend, 0 };
	AUTOFREE char *path = text_format("%s/ledger.sqlite3", backend->library_path);
	int r = path ? ledger_open(path, &backend->ledger, &backend->was_copied)
		     : -ENOMEM;

	if (!r)
		r = ledger_load(backend->ledger, load_task, backend);
	if (!r)
		r = sender_load_intents(backend);
	if (r)
		return r;
	if (backend->was_copied) {
		uint64_t skipped;

		r = ledger_reserve_numbers(backend->ledger, NUMBERS_SKIPPED, &skipped);
	}
	if (r)
		return r;
	if (backend->was_copied)
		log_warn("event=library_copied action=\"unsent tasks are not submitted "
			 "automatically\"");
	tasks_each(backend->tasks, revive_visit, &revival);
	if (revival.r)
		return revival.r;
	prefetch_start(backend);
	save_revived(backend);
	turn_refill_numbers(backend);
	return 0;
}
