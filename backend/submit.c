#include "backend/submit.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/fit.h"
#include "backend/inputs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#define HOUR_MS 3600000
#define CREATE_TIMEOUT_MS                                             \
	600000 /* a service may hold a create open: providers.md, 1.2 \
		*/
#define ANSWER_MAX_BYTES (4u << 20)
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 60000
#define FIRST_POLL_MS 1000
#define INPUTS_MS 500 /* between two looks at what is being fetched */
#define BUILT_MS 60000

enum order_stage {
	ORDER_WAITS,  /* for its turn, the limits, or a retry */
	ORDER_MARKED, /* the task is `submitting` in memory; the intent is not durable yet
		       */
	ORDER_SENT,   /* the request is on its way */
	ORDER_ANSWERED, /* what became of it is to be put down yet: there was no memory */
};

struct order {
	struct command command;
	struct backend *backend;
	struct order *next;
	enum order_stage stage;
	uint64_t number, token;
	struct request *request;
	char digest[SHA256_HEX];
	struct locked_file *locked;
	size_t locked_count;
	struct task_place place;
	const struct provider_section *section;
	struct inputs *inputs;	  /* what it needs from elsewhere */
	struct http_request http; /* as it was built last */
	int64_t built_ms;	  /* boot clock; 0: not yet */
	/* What became of it, until that is put down. */
	struct http_response response; /* to be read; its body is taken */
	struct create_answer answer;
	bool is_read, goes_back; /* it did not arrive, and goes out again … */
	char *waiting;		 /* … because of this */
	unsigned failures;
	int64_t not_before_ms; /* boot clock */
	struct timer timer;
};

/* --- life --- */

static void order_due(void *context)
{
	(void)context; /* the turn that the timer makes looks at all orders */
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
	}
	return 0;
}

static void run_order(struct backend *backend, struct command *command)
{
	struct order *order = (struct order *)command;

	order->backend = backend;
	submit_add(backend, order);
}

struct order *submit_order_create(const struct task_order *order)
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
	made->place = order->place;
	made->place.path = text_dup(order->place.path);
	timer_init(&made->timer, order_due, made);
	if (copy_locked(made, order)) {
		submit_order_destroy(made);
		return NULL;
	}
	return made;
}

void submit_order_destroy(struct order *order)
{
	if (!order)
		return;
	inputs_destroy(order->inputs);
	request_destroy(order->request);
	for (size_t i = 0; i < order->locked_count; i++)
		free(order->locked[i].name);
	free(order->locked);
	free(order->place.path);
	http_request_clear(&order->http);
	http_response_clear(&order->response);
	create_answer_clear(&order->answer);
	free(order->waiting);
	free(order);
}

uint64_t submit_order_token(const struct order *order)
{
	return order->token;
}

struct command *submit_order_command(struct order *order)
{
	return &order->command;
}

void submit_add(struct backend *backend, struct order *order)
{
	struct order **end = &backend->orders;

	while (*end)
		end = &(*end)->next;
	order->next = NULL;
	*end = order;
}

static void drop_order(struct backend *backend, struct order *order)
{
	struct order **at = &backend->orders;

	while (*at && *at != order)
		at = &(*at)->next;
	if (*at)
		*at = order->next;
	timer_clear(&backend->timers, &order->timer);
	submit_order_destroy(order);
}

void submit_clear(struct backend *backend)
{
	while (backend->orders)
		drop_order(backend, backend->orders);
}

/* --- the hour's budget --- */

static int add_intent(void *context, int64_t intent_ms)
{
	struct backend *backend = context;
	int64_t *intents =
		realloc(backend->intents, (backend->intent_count + 1) * sizeof(*intents));

	if (!intents)
		return -ENOMEM;
	backend->intents = intents;
	intents[backend->intent_count++] = intent_ms;
	return 0;
}

int submit_load_intents(struct backend *backend)
{
	return ledger_load_intents(backend->ledger, clock_wall_ms() - HOUR_MS, add_intent,
				   backend);
}

static void forget_old_intents(struct backend *backend, int64_t now_ms)
{
	size_t old = 0;

	while (old < backend->intent_count && backend->intents[old] <= now_ms - HOUR_MS)
		old++;
	if (!old)
		return;
	backend->intent_count -= old;
	memmove(backend->intents, backend->intents + old,
		backend->intent_count * sizeof(*backend->intents));
}

/* An order that certainly did not arrive costs nothing of the budget. */
static void take_back_intent(struct backend *backend, int64_t intent_ms)
{
	for (size_t i = backend->intent_count; i-- > 0;) {
		if (backend->intents[i] != intent_ms)
			continue;
		backend->intent_count--;
		memmove(&backend->intents[i], &backend->intents[i + 1],
			(backend->intent_count - i) * sizeof(*backend->intents));
		return;
	}
}

/* --- what holds an order back --- */

static void wait_until(struct order *order, int64_t wait_ms)
{
	order->not_before_ms = clock_boot_ms() + wait_ms;
	timer_set(&order->backend->timers, &order->timer, order->not_before_ms);
}

struct census {
	const char *provider;
	unsigned active;
};

static void count_active(void *context, struct task_view *view)
{
	struct census *census = context;

	if (task_is_active(view->state) && view->provider &&
	    !strcmp(view->provider, census->provider))
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

/* Why the order may not go out now: a line for `waiting:`, or NULL. */
static char *held_by_limits(struct backend *backend, struct order *order)
{
	unsigned limit = backend->config->submissions_per_hour;
	struct census census = { .provider = order->section->name };
	int64_t now_ms = clock_wall_ms();

	forget_old_intents(backend, now_ms);
	if (backend->intent_count >= limit) {
		int64_t free_ms =
			backend->intents[backend->intent_count - limit] + HOUR_MS;
		AUTOFREE char *when = local_time(free_ms);

		wait_until(order, free_ms - now_ms + 10);
		return text_format("%u tasks were sent within the last hour "
				   "(submissions_per_hour = %u); this one goes out at %s",
				   limit, limit, when ? when : "?");
	}
	tasks_each(backend->tasks, count_active, &census);
	if (census.active >= order->section->max_active)
		return text_format(
			"%u tasks are under way at %s (max_active = %u); this one "
			"follows when one of them ends",
			census.active, order->section->name, order->section->max_active);
	if (backend->ledger_is_failing)
		return text_format(
			"the ledger cannot be written (%s); nothing is sent until it can",
			ledger_error(backend->ledger));
	return NULL;
}

/* --- building and marking --- */

void submit_enter_invalid(struct task_view *view, const struct problem *problem,
			  const char *digest)
{
	task_begin_attempt(view);
	view->intent_ms = 0;
	view->order = 0;
	snprintf(view->digest, sizeof(view->digest), "%s", digest);
	problem_clear(&view->problem);
	problem_copy(&view->problem, problem);
	task_set_text(&view->waiting, NULL);
	task_set_text(&view->note, NULL);
	task_set_text(&view->remote_id, NULL);
	task_enter(view, TASK_INVALID);
	view->listing_ms = clock_wall_ms();
}

static bool is_standing(const struct order *order, const struct task_view *view)
{
	return view->state == TASK_PENDING && view->order == order->token;
}

/* The task, opened for a change, if this order still stands and there is memory. */
static struct task_view *begin_standing(struct order *order)
{
	struct tasks *tasks = order->backend->tasks;
	struct task_view *view = tasks_begin(tasks, order->number);

	if (!view || is_standing(order, view))
		return view;
	tasks_abandon(tasks, view);
	return NULL;
}

static void refuse_order(struct order *order, const struct problem *problem)
{
	struct backend *backend = order->backend;
	struct task_view *view = begin_standing(order);

	if (!view) {
		wait_until(order, RETRY_FIRST_MS); /* the next turn drops it, or tries */
		return;
	}
	submit_enter_invalid(view, problem, order->digest);
	tasks_commit(backend->tasks, view);
	drop_order(backend, order);
}

/* What it was read from is not so any more: its folder is looked at again. */
static void give_back(struct order *order)
{
	struct backend *backend = order->backend;
	struct task_view *view = begin_standing(order);

	if (!view) {
		wait_until(order, RETRY_FIRST_MS);
		return;
	}
	view->order = 0;
	task_set_text(&view->waiting, NULL);
	tasks_commit(backend->tasks, view);
	drop_order(backend, order);
}

static void describe_sections(const struct config *config, struct buffer *list)
{
	for (size_t i = 0; i < config->section_count; i++)
		buffer_addf(list, "%s%s", i ? ", " : "", config->sections[i].name);
}

static int choose_section(struct order *order, struct problem *problem)
{
	const struct config *config = order->backend->config;
	AUTOBUFFER names = BUFFER_INIT(2048);

	if (order->section)
		return 0;
	order->section = config_section(config, order->request->provider);
	if (order->section)
		return 0;
	describe_sections(config, &names);
	problem_set(problem, PROBLEM_INVALID,
		    "%s: \"provider\" is \"%s\", and the configuration has no section of "
		    "that "
		    "name; allowed: %s",
		    order->request->source, order->request->provider, names.data);
	return -EINVAL;
}

static int fit(struct order *order, struct problem *problem)
{
	struct endpoint endpoint = config_endpoint(order->section);

	return fit_request(order->backend->config->models, order->section->provider,
			   &endpoint, order->request, problem);
}

/* Fits the request to its service, with all that it needs. -EAGAIN: not there yet. */
static int complete(struct order *order, char **ret_waiting, struct problem *problem)
{
	int r = choose_section(order, problem);

	if (!r)
		r = fit(order, problem);
	if (!r)
		r = inputs_provide(order->backend, order->section, order->request,
				   &order->inputs, ret_waiting, problem);
	return r ? r : fit(order, problem); /* what came is within the limits, too */
}

/*
 * What is held for long is built anew before it goes: links of other tasks die meanwhile.
 */
static bool is_built(const struct order *order)
{
	return order->built_ms && clock_boot_ms() - order->built_ms < BUILT_MS;
}

static int build(struct order *order, char **ret_waiting, struct problem *problem)
{
	struct endpoint endpoint;
	uint64_t size, limit;
	int r = is_built(order) ? 0 : complete(order, ret_waiting, problem);

	if (r || is_built(order))
		return r;
	endpoint = config_endpoint(order->section);
	http_request_clear(&order->http);
	r = order->section->provider->build_create(order->request, &endpoint,
						   &order->http, problem);
	if (r)
		return r;
	size = http_request_body_size(&order->http);
	limit = order->section->provider->body_max_bytes;
	order->built_ms = clock_boot_ms();
	if (size <= limit)
		return 0;
	problem_set(problem, PROBLEM_INVALID,
		    "%s: the request with its pictures has %" PRIu64
		    " bytes (base64 adds a third); "
		    "allowed: up to %" PRIu64
		    ". Use smaller pictures, or https:// addresses",
		    order->request->source, size, limit);
	return -EINVAL;
}

static void mark_submitting(struct order *order, struct task_view *view)
{
	AUTOFREE char *described = request_describe(order->request);

	task_begin_attempt(view);
	view->order = 0;
	view->intent_ms = clock_wall_ms();
	view->progress = -1;
	task_set_text(&view->provider, order->section->name);
	task_set_text(&view->endpoint, core_endpoint_name(order->section));
	task_set_text(&view->key_name, order->section->key_name);
	task_set_text(&view->model, order->request->model);
	task_set_text(&view->remote_id, NULL);
	task_set_text(&view->raw_state, NULL);
	task_set_text(&view->answer, NULL);
	task_set_text(&view->usage, NULL);
	task_set_text(&view->waiting, NULL);
	task_set_text(&view->note, NULL);
	task_set_text(&view->request_note, order->request->note);
	task_set_text(&view->request, described);
	problem_clear(&view->problem);
	memcpy(view->digest, order->digest, sizeof(view->digest));
	task_set_locked(view, order->locked, order->locked_count);
	task_set_place(view, &order->place);
	for (int i = 0; i < OUTPUT_COUNT; i++) {
		view->outputs[i].is_ready = view->outputs[i].is_dead = false;
		task_set_text(&view->outputs[i].url, NULL);
	}
	task_enter(view, TASK_SUBMITTING);
	view->listing_ms = clock_wall_ms();
	add_intent(order->backend, view->intent_ms);
}

static void consider(struct order *order)
{
	struct backend *backend = order->backend;
	AUTOPROBLEM problem = { 0 };
	AUTOFREE char *held = NULL;
	AUTOVIEW *present = tasks_view(backend->tasks, order->number);
	struct task_view *view;
	int r;

	if (!present || !is_standing(order, present)) {
		drop_order(backend, order);
		return;
	}
	if (clock_boot_ms() < order->not_before_ms)
		return;
	r = build(order, &held, &problem);
	if (r == -EINVAL) {
		refuse_order(order, &problem);
		return;
	}
	if (r == -ESTALE) {
		give_back(order);
		return;
	}
	if (r == -EAGAIN)
		wait_until(order, INPUTS_MS);
	else if (r)
		wait_until(order, RETRY_LAST_MS);
	if (!held)
		held = r ? text_format("%s; trying again", strerror(-r))
			 : held_by_limits(backend, order);
	if (held) {
		core_set_waiting(backend, order->number, held);
		return;
	}
	view = begin_standing(order);
	if (!view) { /* edited this moment: the next turn drops it; or no memory */
		wait_until(order, RETRY_FIRST_MS);
		return;
	}
	mark_submitting(order, view);
	tasks_commit(backend->tasks, view);
	order->stage = ORDER_MARKED;
}

/* --- what becomes of it --- */

/*
 * Each of these puts down one outcome; -ENOMEM: nothing is changed, and it must be put
 * down later. An outcome is never dropped: it may be the id of a paid task.
 */

/* It certainly did not arrive: the order waits again, unless the task was removed. */
static int put_back(struct order *order)
{
	struct backend *backend = order->backend;
	struct task_view *view = tasks_begin(backend->tasks, order->number);

	if (!view)
		return -ENOMEM;
	take_back_intent(backend, view->intent_ms);
	view->intent_ms = 0;
	view->order = view->is_removed ? 0 : order->token;
	task_set_text(&view->waiting, order->waiting);
	task_enter(view, view->is_removed ? TASK_CANCELLED : TASK_PENDING);
	tasks_commit(backend->tasks, view);
	order->stage = ORDER_WAITS;
	return 0;
}

static int enter_problem(struct order *order)
{
	struct backend *backend = order->backend;
	const struct create_answer *answer = &order->answer;
	struct task_view *view = tasks_begin(backend->tasks, order->number);

	if (!view)
		return -ENOMEM;
	problem_clear(&view->problem);
	problem_copy(&view->problem, &answer->problem);
	task_enter(view, answer->result == CREATE_REFUSED ? TASK_INVALID : TASK_UNKNOWN);
	view->listing_ms = clock_wall_ms();
	log_info("event=create_ended task=%" PRIu64 " state=%s class=%s", order->number,
		 task_state_word(view->state), problem_class_word(answer->problem.class));
	tasks_commit(backend->tasks, view);
	if (answer->result == CREATE_AMBIGUOUS)
		candidates_look(backend, order->number);
	return 0;
}

static int accepted(struct order *order)
{
	struct backend *backend = order->backend;
	struct observation *seen = &order->answer.observation;
	AUTOFREE char *id = strdup(seen->id);
	struct task_view *view = id ? tasks_begin(backend->tasks, order->number) : NULL;
	bool is_removed;

	if (!view)
		return -ENOMEM;
	free(view->remote_id);
	view->remote_id = TAKE(id);
	task_enter(view, TASK_QUEUED);
	view->tried_ms = clock_wall_ms();
	is_removed = view->is_removed;
	tasks_commit(backend->tasks, view);
	log_info("event=accepted task=%" PRIu64 " id=%s provider=%s", order->number,
		 seen->id, order->section->name);
	if (is_removed)
		follow_cancel(backend, order->number);
	else
		follow_task(backend, order->number,
			    order->section->poll_ms < FIRST_POLL_MS
				    ? order->section->poll_ms
				    : FIRST_POLL_MS);
	if (seen->state != TASK_QUEUED)
		follow_observe(backend, order->number, seen);
	return 0;
}

static int64_t backoff(struct order *order)
{
	unsigned doublings = order->failures < 6 ? order->failures : 6;
	int64_t ms = (int64_t)RETRY_FIRST_MS << doublings;

	order->failures++;
	return core_jitter(order->backend, ms > RETRY_LAST_MS ? RETRY_LAST_MS : ms);
}

/* Certain that it did not arrive: it goes out again in `wait_ms`. Takes the text. */
static void send_again(struct order *order, char *waiting, int64_t wait_ms)
{
	free(order->waiting);
	order->waiting = waiting;
	order->goes_back = true;
	wait_until(order, wait_ms);
}

/* Reads the service's answer. 0, or -ENOMEM: it can be read again. */
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

		send_again(order,
			   text_format("%s asks to wait (%s); nothing was accepted; "
				       "trying again by itself",
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

/* Puts the outcome down, and ends the order unless it waits again. */
static void conclude(struct order *order)
{
	if (put_down(order)) {
		log_warn("event=no_memory task=%" PRIu64 " action=\"trying again\"",
			 order->number);
		order->stage = ORDER_ANSWERED;
		wait_until(order, RETRY_FIRST_MS);
	} else if (order->goes_back) {
		order->goes_back = order->is_read = false;
		http_response_clear(&order->response);
	} else {
		drop_order(order->backend, order);
	}
}

void submit_turn(struct backend *backend)
{
	struct order *order, *next;

	for (order = backend->orders; order; order = next) {
		next = order->next;
		if (order->stage == ORDER_WAITS)
			consider(order);
		else if (order->stage == ORDER_ANSWERED &&
			 clock_boot_ms() >= order->not_before_ms)
			conclude(order);
	}
}

/* --- sending --- */

static void not_sent(struct order *order, const char *failure)
{
	send_again(order,
		   text_format("%s cannot be reached (%s); nothing was sent; trying "
			       "again by itself",
			       order->section->name, failure ? failure : "no connection"),
		   backoff(order));
	conclude(order);
}

static void lost(struct order *order, const char *failure)
{
	order->is_read = true;
	order->answer.result = CREATE_AMBIGUOUS;
	problem_set(&order->answer.problem, PROBLEM_NETWORK,
		    "the request was sent to %s, but no answer came (%s): it may have "
		    "been accepted and billed",
		    order->section->name, failure ? failure : "connection lost");
	conclude(order);
}

static void create_done(void *context, struct http_response *response)
{
	struct order *order = context;

	switch (response->outcome) {
	case HTTP_ANSWERED:
		order->response = *response;
		*response = (struct http_response){ 0 };
		conclude(order);
		return;
	case HTTP_NOT_SENT:
		not_sent(order, response->failure);
		return;
	case HTTP_LOST:
		lost(order, response->failure);
		return;
	}
}

static void send_order(struct order *order)
{
	struct http_options options = {
		.allows_private = config_is_loopback(order->section->base_url),
		.timeout_ms = CREATE_TIMEOUT_MS,
		.body_max_bytes = ANSWER_MAX_BYTES,
		.done = create_done,
		.context = order,
	};

	order->stage = ORDER_SENT;
	order->built_ms = 0; /* it is given away */
	log_info("event=create task=%" PRIu64 " provider=%s bytes=%" PRIu64,
		 order->number, order->section->name,
		 http_request_body_size(&order->http));
	if (http_start(order->backend->http, &order->http, &options, NULL))
		not_sent(order, "no memory");
}

void submit_send(struct backend *backend)
{
	struct order *order, *next;

	for (order = backend->orders; order; order = next) {
		next = order->next;
		if (order->stage == ORDER_MARKED)
			send_order(order);
	}
}

void submit_unsend(struct backend *backend)
{
	for (struct order *order = backend->orders; order; order = order->next)
		if (order->stage == ORDER_MARKED) {
			send_again(order,
				   text_format("the ledger cannot be written (%s); "
					       "nothing is sent until it can",
					       ledger_error(backend->ledger)),
				   RETRY_FIRST_MS);
			conclude(order);
		}
}

bool submit_is_sending(const struct backend *backend)
{
	for (const struct order *order = backend->orders; order; order = order->next)
		if (order->stage == ORDER_SENT || order->stage == ORDER_ANSWERED)
			return true;
	return false;
}
