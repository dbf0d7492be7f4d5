/*
 * What must hold of an adapter whatever a service answers. For the unit tests and the
 * fuzzer: the first thing that does not hold ends the program.
 */
#ifndef SEEDANCEFS_TESTS_FUZZ_PROVIDER_CHECK_H
#define SEEDANCEFS_TESTS_FUZZ_PROVIDER_CHECK_H

#include "backend/base/text.h"
#include "backend/providers/provider.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                         \
	do {                                                                    \
		if (!(condition)) {                                             \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, \
				__LINE__, #condition);                          \
			abort();                                                \
		}                                                               \
	} while (0)

static inline struct http_response check_response(int status, const void *body,
						  size_t size)
{
	struct http_response response = {
		.outcome = HTTP_ANSWERED,
		.status = status,
		.body = BUFFER_INIT(64u << 20),
		.content_length = -1,
	};

	if (size)
		MUST(!buffer_append(&response.body, body, size));
	return response;
}

static inline void check_state(const struct observation *seen)
{
	MUST(seen->state == TASK_UNKNOWN ||
	     (seen->state >= TASK_QUEUED && seen->state <= TASK_CANCELLED));
	MUST(seen->state != TASK_UNKNOWN || !problem_is_set(&seen->problem) ||
	     seen->problem.class == PROBLEM_GONE);
	MUST(seen->state == TASK_UNKNOWN || seen->state == TASK_FAILED ||
	     seen->is_doubtful == problem_is_set(&seen->problem));
	MUST(!seen->is_doubtful || (seen->state == TASK_RUNNING && seen->problem.text));
	MUST(seen->state != TASK_FAILED || seen->problem.text);
	MUST(!seen->raw_state || seen->state == TASK_RUNNING);
}

static inline void check_observation(const struct observation *seen)
{
	check_state(seen);
	MUST(seen->id && *seen->id);
	MUST(seen->progress >= -1 && seen->progress <= 100);
	MUST(!seen->video_url || *seen->video_url);
	MUST(!seen->last_frame_url || *seen->last_frame_url);
	MUST(seen->state == TASK_UNKNOWN || seen->answer);
	MUST(seen->created_s >= 0);
}

static inline void check_create(const struct provider *provider,
				const struct http_response *response)
{
	struct create_answer answer = { .observation = { .progress = -1 } };
	bool is_good = response->status >= 200 && response->status < 300;

	MUST(!provider->parse_create(response, &answer));
	if (answer.result == CREATE_ACCEPTED) {
		MUST(is_good && !answer.may_repeat && !problem_is_set(&answer.problem));
		MUST(text_is_url_safe(answer.observation.id));
		MUST(answer.observation.state != TASK_UNKNOWN);
		if (answer.observation.answer)
			check_observation(&answer.observation);
	} else {
		MUST(answer.problem.text && !answer.observation.video_url);
		MUST(!answer.may_repeat || (answer.result == CREATE_REFUSED &&
					    answer.problem.class == PROBLEM_RATE));
		MUST(answer.problem.class != PROBLEM_RATE || answer.may_repeat);
	}
	create_answer_clear(&answer);
}

static inline void check_query(const struct provider *provider,
			       const struct http_response *response,
			       const char *const *ids, size_t count)
{
	struct observations list = { 0 };
	struct problem problem = { 0 };
	int r = provider->parse_query(response, ids, count, &list, &problem);

	MUST(r == 0 || r == -EAGAIN);
	MUST(r ? problem.text && !list.count : list.count <= count);
	MUST(r || count > 1 || list.count == 1);
	for (size_t i = 0; i < list.count; i++) {
		size_t n = 0;

		check_observation(&list.items[i]);
		while (n < count && strcmp(ids[n], list.items[i].id))
			n++;
		MUST(n < count);
		for (size_t k = 0; k < i; k++)
			MUST(strcmp(list.items[k].id, list.items[i].id));
	}
	observations_clear(&list);
	problem_clear(&problem);
}

static inline void check_list(const struct provider *provider,
			      const struct http_response *response, int64_t since_s)
{
	struct observations list = { 0 };
	struct problem problem = { 0 };
	int r = provider->parse_list(response, since_s, &list, &problem);

	MUST(r == 0 || r == -EAGAIN);
	MUST(!r || (problem.text && !list.count));
	for (size_t i = 0; i < list.count; i++) {
		check_observation(&list.items[i]);
		MUST(text_is_url_safe(list.items[i].id));
		MUST(list.items[i].created_s >= since_s);
		MUST(!i || list.items[i].created_s <= list.items[i - 1].created_s);
	}
	observations_clear(&list);
	problem_clear(&problem);
}

static inline void check_cancel(const struct provider *provider,
				const struct http_response *response)
{
	struct problem problem = { 0 };
	int r = provider->parse_cancel(response, &problem);

	MUST(r == 0 || r == -EBUSY || r == -EAGAIN);
	MUST(!r == !problem.text);
	problem_clear(&problem);
}

#endif
