/*
 * What holds an order back: the hourly limit, a section's max_active, or a ledger that
 * cannot be written.
 */
#include "backend/orders/order_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/text.h"
#include "backend/core/section.h"
#include "backend/ledger/ledger.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define HOUR_MS 3600000
/*
 * A service drops connections when it gets too many requests at once. Then nobody knows
 * which requests arrived.
 */
#define CREATES_AT_ONCE 32
#define CREATES_AGAIN_MS 50

/* --- the hourly limit --- */

int budget_add(void *context, int64_t intent_ms)
{
	struct backend *backend = context;
	int64_t *intents =
		realloc(backend->sender->intents,
			(backend->sender->intent_count + 1) * sizeof(*intents));

	if (!intents)
		return -ENOMEM;
	backend->sender->intents = intents;
	intents[backend->sender->intent_count++] = intent_ms;
	return 0;
}

int sender_load_intents(struct backend *backend)
{
	return ledger_load_intents(backend->ledger, clock_wall_ms() - HOUR_MS, budget_add,
				   backend);
}

static void forget_old_intents(struct backend *backend, int64_t now_ms)
{
	size_t old = 0;

	while (old < backend->sender->intent_count &&
	       backend->sender->intents[old] <= now_ms - HOUR_MS)
		old++;
	if (!old)
		return;
	backend->sender->intent_count -= old;
	memmove(backend->sender->intents, backend->sender->intents + old,
		backend->sender->intent_count * sizeof(*backend->sender->intents));
}

/* An order that certainly did not arrive does not count towards the limit. */
void budget_take_back(struct backend *backend, int64_t intent_ms)
{
	for (size_t i = backend->sender->intent_count; i-- > 0;) {
		if (backend->sender->intents[i] != intent_ms)
			continue;
		backend->sender->intent_count--;
		memmove(&backend->sender->intents[i], &backend->sender->intents[i + 1],
			(backend->sender->intent_count - i) *
				sizeof(*backend->sender->intents));
		return;
	}
}

/* --- what holds an order back --- */

struct census {
	const struct backend *backend;
	const struct provider_section *section;
	unsigned active;
};

/* A task whose section was removed is never polled again. It must not count forever. */
static void count_active(void *context, struct task_view *view)
{
	struct census *census = context;

	if (task_is_active(view->state) &&
	    backend_section_of(census->backend, view) == census->section)
		census->active++;
}

static char *local_time(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	return strdup(text);
}

static unsigned count_creates(const struct backend *backend,
			      const struct provider_section *section)
{
	unsigned count = 0;

	for (const struct order *order = backend->sender->orders; order;
	     order = order->next)
		if (order->section == section &&
		    (order->stage == ORDER_MARKED || order->stage == ORDER_SENT))
			count++;
	return count;
}

/* Why the order may not be sent now: a text for `waiting:`, or NULL. free() it. */
char *budget_holds(struct backend *backend, struct order *order)
{
	unsigned limit = backend->config->submissions_per_hour;
	struct census census = { .backend = backend, .section = order->section };
	int64_t now_ms = clock_wall_ms();

	forget_old_intents(backend, now_ms);
	if (backend->sender->intent_count >= limit) {
		int64_t free_ms =
			backend->sender->intents[backend->sender->intent_count - limit] +
			HOUR_MS;
		AUTOFREE char *when = local_time(free_ms);

		order_wait(order, free_ms - now_ms + 10);
		return text_format(
			"%u tasks were submitted within the last hour "
			"(submissions_per_hour = %u); this one will be submitted at %s",
			limit, limit, when ? when : "?");
	}
	if (count_creates(backend, order->section) >= CREATES_AT_ONCE) {
		order_wait(order, CREATES_AGAIN_MS);
		return text_format("%d requests to %s are in flight; this one will be "
				   "sent when one of them gets a response",
				   CREATES_AT_ONCE, order->section->name);
	}
	tasks_each(backend->tasks, count_active, &census);
	if (census.active >= order->section->max_active)
		return text_format("%u tasks are active at %s (max_active = %u); this "
				   "one will be submitted when one of them ends",
				   census.active, order->section->name,
				   order->section->max_active);
	if (backend->ledger_is_failing)
		return text_format(
			"the ledger cannot be written (%s); nothing will be submitted "
			"until it can be written; check the library's disk",
			ledger_error(backend->ledger));
	return NULL;
}
