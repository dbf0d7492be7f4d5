#include "backend/orders/order_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/core/note.h"
#include "backend/core/section.h"
#include "backend/http/http.h"
#include "backend/ledger/ledger.h"
#include "backend/media/size_probe.h"
#include "backend/tasks/transitions.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define CREATE_TIMEOUT_MS \
	600000 /* a service may hold a create open: providers/README.md, 1.2 */
#define ANSWER_MAX_BYTES (4u << 20)
#define INPUTS_MS 500 /* interval of checking inputs that are being fetched */

int sender_create(struct backend *backend)
{
	backend->sender = calloc(1, sizeof(*backend->sender));
	return backend->sender ? 0 : -ENOMEM;
}

void sender_destroy(struct backend *backend)
{
	struct sender *sender = backend->sender;

	if (!sender)
		return;
	while (sender->orders)
		order_drop(backend, sender->orders);
	free(sender->intents);
	free(sender);
}

/* --- marking --- */

void order_enter_invalid(struct task_view *view, const struct problem *problem,
			 const char *digest)
{
	task_begin_attempt(view);
	view->intent_ms = 0;
	view->order = 0;
	snprintf(view->digest, sizeof(view->digest), "%s", digest);
	problem_copy(&view->problem, problem);
	task_set_text(view, &view->waiting, NULL);
	task_set_text(view, &view->note, NULL);
	task_set_text(view, &view->remote_id, NULL);
	task_move(view, TASK_IS_REFUSED);
	view->listing_ms = clock_wall_ms();
}

/* The task, opened for a change. NULL if the order was replaced or memory ran out. */
static struct task_view *begin_standing(struct order *order)
{
	struct tasks *tasks = order->backend->tasks;
	struct task_view *view = tasks_begin(tasks, order->number);

	if (!view || order_stands(order, view))
		return view;
	tasks_abandon(tasks, view);
	return NULL;
}

/* The task stops waiting for the order. Without memory, the next turn retries. */
static void end_waiting(struct order *order, struct task_view *view)
{
	if (tasks_commit(order->backend->tasks, view))
		order_wait(order, ORDER_RETRY_FIRST_MS);
	else
		order_drop(order->backend, order);
}

static void refuse_order(struct order *order, const struct problem *problem)
{
	struct task_view *view = begin_standing(order);

	if (!view) {
		order_wait(order,
			   ORDER_RETRY_FIRST_MS); /* the next turn drops it, or retries */
		return;
	}
	order_enter_invalid(view, problem, order->digest);
	end_waiting(order, view);
}

/* The files changed after they were read: the folder must be read again. */
static void give_back(struct order *order)
{
	struct task_view *view = begin_standing(order);

	if (!view) {
		order_wait(order, ORDER_RETRY_FIRST_MS);
		return;
	}
	view->order = 0;
	task_set_text(view, &view->waiting, NULL);
	end_waiting(order, view);
}

static void mark_submitting(struct order *order, struct task_view *view)
{
	AUTOFREE char *described = request_describe(order->request);

	if (!described)
		view->failure = -ENOMEM;
	if (!task_is_active(view->previous_state)) /* else it warns of a second bill */
		task_set_text(view, &view->note, NULL);
	task_begin_attempt(view);
	view->order = 0;
	view->intent_ms = clock_wall_ms();
	view->progress = -1;
	task_set_text(view, &view->provider, order->section->name);
	task_set_text(view, &view->endpoint, section_endpoint_name(order->section));
	task_set_text(view, &view->key_name, order->section->key_name);
	task_set_text(view, &view->model, order->request->model);
	task_set_text(view, &view->remote_id, NULL);
	task_set_text(view, &view->raw_state, NULL);
	task_set_text(view, &view->answer, NULL);
	task_set_text(view, &view->usage, NULL);
	task_set_text(view, &view->waiting, NULL);
	task_set_text(view, &view->request_note, order->request->note);
	task_set_text(view, &view->request, described);
	problem_clear(&view->problem);
	memcpy(view->digest, order->digest, sizeof(view->digest));
	task_set_locked(view, order->locked, order->locked_count);
	task_set_place(view, &order->place);
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		output_reset(&view->outputs[i]);
		view->outputs[i].is_dead = false;
		task_set_text(view, &view->outputs[i].url, NULL);
	}
	view->listing_ms = clock_wall_ms();
}

/*
 * Marks the task as `submitting`. Its intent must be durable before the request is sent.
 */
static int mark(struct order *order)
{
	struct backend *backend = order->backend;
	struct task_view *view = begin_standing(order);
	int64_t intent_ms;
	int r;

	if (!view)
		return -EAGAIN;
	if (tasks_is_edited_locked(backend->tasks, order->number, order->edits) ||
	    !task_move(view, TASK_IS_SENDING)) {
		tasks_abandon(backend->tasks, view);
		return -EAGAIN;
	}
	mark_submitting(order, view);
	intent_ms = view->intent_ms;
	r = budget_add(backend, intent_ms);
	if (r) {
		tasks_abandon(backend->tasks, view);
		return r;
	}
	r = tasks_commit(backend->tasks, view);
	if (r) {
		budget_take_back(backend, intent_ms);
		return r;
	}
	size_probe_drop(backend, order->number); /* of the previous attempt */
	order->stage = ORDER_MARKED;
	return 0;
}

static void consider(struct order *order)
{
	struct backend *backend = order->backend;
	AUTOPROBLEM problem = { 0 };
	AUTOFREE char *held = NULL;
	AUTOVIEW *present = tasks_view(backend->tasks, order->number);
	int r;

	if (!present || !order_stands(order, present)) {
		order_drop(backend, order);
		return;
	}
	if (clock_boot_ms() < order->not_before_ms)
		return;
	if (tasks_edits(backend->tasks, order->number) != order->edits) {
		give_back(order);
		return;
	}
	r = order_build(order, &held, &problem);
	if (r == -EINVAL) {
		refuse_order(order, &problem);
		return;
	}
	if (r == -ESTALE) {
		give_back(order);
		return;
	}
	if (r == -EAGAIN)
		order_wait(order, INPUTS_MS);
	else if (r)
		order_wait(order, ORDER_RETRY_LAST_MS);
	if (!held)
		held = r ? text_format("%s; retrying automatically", strerror(-r))
			 : budget_holds(backend, order);
	if (held) {
		backend_set_waiting(backend, order->number, held);
		return;
	}
	if (mark(order)) /* the files were edited meanwhile, or memory ran out */
		order_wait(order, ORDER_RETRY_FIRST_MS);
}

void sender_turn(struct backend *backend)
{
	struct order *order, *next;

	for (order = backend->sender->orders; order; order = next) {
		next = order->next;
		if (order->stage == ORDER_WAITS)
			consider(order);
		else if (order->stage == ORDER_ANSWERED &&
			 clock_boot_ms() >= order->not_before_ms)
			order_conclude(order);
	}
}

/* --- sending --- */

static void send_order(struct order *order)
{
	struct http_options options = {
		.timeout_ms = CREATE_TIMEOUT_MS,
		.body_max_bytes = ANSWER_MAX_BYTES,
		.done = order_answered,
		.context = order,
	};

	trust_service(order->section, &options);
	order->stage = ORDER_SENT;
	order->built_ms = 0; /* http_start() takes the request */
	log_info("event=create task=%" PRIu64 " provider=%s bytes=%" PRIu64,
		 order->number, order->section->name,
		 http_request_body_size(&order->http));
	if (http_start(order->backend->http, &order->http, &options, NULL))
		order_not_sent(order, "out of memory");
}

void sender_send(struct backend *backend)
{
	struct order *order, *next;

	for (order = backend->sender->orders; order; order = next) {
		next = order->next;
		if (order->stage == ORDER_MARKED)
			send_order(order);
	}
}

void sender_unsend(struct backend *backend)
{
	for (struct order *order = backend->sender->orders; order; order = order->next)
		if (order->stage == ORDER_MARKED) {
			order_send_again(
				order,
				text_format("the ledger cannot be written (%s); nothing "
					    "will be submitted until it can be written; "
					    "check the library's disk",
					    ledger_error(backend->ledger)),
				ORDER_RETRY_FIRST_MS);
			order_conclude(order);
		}
}

bool sender_is_sending(const struct backend *backend)
{
	for (const struct order *order = backend->sender->orders; order;
	     order = order->next)
		if (order->stage == ORDER_SENT || order->stage == ORDER_ANSWERED)
			return true;
	return false;
}
