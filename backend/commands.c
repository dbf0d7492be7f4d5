/*
 * The functions of backend.h that change tasks: each changes the task in memory at once,
 * and leaves the rest to the backend's thread as a command.
 */
#include "backend/core_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/orders/sender.h"

#include <errno.h>
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
	task_set_text(&view->note, note);
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
		return; /* a hint */
	is_same =
		view->place.device == place->device && view->place.inode == place->inode;
	task_set_place(view, place);
	if (is_same)
		tasks_commit_hint(backend->tasks, view);
	else
		tasks_commit(backend->tasks, view);
}

static void run_seen(struct backend *backend, struct command *command)
{
	free(command);
	backend->is_seen = true; /* what was recovered is saved first */
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
		return; /* at home already, or the next start finds a copy again */
	command->run = run_seen;
	core_send(backend, command);
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

/* An ended attempt makes room for a new one; what it was is kept, to go back to. */
static void reopen(struct task_view *view)
{
	view->previous_state = view->state;
	task_enter(view, TASK_PENDING);
	task_set_text(&view->waiting, NULL);
	view->listing_ms = clock_wall_ms();
}

static int begin_edit(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
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
		task_set_text(&view->waiting, NULL);
	} else {
		reopen(view);
	}
	tasks_commit(backend->tasks, view);
	return 0;
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

	tasks_edit_begin(backend->tasks, number);
	view = tasks_begin(backend->tasks, number);
	if (view && view->state == TASK_PENDING && view->order) {
		view->order = 0;
		task_set_text(&view->waiting, NULL);
		tasks_commit(backend->tasks, view);
	} else if (view) {
		tasks_abandon(backend->tasks, view);
	}
	tasks_edit_end(backend->tasks, number);
}

uint64_t backend_task_edits(struct backend *backend, uint64_t number)
{
	return tasks_edits(backend->tasks, number);
}

/* Back to what it was before an edit that changed nothing. */
static void restore(struct task_view *view)
{
	task_enter(view, view->previous_state);
	view->previous_state = TASK_PENDING;
	task_set_text(&view->waiting, NULL);
	if (view->state != TASK_UNKNOWN) /* whose note may tell its id */
		task_set_text(&view->note,
			      "the files are as they were in this attempt; write "
			      "\"retry\" to status to order the same again");
}

/* The content of an earlier attempt that may be billed: no new order by itself. */
static void return_to_doubt(struct task_view *view)
{
	char doubtful[SHA256_HEX];

	task_begin_attempt(view);
	memcpy(doubtful, view->doubtful_digest, sizeof(doubtful));
	memcpy(view->digest, doubtful, sizeof(view->digest));
	view->intent_ms = 0;
	problem_clear(&view->problem);
	problem_set(&view->problem, PROBLEM_NETWORK,
		    "this very content was sent before, and it is not known what became "
		    "of that order");
	task_set_text(&view->waiting, NULL);
	task_set_text(&view->note, NULL);
	task_enter(view, TASK_UNKNOWN);
	view->listing_ms = clock_wall_ms();
}

static bool is_doubtful(const struct task_view *view, const struct task_order *order)
{
	return !order->is_forced && *view->doubtful_digest &&
	       !strcmp(view->doubtful_digest, order->digest);
}

/* Whether an order may be taken now: the table is locked. 0 or -errno. */
static int check_order(struct backend *backend, const struct task_view *view,
		       const struct task_order *order)
{
	if (view->state != TASK_PENDING || view->is_removed)
		return -EALREADY;
	/* A copy came since it was read. */
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
	int r;

	if (!view) {
		order_destroy(made);
		return made ? -ENOENT : -ENOMEM;
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
			view->doubtful_digest[0] = '\0'; /* a person decided */
		task_set_place(view, &order->place);
		task_set_text(&view->waiting, NULL);
	}
	tasks_commit(backend->tasks, view);
	if (r)
		order_destroy(made);
	else
		core_send(backend, order_command(made));
	return r;
}

int backend_task_refuse(struct backend *backend, uint64_t number, uint64_t edits,
			const struct problem *problem, const char *digest, bool is_forced)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	int r = 0;

	if (!view)
		return -ENOENT;
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
		task_set_text(&view->note, NULL);
	} else {
		order_enter_invalid(view, problem, digest);
	}
	tasks_commit(backend->tasks, view);
	return 0;
}

int backend_task_release(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);
	bool is_pending = view && view->state == TASK_PENDING;

	if (!view)
		return -ENOENT;
	if (is_pending) {
		view->is_archive = view->needs_submit = false;
		/* Told once is enough, whatever else it waits for. */
		task_clear_refused_save(view);
		tasks_commit(backend->tasks, view);
	} else {
		tasks_abandon(backend->tasks, view);
	}
	return is_pending ? 0 : -EBUSY;
}

/* In tasks_begin() … tasks_commit(). */
static int archive(struct backend *backend, struct task_view *view)
{
	if (view->state != TASK_PENDING) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	view->is_archive = true;
	view->hidden = 0; /* what a copier removed was in its way: the real one comes back
			     later */
	view->order = 0;
	view->listing_ms = clock_wall_ms();
	task_set_text(&view->waiting, NULL);
	tasks_commit(backend->tasks, view);
	return 0;
}

int backend_task_copy_came(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
	if (task_is_locked(view->state) || view->needs_submit) {
		tasks_abandon(backend->tasks, view);
		return 0;
	}
	view->needs_submit = true;
	view->order = 0;
	tasks_commit(backend->tasks, view);
	return 0;
}

int backend_task_set_refused_save(struct backend *backend, uint64_t number,
				  const struct refused_save *refused)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
	if (view->state != TASK_PENDING) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	task_clear_refused_save(view);
	if (refused) {
		task_set_text(&view->refused_save.problem, refused->problem);
		view->refused_save.at_ms = refused->at_ms;
		memcpy(view->refused_save.over, refused->over, sizeof(refused->over));
	}
	tasks_commit(backend->tasks, view);
	return 0;
}

int backend_task_archive(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	return view ? archive(backend, view) : -ENOENT;
}

/* Opens a task for a change that was read from its files. 0, -ENOENT or -EAGAIN. */
static int begin_read(struct backend *backend, uint64_t number, uint64_t edits,
		      struct task_view **ret_view)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
	if (tasks_is_edited_locked(backend->tasks, number, edits)) {
		tasks_abandon(backend->tasks, view);
		return -EAGAIN;
	}
	*ret_view = view;
	return 0;
}

int backend_task_archive_read(struct backend *backend, uint64_t number, uint64_t edits)
{
	struct task_view *view;
	int r = begin_read(backend, number, edits, &view);

	return r ? r : archive(backend, view);
}

static void remove_now(struct backend *backend, uint64_t number)
{
	size_probe_drop(backend, number);
	media_drop(backend, number, OUTPUT_COUNT);
	poll_cancel(backend, number);
}

int backend_task_remove(struct backend *backend, uint64_t number)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
	view->is_removed = true;
	view->wants_cancel = task_is_active(view->state);
	view->order = 0;
	if (view->state == TASK_PENDING)
		task_enter(view, TASK_CANCELLED);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		view->outputs[i].is_ready = false;
	tasks_commit(backend->tasks, view);
	return core_send_task(backend, number, remove_now);
}

/* --- the words of status --- */

static void cancel_pending(struct task_view *view)
{
	task_begin_attempt(view); /* the attempt before stays as it ended */
	view->intent_ms = 0;
	view->order = 0;
	problem_clear(&view->problem);
	task_set_text(&view->waiting, NULL);
	task_enter(view, TASK_CANCELLED);
}

/*
 * The service has it, but it cannot be asked: the configuration no longer has what made
 * it. A person may decide about it as if it were unknown.
 */
static bool is_out_of_reach(const struct backend *backend, const struct task_view *view)
{
	return (view->state == TASK_QUEUED || view->state == TASK_RUNNING) &&
	       !core_section_of(backend, view);
}

static void note_both(struct task_view *view)
{
	AUTOFREE char *note =
		text_format("ordered anew: the one before (%s, made with provider "
			    "\"%s\") may be billed as well",
			    view->remote_id ? view->remote_id : "no id",
			    view->provider ? view->provider : "?");

	task_set_text(&view->note, note);
}

static int control_retry(struct backend *backend, struct task_view *view)
{
	bool is_billed = is_out_of_reach(backend, view);

	switch (is_billed ? TASK_UNKNOWN : view->state) {
	case TASK_FAILED:
	case TASK_EXPIRED:
	case TASK_CANCELLED:
	case TASK_INVALID:
	case TASK_UNKNOWN:
		reopen(view);
		view->needs_submit = false;
		/* The same content is wanted again, whatever comes between. */
		view->digest[0] = view->doubtful_digest[0] = '\0';
		task_set_text(&view->note, NULL);
		if (is_billed)
			note_both(view);
		tasks_commit(backend->tasks, view);
		return 0;
	default:
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
}

static int control_cancel(struct backend *backend, struct task_view *view)
{
	uint64_t number = view->number;

	if (view->state == TASK_PENDING) {
		cancel_pending(view);
		tasks_commit(backend->tasks, view);
		return 0;
	}
	if (view->state != TASK_QUEUED && view->state != TASK_RUNNING) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	view->wants_cancel = true;
	task_set_text(&view->note, "asking the service to cancel");
	tasks_commit(backend->tasks, view);
	return core_send_task(backend, number, poll_cancel);
}

static void adopt_now(struct backend *backend, uint64_t number)
{
	poll_task(backend, number, 0);
}

/* The section that an adopted task is bound to: named, its own, or the default one. */
static const struct provider_section *section_to_adopt(struct backend *backend,
						       const struct task_view *view,
						       const char *provider)
{
	const struct provider_section *section;

	if (provider)
		return config_section(backend->config, provider);
	section = core_section_of(backend, view);
	return section ? section : config_section(backend->config, NULL);
}

static bool may_adopt(const struct backend *backend, const struct task_view *view)
{
	enum task_state state = view->state;

	return state == TASK_PENDING || state == TASK_INVALID || state == TASK_UNKNOWN ||
	       state == TASK_FAILED || state == TASK_EXPIRED ||
	       is_out_of_reach(backend, view);
}

static void enter_adopted(struct task_view *view, const struct provider_section *section,
			  const char *id)
{
	task_set_text(&view->provider, section->name);
	task_set_text(&view->endpoint, core_endpoint_name(section));
	task_set_text(&view->key_name, section->key_name);
	task_begin_attempt(view);
	view->intent_ms = 0;
	view->order = 0;
	view->is_archive = view->needs_submit = false;
	task_set_text(&view->remote_id, id);
	task_set_text(&view->raw_state, NULL);
	task_set_text(&view->waiting, NULL);
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		output_reset(&view->outputs[i]);
		view->outputs[i].is_dead = false;
		task_set_text(&view->outputs[i].url, NULL);
	}
	task_set_text(&view->note, "adopted: made elsewhere");
	view->doubtful_digest[0] = '\0';
	problem_clear(&view->problem);
	task_enter(view, TASK_QUEUED);
	view->listing_ms = clock_wall_ms();
}

static int adopt(struct backend *backend, struct task_view *view, const char *provider,
		 const char *id)
{
	const struct provider_section *section =
		section_to_adopt(backend, view, provider);
	uint64_t number = view->number;
	int r = 0;

	if (!may_adopt(backend, view))
		r = -EBUSY;
	else if (!id || !provider_id_is_safe(id))
		r = -EINVAL;
	else if (!section)
		r = -ENXIO;
	if (r) {
		tasks_abandon(backend->tasks, view);
		return r;
	}
	enter_adopted(view, section, id);
	tasks_commit(backend->tasks, view);
	return core_send_task(backend, number, adopt_now);
}

int backend_task_adopt(struct backend *backend, uint64_t number, uint64_t edits,
		       const char *provider, const char *id)
{
	struct task_view *view;
	int r = begin_read(backend, number, edits, &view);

	return r ? r : adopt(backend, view, provider, id);
}

static int control_fetch(struct backend *backend, struct task_view *view)
{
	uint64_t number = view->number;

	if (view->state != TASK_SUCCEEDED) {
		tasks_abandon(backend->tasks, view);
		return -EBUSY;
	}
	view->hidden &= ~(unsigned)(HIDDEN_VIDEO | HIDDEN_LAST_FRAME);
	for (int i = 0; i < OUTPUT_COUNT; i++)
		view->outputs[i].is_dead = view->outputs[i].is_removed = false;
	view->listing_ms = clock_wall_ms();
	tasks_commit(backend->tasks, view);
	return core_send_task(backend, number, media_fetch);
}

int backend_task_control(struct backend *backend, uint64_t number, const char *word,
			 const char *argument)
{
	struct task_view *view = tasks_begin(backend->tasks, number);

	if (!view)
		return -ENOENT;
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
