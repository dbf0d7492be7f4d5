/*
 * Queries: one request to a service about as many due tasks as it accepts, and
 * distributing the answer.
 */
#include "backend/polling/poll_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/core/section.h"
#include "backend/http/http.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define QUERY_TIMEOUT_MS 30000
#define ANSWER_MAX_BYTES (4u << 20)

/* A query about tasks of one section. Backend thread only. */
struct query {
	struct backend *backend;
	const struct provider_section *section;
	struct http_call *call;
	struct task_poll **task_polls; /* NULL: the poll has left */
	char **ids;
	size_t count;
	bool is_answered; /* the answer is being distributed; destroys itself */
};

static void poll_batch_destroy(struct query *query)
{
	for (size_t i = 0; i < query->count; i++) {
		if (query->task_polls[i])
			query->task_polls[i]->query = NULL;
		free(query->ids[i]);
	}
	free(query->task_polls);
	free(query->ids);
	free(query);
}

/* Removes a poll from its query, which continues for the others. */
void poll_batch_leave(struct task_poll *task_poll)
{
	struct query *query = TAKE(task_poll->query);
	bool is_wanted = false;

	if (!query)
		return;
	for (size_t i = 0; i < query->count; i++) {
		if (query->task_polls[i] == task_poll)
			query->task_polls[i] = NULL;
		is_wanted = is_wanted || query->task_polls[i];
	}
	if (is_wanted || query->is_answered)
		return;
	http_cancel(query->call);
	poll_batch_destroy(query);
}

static struct observation *find_observation(struct observations *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].id && !strcmp(list->items[i].id, id))
			return &list->items[i];
	return NULL;
}

/* Passes the answer's part about each task to the task's poll. */
static void hand_out(struct query *query, struct observations *list,
		     int64_t retry_after_ms)
{
	for (size_t i = 0; i < query->count; i++) {
		struct task_poll *task_poll = TAKE(query->task_polls[i]);
		struct observation *seen = find_observation(list, query->ids[i]);

		if (!task_poll)
			continue;
		task_poll->query = NULL;
		task_poll->asks_alone = !seen;
		if (seen)
			task_poll_observed(task_poll, seen, retry_after_ms);
		else if (query->count > 1)
			task_poll_schedule(task_poll, 0);
		else
			task_poll_failed(task_poll, true,
					 "the answer does not mention the task",
					 retry_after_ms);
	}
}

static void fail_all(struct query *query, bool is_answered, const char *why,
		     int64_t retry_after_ms)
{
	for (size_t i = 0; i < query->count; i++) {
		struct task_poll *task_poll = TAKE(query->task_polls[i]);

		if (!task_poll)
			continue;
		task_poll->query = NULL;
		task_poll_failed(task_poll, is_answered, why, retry_after_ms);
	}
}

static void poll_batch_done(void *context, struct http_response *response)
{
	struct query *query = context;
	const struct provider *provider = query->section->provider;
	struct observations list = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = -EAGAIN;

	query->call = NULL;
	query->is_answered = true;
	trust_learn(query->backend->trust, query->section, response);
	if (response->outcome == HTTP_ANSWERED)
		r = provider->parse_query(response, (const char *const *)query->ids,
					  query->count, &list, &problem);
	else
		problem_set(&problem, PROBLEM_NETWORK, "%s",
			    response->failure ? response->failure : "no answer");
	if (r)
		fail_all(query, response->outcome == HTTP_ANSWERED, problem.text,
			 response->retry_after_ms);
	else
		hand_out(query, &list, response->retry_after_ms);
	observations_clear(&list);
	poll_batch_destroy(query);
}

/*
 * The configuration may no longer contain the task's section. The task must not be polled
 * with another account.
 */
static bool is_bound(struct task_poll *task_poll)
{
	AUTOVIEW *view = tasks_view(task_poll->backend->tasks, task_poll->number);

	task_poll->section = view ? backend_bind_section(task_poll->backend, view) : NULL;
	return task_poll->section && view->remote_id;
}

static int add_to_query(struct query *query, struct task_poll *task_poll)
{
	AUTOVIEW *view = tasks_view(task_poll->backend->tasks, task_poll->number);
	struct task_poll **task_polls =
		realloc(query->task_polls, (query->count + 1) * sizeof(*task_polls));
	char **ids;

	if (!task_polls)
		return -ENOMEM;
	query->task_polls = task_polls;
	ids = realloc(query->ids, (query->count + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	query->ids = ids;
	ids[query->count] = view && view->remote_id ? strdup(view->remote_id) : NULL;
	if (!ids[query->count])
		return -ENOMEM;
	task_polls[query->count++] = task_poll;
	task_poll->query = query;
	timer_clear(&task_poll->backend->timers, &task_poll->timer);
	return 0;
}

/* Adds the polls of the same section that are due within half an interval. */
static void add_companions(struct query *query, const struct task_poll *first)
{
	struct backend *backend = query->backend;
	int64_t soon_ms = clock_boot_ms() + first->section->poll_ms / 2;

	for (struct task_poll *task_poll = backend->polling->first, *next; task_poll;
	     task_poll = next) {
		AUTOVIEW *view = NULL;

		next = task_poll->next;
		if (query->count >= first->section->provider->query_most)
			return;
		if (task_poll->query || task_poll->cancel || task_poll->asks_alone ||
		    !timer_is_set(&task_poll->timer) || task_poll->timer.at_ms > soon_ms)
			continue;
		view = tasks_view(backend->tasks, task_poll->number);
		if (!view || !view->remote_id ||
		    backend_section_of(backend, view) != first->section)
			continue;
		task_poll->section = first->section;
		add_to_query(query, task_poll);
	}
}

static int send_query(struct query *query, const struct provider_section *section)
{
	struct http_options options = { .may_reuse = true,
					.timeout_ms = QUERY_TIMEOUT_MS,
					.body_max_bytes = ANSWER_MAX_BYTES,
					.lane = section,
					.done = poll_batch_done,
					.context = query };
	struct http_request request = { 0 };
	struct endpoint endpoint = config_endpoint(section);

	query->section = section;
	trust_service(section, &options);
	if (!section->provider->build_query((const char *const *)query->ids, query->count,
					    &endpoint, &request) &&
	    !http_start(query->backend->http, &request, &options, &query->call))
		return 0;
	http_request_clear(&request);
	return -ENOMEM;
}

void poll_batch_due(void *context)
{
	struct task_poll *task_poll = context;
	struct query *query;

	if (!is_bound(task_poll)) {
		task_poll_drop(task_poll);
		return;
	}
	query = calloc(1, sizeof(*query));
	if (!query || add_to_query(query, task_poll)) {
		if (query)
			poll_batch_destroy(query);
		task_poll_failed(task_poll, false, "out of memory", 0);
		return;
	}
	query->backend = task_poll->backend;
	if (!task_poll->asks_alone)
		add_companions(query, task_poll);
	if (send_query(query, task_poll->section)) {
		query->is_answered = true;
		fail_all(query, false, "out of memory", 0);
		poll_batch_destroy(query);
	}
}
