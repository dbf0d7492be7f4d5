/* The outcome of a create. */
#include "backend/orders/order_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/orders/lost_answer.h"
#include "backend/polling/poll.h"
#include "backend/tasks/transitions.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define FIRST_POLL_MS 1000

/*
 * Each of these functions stores one outcome. -ENOMEM: nothing changed, and the outcome
 * must be stored later. An outcome is never dropped: it may contain the id of a paid
 * task.
 */

/*
 * The request certainly did not arrive: the order waits again, unless the task was
 * removed.
 */
static int put_back(struct order *order)
{
	struct backend *backend = order->backend;
	struct task_view *view = tasks_begin(backend->tasks, order->number);
	int64_t intent_ms;
	int r;

	if (!view)
		return -ENOMEM;
	intent_ms = view->intent_ms;
	if (task_move(view, view->is_removed ? TASK_IS_WITHDRAWN : TASK_IS_UNSENT)) {
		view->intent_ms = 0;
		view->order = view->is_removed ? 0 : order->token;
		task_set_text(view, &view->waiting, order->waiting);
	}
	r = tasks_commit(backend->tasks, view);
	if (r)
		return r;
	budget_take_back(backend, intent_ms);
	order->stage = ORDER_WAITS;
	return 0;
}

static int enter_problem(struct order *order)
{
	struct backend *backend = order->backend;
	const struct create_answer *answer = &order->answer;
	bool is_refused = answer->result == CREATE_REFUSED;
	struct task_view *view = tasks_begin(backend->tasks, order->number);
	int r;

	if (!view)
		return -ENOMEM;
	if (task_move(view, is_refused ? TASK_IS_REFUSED : TASK_IS_LOST))
		problem_copy(&view->problem, &answer->problem);
	view->listing_ms = clock_wall_ms();
	r = tasks_commit(backend->tasks, view);
	if (r)
		return r;
	log_info("event=create_ended task=%" PRIu64 " state=%s class=%s", order->number,
		 task_state_word(is_refused ? TASK_INVALID : TASK_UNKNOWN),
		 problem_class_word(answer->problem.class));
	if (!is_refused)
		lost_answer_look(backend, order->number);
	return 0;
}

/* Sets the id and, in the same change, everything else that the answer contains. */
static void take_id(struct task_view *view, const struct order *order,
		    struct poll_effect *ret_effect)
{
	const struct observation *seen = &order->answer.observation;

	if (view->remote_id && strcmp(view->remote_id, seen->id) != 0)
		task_format_text(view, &view->note,
				 "the service also accepted it as task %s", seen->id);
	else
		task_set_text(view, &view->remote_id, seen->id);
	task_move(view, TASK_IS_ACCEPTED);
	poll_apply(view, seen, ret_effect);
}

static int accepted(struct order *order)
{
	struct backend *backend = order->backend;
	struct task_view *view = tasks_begin(backend->tasks, order->number);
	struct poll_effect effect;
	bool is_removed;
	int r;

	if (!view)
		return -ENOMEM;
	take_id(view, order, &effect);
	is_removed = view->is_removed;
	r = tasks_commit(backend->tasks, view);
	if (r)
		return r;
	log_info("event=accepted task=%" PRIu64 " id=%s provider=%s", order->number,
		 order->answer.observation.id, order->section->name);
	if (is_removed)
		poll_cancel(backend, order->number);
	else
		poll_task(backend, order->number,
			  order->section->poll_ms < FIRST_POLL_MS
				  ? order->section->poll_ms
				  : FIRST_POLL_MS);
	poll_carry_out(backend, order->number, &effect);
	return 0;
}

static int64_t backoff(struct order *order)
{
	unsigned doublings = order->failures < 6 ? order->failures : 6;
	int64_t ms = (int64_t)ORDER_RETRY_FIRST_MS << doublings;

	order->failures++;
	return backend_jitter(order->backend,
			      ms > ORDER_RETRY_LAST_MS ? ORDER_RETRY_LAST_MS : ms);
}

/*
 * The request certainly did not arrive: it is sent again after `wait_ms`. Takes the text.
 */
void order_send_again(struct order *order, char *waiting, int64_t wait_ms)
{
	free(order->waiting);
	order->waiting = waiting;
	order->goes_back = true;
	order_wait(order, wait_ms);
}

/* Parses the service's answer. 0, or -ENOMEM: it can be parsed again. */
static int read_answer(struct order *order)
{
	struct create_answer *answer = &order->answer;
	const struct http_response *response = &order->response;
	int r;

	create_answer_clear(answer);
	*answer = (struct create_answer){ .observation = { .progress = -1 } };
	r = order->section->provider->parse_create(response, answer);
	if (r == -ENOMEM)
		return r;
	order->is_read = true;
	if (answer->result == CREATE_REFUSED && answer->may_repeat) {
		int64_t wait_ms = backoff(order);

		order_send_again(
			order,
			text_format("%s asked for a later retry (%s); the request was "
				    "not accepted; retrying automatically",
				    order->section->name,
				    answer->problem.text ? answer->problem.text
							 : "HTTP 429"),
			response->retry_after_ms ? response->retry_after_ms : wait_ms);
	}
	return 0;
}

static int put_down(struct order *order)
{
	int r = order->goes_back || order->is_read ? 0 : read_answer(order);

	if (r)
		return r;
	if (order->goes_back)
		return put_back(order);
	return order->answer.result == CREATE_ACCEPTED ? accepted(order)
						       : enter_problem(order);
}

/* Stores the outcome. The order ends unless it is sent again. */
void order_conclude(struct order *order)
{
	if (put_down(order)) {
		log_warn("event=no_memory task=%" PRIu64 " action=\"retrying\"",
			 order->number);
		order->stage = ORDER_ANSWERED;
		order_wait(order, ORDER_RETRY_FIRST_MS);
	} else if (order->goes_back) {
		order->goes_back = order->is_read = false;
		http_response_clear(&order->response);
	} else {
		order_drop(order->backend, order);
	}
}

/* --- how the call ended --- */

void order_not_sent(struct order *order, const char *failure)
{
	order_send_again(order,
			 text_format("%s cannot be reached (%s); nothing was sent; "
				     "retrying automatically",
				     order->section->name,
				     failure ? failure : "no connection"),
			 backoff(order));
	order_conclude(order);
}

static void lost(struct order *order, const char *failure)
{
	order->is_read = true;
	order->answer.result = CREATE_AMBIGUOUS;
	problem_set(&order->answer.problem, PROBLEM_NETWORK,
		    "the request was sent to %s, but no answer was received (%s); it may "
		    "have been accepted and billed",
		    order->section->name, failure ? failure : "connection lost");
	order_conclude(order);
}

void order_answered(void *context, struct http_response *response)
{
	struct order *order = context;

	trust_learn(order->backend->trust, order->section, response);
	switch (response->outcome) {
	case HTTP_ANSWERED:
		order->response = *response;
		*response = (struct http_response){ 0 };
		order_conclude(order);
		return;
	case HTTP_NOT_SENT:
		order_not_sent(order, response->failure);
		return;
	case HTTP_LOST:
		lost(order, response->failure);
		return;
	}
}
