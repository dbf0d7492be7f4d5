/*
 * The functions of backend.h that carry out the words that a user writes to `status`:
 * "retry", "cancel", "adopt" and "fetch".
 */
#include "backend/commands_internal.h"

#include "backend/backend.h"
#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/core/core.h"
#include "backend/core/section.h"
#include "backend/media/fetch.h"
#include "backend/media/size_probe.h"
#include "backend/polling/poll.h"
#include "backend/tasks/transitions.h"

#include <errno.h>
#include <string.h>

static void cancel_pending(struct task_view *view)
{
	task_begin_attempt(view); /* the previous attempt keeps its result */
	view->intent_ms = 0;
	view->order = 0;
	problem_clear(&view->problem);
	task_set_text(view, &view->waiting, NULL);
	task_move(view, TASK_IS_WITHDRAWN);
}

/*
 * The service has the task, but it cannot be polled: the configuration no longer contains
 * its section. The user may decide about it as if it were unknown.
 */
static bool is_out_of_reach(const struct backend *backend, const struct task_view *view)
{
	return (view->state == TASK_QUEUED || view->state == TASK_RUNNING) &&
	       !backend_section_of(backend, view);
}

/* An active task must not be replaced while it can still be polled. */
static bool allows(const struct backend *backend, const struct task_view *view,
		   enum task_event event)
{
	return task_allows(view, event) &&
	       (!task_is_active(view->state) || is_out_of_reach(backend, view));
}

static void note_both(struct task_view *view)
{
	task_format_text(view, &view->note,
			 "submitted again: the previous attempt (%s, provider \"%s\") "
			 "may be billed as well",
			 view->remote_id ? view->remote_id : "no task id",
			 view->provider ? view->provider : "?");
}

static int control_retry(struct backend *backend, struct task_view *view)
{
	bool is_billed = is_out_of_reach(backend, view);

	if (!allows(backend, view, TASK_IS_REOPENED)) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	command_reopen(view);
	view->needs_submit = false;
	/* The same content is wanted again, whatever comes between. */
	view->digest[0] = view->doubtful_digest[0] = '\0';
	task_set_text(view, &view->note, NULL);
	if (is_billed)
		note_both(view);
	return tasks_commit(backend->tasks, view);
}

static int control_cancel(struct backend *backend, struct task_view *view)
{
	uint64_t number = view->number;
	int r;

	if (view->state == TASK_PENDING) {
		cancel_pending(view);
		return tasks_commit(backend->tasks, view);
	}
	if (view->state != TASK_QUEUED && view->state != TASK_RUNNING) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	view->wants_cancel = true;
	task_set_text(view, &view->note, "asking the service to cancel");
	r = tasks_commit(backend->tasks, view);
	return r ? r : backend_send_task(backend, number, poll_cancel);
}

/* --- adopt --- */

static void adopt_now(struct backend *backend, uint64_t number)
{
	size_probe_drop(backend, number); /* of the previous task */
	poll_task(backend, number, 0);
}

/*
 * The section to bind an adopted task to: the named one, else its own, else the default
 * one.
 */
static const struct provider_section *section_to_adopt(struct backend *backend,
						       const struct task_view *view,
						       const char *provider)
{
	const struct provider_section *section;

	if (provider)
		return config_section(backend->config, provider);
	section = backend_section_of(backend, view);
	return section ? section : config_section(backend->config, NULL);
}

static void enter_adopted(struct task_view *view, const struct provider_section *section,
			  const char *id)
{
	task_set_text(view, &view->provider, section->name);
	task_set_text(view, &view->endpoint, section_endpoint_name(section));
	task_set_text(view, &view->key_name, section->key_name);
	task_begin_attempt(view);
	view->intent_ms = 0;
	view->order = 0;
	view->is_archive = view->needs_submit = false;
	task_set_text(view, &view->remote_id, id);
	task_set_text(view, &view->raw_state, NULL);
	task_set_text(view, &view->waiting, NULL);
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		output_reset(&view->outputs[i]);
		view->outputs[i].is_dead = false;
		task_set_text(view, &view->outputs[i].url, NULL);
	}
	task_set_text(view, &view->note, "adopted: this task was not created here");
	view->doubtful_digest[0] = '\0';
	problem_clear(&view->problem);
	task_move(view, TASK_IS_ADOPTED);
	view->listing_ms = clock_wall_ms();
}

static int adopt(struct backend *backend, struct task_view *view, const char *provider,
		 const char *id)
{
	const struct provider_section *section =
		section_to_adopt(backend, view, provider);
	uint64_t number = view->number;
	int r = 0;

	if (!allows(backend, view, TASK_IS_ADOPTED))
		r = -EBUSY;
	else if (!id || !text_is_url_safe(id))
		r = -EINVAL;
	else if (!section)
		r = -ENXIO;
	if (r) {
		tasks_abandon(backend->tasks, view);
		return r;
	}
	enter_adopted(view, section, id);
	r = tasks_commit(backend->tasks, view);
	return r ? r : backend_send_task(backend, number, adopt_now);
}

int backend_task_adopt(struct backend *backend, uint64_t number, uint64_t edits,
		       const char *provider, const char *id)
{
	struct task_view *view = NULL;
	int r = command_begin_read(backend, number, edits, &view);

	return r ? r : adopt(backend, view, provider, id);
}

/* --- fetch --- */

static int control_fetch(struct backend *backend, struct task_view *view)
{
	uint64_t number = view->number;
	int r;

	if (view->state != TASK_SUCCEEDED) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	view->hidden &= ~(unsigned)(HIDDEN_VIDEO | HIDDEN_LAST_FRAME);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		view->outputs[i].is_dead = view->outputs[i].is_removed = false;
	view->listing_ms = clock_wall_ms();
	r = tasks_commit(backend->tasks, view);
	return r ? r : backend_send_task(backend, number, fetch_task);
}

/* --- all words --- */

int backend_task_control(struct backend *backend, uint64_t number, const char *word,
			 const char *argument)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return tasks_begin_error(backend->tasks, number);
	if (!strcmp(word, "retry"))
		return control_retry(backend, view);
	if (!strcmp(word, "cancel"))
		return control_cancel(backend, view);
	if (!strcmp(word, "adopt"))
		return adopt(backend, view, NULL, argument);
	if (!strcmp(word, "fetch"))
		return control_fetch(backend, view);
	tasks_abandon(backend->tasks, view);
	return -EINVAL;
}
