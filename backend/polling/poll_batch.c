/*
 * Queries: one question to a service about the tasks of as many followers as it takes at
 * once, and handing out what it answers.
 */
#include "backend/polling/poll_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define QUERY_TIMEOUT_MS 30000
#define ANSWER_MAX_BYTES (4u << 20)

/* Followers of one section. Backend thread only. */
struct query {
	struct backend *backend;
	const struct provider_section *section;
	struct http_call *call;
	struct follower **followers; /* NULL: it left meanwhile */
	char **ids;
	size_t count;
	bool is_answered; /* the answer is being handed out: it destroys itself */
};

static void query_destroy(struct query *query)
{
	for (size_t i = 0; i < query->count; i++) {
		if (query->followers[i])
			query->followers[i]->query = NULL;
		free(query->ids[i]);
	}
	free(query->followers);
	free(query->ids);
	free(query);
}

/* A follower leaves its query, which goes on for the others. */
void query_leave(struct follower *follower)
{
	struct query *query = TAKE(follower->query);
	bool is_wanted = false;

	if (!query)
		return;
	for (size_t i = 0; i < query->count; i++) {
		if (query->followers[i] == follower)
			query->followers[i] = NULL;
		is_wanted = is_wanted || query->followers[i];
	}
	if (is_wanted || query->is_answered)
		return;
	http_cancel(query->call);
	query_destroy(query);
}

static struct observation *find_observation(struct observations *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].id && !strcmp(list->items[i].id, id))
			return &list->items[i];
	return NULL;
}

/* Each task of a query learns what the answer says of it. */
static void hand_out(struct query *query, struct observations *list,
		     int64_t retry_after_ms)
{
	for (size_t i = 0; i < query->count; i++) {
		struct follower *follower = TAKE(query->followers[i]);
		struct observation *seen = find_observation(list, query->ids[i]);

		if (!follower)
			continue;
		follower->query = NULL;
		follower->asks_alone = !seen;
		if (seen)
			follower_observed(follower, seen, retry_after_ms);
		else if (query->count > 1)
			follower_schedule(follower, 0);
		else
			follower_failed(follower, true, "it says nothing of the task",
					retry_after_ms);
	}
}

static void fail_all(struct query *query, bool is_answered, const char *why,
		     int64_t retry_after_ms)
{
	for (size_t i = 0; i < query->count; i++) {
		struct follower *follower = TAKE(query->followers[i]);

		if (!follower)
			continue;
		follower->query = NULL;
		follower_failed(follower, is_answered, why, retry_after_ms);
	}
}

static void query_done(void *context, struct http_response *response)
{
	struct query *query = context;
	const struct provider *provider = query->section->provider;
	struct observations list = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = -EAGAIN;

	query->call = NULL;
	query->is_answered = true;
	reach_learn(query->backend, query->section, response);
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
	query_destroy(query);
}

/* The configuration may no longer have what made the task: it is not asked as somebody
 * else. */
static bool is_bound(struct follower *follower)
{
	AUTOVIEW *view = tasks_view(follower->backend->tasks, follower->number);

	follower->section = view ? core_bind(follower->backend, view) : NULL;
	return follower->section && view->remote_id;
}

static int add_to_query(struct query *query, struct follower *follower)
{
	AUTOVIEW *view = tasks_view(follower->backend->tasks, follower->number);
	struct follower **followers =
		realloc(query->followers, (query->count + 1) * sizeof(*followers));
	char **ids;

	if (!followers)
		return -ENOMEM;
	query->followers = followers;
	ids = realloc(query->ids, (query->count + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	query->ids = ids;
	ids[query->count] = view && view->remote_id ? strdup(view->remote_id) : NULL;
	if (!ids[query->count])
		return -ENOMEM;
	followers[query->count++] = follower;
	follower->query = query;
	timer_clear(&follower->backend->timers, &follower->timer);
	return 0;
}

/* Who would ask the same service within half an interval asks along. */
static void add_companions(struct query *query, const struct follower *first)
{
	struct backend *backend = query->backend;
	int64_t soon_ms = clock_boot_ms() + first->section->poll_ms / 2;

	for (struct follower *follower = backend->followers, *next; follower;
	     follower = next) {
		AUTOVIEW *view = NULL;

		next = follower->next;
		if (query->count >= first->section->provider->query_most)
			return;
		if (follower->query || follower->cancel || follower->asks_alone ||
		    !timer_is_set(&follower->timer) || follower->timer.at_ms > soon_ms)
			continue;
		view = tasks_view(backend->tasks, follower->number);
		if (!view || !view->remote_id ||
		    core_section_of(backend, view) != first->section)
			continue;
		follower->section = first->section;
		add_to_query(query, follower);
	}
}

static int send_query(struct query *query, const struct provider_section *section)
{
	struct http_options options = { .may_reuse = true,
					.timeout_ms = QUERY_TIMEOUT_MS,
					.body_max_bytes = ANSWER_MAX_BYTES,
					.lane = section,
					.done = query_done,
					.context = query };
	struct http_request request = { 0 };
	struct endpoint endpoint = config_endpoint(section);

	query->section = section;
	reach_service(section, &options);
	if (!section->provider->build_query((const char *const *)query->ids, query->count,
					    &endpoint, &request) &&
	    !http_start(query->backend->http, &request, &options, &query->call))
		return 0;
	http_request_clear(&request);
	return -ENOMEM;
}

void query_due(void *context)
{
	struct follower *follower = context;
	struct query *query;

	if (!is_bound(follower)) {
		follower_drop(follower);
		return;
	}
	query = calloc(1, sizeof(*query));
	if (!query || add_to_query(query, follower)) {
		if (query)
			query_destroy(query);
		follower_failed(follower, false, "no memory", 0);
		return;
	}
	query->backend = follower->backend;
	if (!follower->asks_alone)
		add_companions(query, follower);
	if (send_query(query, follower->section)) {
		query->is_answered = true;
		fail_all(query, false, "no memory", 0);
		query_destroy(query);
	}
}
