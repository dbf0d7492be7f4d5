/*
 * The functions of backend.h that take what a folder orders. They accept it, reject it,
 * or detect that it changes nothing.
 */
#include "backend/commands_internal.h"

#include "backend/backend.h"
#include "backend/base/clock.h"
#include "backend/core/core.h"
#include "backend/models/fit.h"
#include "backend/orders/sender.h"
#include "backend/tasks/transitions.h"

#include <errno.h>
#include <string.h>

/* Returns to the state before an edit that changed nothing. */
static void restore(struct task_view *view)
{
	task_move(view, TASK_IS_RESTORED);
	view->previous_state = TASK_PENDING;
	task_set_text(view, &view->waiting, NULL);
	if (view->state != TASK_UNKNOWN) /* that note may contain the task's id */
		task_set_text(view, &view->note,
			      "the files are the same as in this attempt; write "
			      "\"retry\" to status to submit them again");
}

/*
 * The content equals that of an earlier attempt that may be billed. It must not be
 * ordered automatically.
 */
static void return_to_doubt(struct task_view *view)
{
	char doubtful[SHA256_HEX];

	task_begin_attempt(view);
	memcpy(doubtful, view->doubtful_digest, sizeof(doubtful));
	memcpy(view->digest, doubtful, sizeof(view->digest));
	view->intent_ms = 0;
	task_set_problem(
		view, PROBLEM_NETWORK,
		"an identical request was sent earlier and its outcome is unknown");
	task_set_text(view, &view->waiting, NULL);
	task_set_text(view, &view->note, NULL);
	task_move(view, TASK_IS_LOST);
	view->listing_ms = clock_wall_ms();
}

static bool is_doubtful(const struct task_view *view, const struct task_order *order)
{
	return !order->is_forced && *view->doubtful_digest &&
	       !strcmp(view->doubtful_digest, order->digest);
}

/*
 * Whether the order can be taken now; the table is locked. 0, 1 if it changes nothing, or
 * -errno.
 */
static int check_order(struct backend *backend, const struct task_view *view,
		       const struct task_order *order)
{
	if (view->state != TASK_PENDING || view->is_removed)
		return -EALREADY;
	/* A copy arrived after the files were read. */
	if (view->is_archive || (view->needs_submit && !order->is_forced))
		return -EALREADY;
	if (tasks_is_edited_locked(backend->tasks, order->number, order->edits))
		return -EAGAIN;
	return !order->is_forced && view->previous_state != TASK_PENDING &&
	       !strcmp(view->digest, order->digest);
}

int backend_task_order(struct backend *backend, const struct task_order *order)
{
	struct order *made = order_create(order);
	struct task_view *view = made ? tasks_begin(backend->tasks, order->number) : NULL;
	int r, committed;

	if (!view) {
		order_destroy(made);
		return made ? tasks_begin_error(backend->tasks, order->number) : -ENOMEM;
	}
	r = check_order(backend, view, order);
	if (r < 0) {
		tasks_abandon(backend->tasks, view);
		order_destroy(made);
		return r;
	}
	if (r) {
		restore(view);
	} else if (is_doubtful(view, order)) {
		return_to_doubt(view);
		r = 1;
	} else {
		view->order = order_token(made);
		if (order->is_forced)
			view->doubtful_digest[0] = '\0'; /* the user decided */
		task_set_place(view, &order->place);
		task_set_text(view, &view->waiting, NULL);
	}
	committed = tasks_commit(backend->tasks, view);
	if (r || committed)
		order_destroy(made);
	else
		backend_send(backend, order_command(made));
	return committed ? committed : r;
}

int backend_task_refuse(struct backend *backend, uint64_t number, uint64_t edits,
			const struct problem *problem, const char *digest, bool is_forced)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	int r = 0;

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (view->state != TASK_PENDING)
		r = -EALREADY;
	else if (tasks_is_edited_locked(backend->tasks, number, edits))
		r = -EAGAIN;
	if (r) {
		tasks_abandon(backend->tasks, view);
		return r;
	}
	if (!is_forced && view->previous_state == TASK_INVALID &&
	    !strcmp(view->digest, digest)) {
		restore(view);
		task_set_text(view, &view->note, NULL);
	} else {
		order_enter_invalid(view, problem, digest);
	}
	return tasks_commit(backend->tasks, view);
}

/*
 * The section that the request would be sent to is judged last, so that its problem is
 * the one reported.
 */
int backend_judge_request(const struct backend *backend, struct request *request,
			  struct problem *problem)
{
	const struct config *config = backend->config;
	const struct provider_section *chosen = config_section(config, request->provider);
	struct endpoint endpoint;

	if (request->task_id)
		return 0;
	if (!chosen)
		return config_refuse_section(config, request->source, request->provider,
					     problem);
	for (size_t i = 0; i < config->section_count && !request->provider; i++) {
		endpoint = config_endpoint(&config->sections[i]);
		if (&config->sections[i] != chosen &&
		    !fit_judge(config->models, config->sections[i].provider, &endpoint,
			       request, problem))
			return 0;
		problem_clear(problem);
	}
	endpoint = config_endpoint(chosen);
	return fit_judge(config->models, chosen->provider, &endpoint, request, problem);
}

int backend_fit_request(const struct backend *backend,
			const struct provider_section *section, struct request *request,
			struct problem *problem)
{
	struct endpoint endpoint = config_endpoint(section);

	return fit_request(backend->config->models, section->provider, &endpoint, request,
			   problem);
}

bool backend_gives_last_frame(const struct provider_section *section,
			      const char *described)
{
	return fit_gives_last_frame(section->provider, described);
}

bool backend_makes_draft(const char *described)
{
	return fit_makes_draft(described);
}
