#include "backend/orders/order_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/shared.h"
#include "backend/base/text.h"
#include "backend/orders/inputs.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void order_due(void *context)
{
	(void)context; /* the timer only causes a turn, which checks all orders */
}

static int copy_locked(struct order *made, const struct task_order *order)
{
	made->locked = order->locked_count
			       ? calloc(order->locked_count, sizeof(*made->locked))
			       : NULL;
	if (order->locked_count && !made->locked)
		return -ENOMEM;
	for (; made->locked_count < order->locked_count; made->locked_count++) {
		made->locked[made->locked_count] = order->locked[made->locked_count];
		made->locked[made->locked_count].name =
			text_dup(order->locked[made->locked_count].name);
		if (!made->locked[made->locked_count].name)
			return -ENOMEM;
	}
	return 0;
}

static void add(struct backend *backend, struct order *order)
{
	struct order **end = &backend->sender->orders;

	while (*end)
		end = &(*end)->next;
	order->next = NULL;
	*end = order;
}

static void run_order(struct backend *backend, struct command *command)
{
	struct order *order = (struct order *)command;

	order->backend = backend;
	add(backend, order);
}

struct order *order_create(const struct task_order *order)
{
	static _Atomic uint64_t tokens = 1;
	struct order *made = calloc(1, sizeof(*made));

	if (!made) {
		request_destroy(order->request);
		return NULL;
	}
	made->command.run = run_order;
	made->number = order->number;
	made->token = atomic_fetch_add(&tokens, 1);
	made->request = order->request;
	memcpy(made->digest, order->digest, sizeof(made->digest));
	made->edits = order->edits;
	made->place = order->place;
	made->place.path = shared_text(order->place.path);
	timer_init(&made->timer, order_due, made);
	if ((order->place.path && !made->place.path) || copy_locked(made, order)) {
		order_destroy(made);
		return NULL;
	}
	return made;
}

void order_destroy(struct order *order)
{
	if (!order)
		return;
	inputs_destroy(order->inputs);
	request_destroy(order->request);
	for (size_t i = 0; i < order->locked_count; i++)
		free(order->locked[i].name);
	free(order->locked);
	shared_unref(order->place.path);
	http_request_clear(&order->http);
	http_response_clear(&order->response);
	create_answer_clear(&order->answer);
	free(order->waiting);
	free(order);
}

uint64_t order_token(const struct order *order)
{
	return order->token;
}

struct command *order_command(struct order *order)
{
	return &order->command;
}

void order_drop(struct backend *backend, struct order *order)
{
	struct order **at = &backend->sender->orders;

	while (*at && *at != order)
		at = &(*at)->next;
	if (*at)
		*at = order->next;
	timer_clear(&backend->timers, &order->timer);
	order_destroy(order);
}

void order_wait(struct order *order, int64_t wait_ms)
{
	order->not_before_ms = clock_boot_ms() + wait_ms;
	timer_set(&order->backend->timers, &order->timer, order->not_before_ms);
}

bool order_stands(const struct order *order, const struct task_view *view)
{
	return view->state == TASK_PENDING && view->order == order->token;
}
