#include "backend/providers/provider.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/providers/table_internal.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct provider *const providers[] = {
	&provider_ark,	      &provider_acedata, &provider_xhuo,
	&provider_createtask, &provider_comet,	 &provider_senseaudio,
};

const struct provider *provider_find(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++)
		if (!strcmp(providers[i]->type, type))
			return providers[i];
	return NULL;
}

const struct provider *provider_at(size_t n)
{
	return n < ARRAY_SIZE(providers) ? providers[n] : NULL;
}

void observation_clear(struct observation *observation)
{
	free(observation->id);
	free(observation->raw_state);
	problem_clear(&observation->problem);
	free(observation->video_url);
	free(observation->last_frame_url);
	free(observation->model);
	free(observation->usage);
	free(observation->answer);
	*observation = (struct observation){ .state = TASK_UNKNOWN, .progress = -1 };
}

struct observation *observations_push(struct observations *list)
{
	struct observation *items =
		realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items)
		return NULL;
	list->items = items;
	items[list->count] =
		(struct observation){ .state = TASK_UNKNOWN, .progress = -1 };
	return &items[list->count++];
}

void observations_clear(struct observations *list)
{
	for (size_t i = 0; i < list->count; i++)
		observation_clear(&list->items[i]);
	free(list->items);
	*list = (struct observations){ 0 };
}

void create_answer_clear(struct create_answer *answer)
{
	observation_clear(&answer->observation);
	problem_clear(&answer->problem);
}

static const char *const state_words[] = {
	[TASK_PENDING] = "pending",	[TASK_SUBMITTING] = "submitting",
	[TASK_QUEUED] = "queued",	[TASK_RUNNING] = "running",
	[TASK_SUCCEEDED] = "succeeded", [TASK_FAILED] = "failed",
	[TASK_EXPIRED] = "expired",	[TASK_CANCELLED] = "cancelled",
	[TASK_INVALID] = "invalid",	[TASK_UNKNOWN] = "unknown",
};

const char *task_state_word(enum task_state state)
{
	return state_words[state];
}

int task_state_from_word(const char *word, enum task_state *ret_state)
{
	for (size_t i = 0; word && i < ARRAY_SIZE(state_words); i++)
		if (!strcmp(word, state_words[i])) {
			*ret_state = (enum task_state)i;
			return 0;
		}
	return -EINVAL;
}

bool provider_state_of(const char *word, enum task_state *ret_state)
{
	static const struct {
		const char *word;
		enum task_state state;
	} words[] = {
		{ "queued", TASK_QUEUED },	 { "pending", TASK_QUEUED },
		{ "submitted", TASK_QUEUED },	 { "running", TASK_RUNNING },
		{ "processing", TASK_RUNNING },	 { "in_progress", TASK_RUNNING },
		{ "succeeded", TASK_SUCCEEDED }, { "success", TASK_SUCCEEDED },
		{ "completed", TASK_SUCCEEDED }, { "complete", TASK_SUCCEEDED },
		{ "finished", TASK_SUCCEEDED },	 { "failed", TASK_FAILED },
		{ "failure", TASK_FAILED },	 { "error", TASK_FAILED },
		{ "rejected", TASK_FAILED },	 { "expired", TASK_EXPIRED },
		{ "timeout", TASK_EXPIRED },	 { "cancelled", TASK_CANCELLED },
		{ "canceled", TASK_CANCELLED },
	};

	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(word, words[i].word)) {
			*ret_state = words[i].state;
			return true;
		}
	return false;
}

int provider_add_headers(struct http_request *http, const struct endpoint *endpoint,
			 bool has_json_body)
{
	int r = http_request_add_header(http, "Accept: application/json");

	if (!r && endpoint->key)
		r = http_request_add_header(http, "Authorization: Bearer %s",
					    endpoint->key);
	if (!r && has_json_body)
		r = http_request_add_header(http, "Content-Type: application/json");
	return r;
}

/*
 * A placeholder contains the file's digest, which no text of the same request contains by
 * accident; a request that quotes it on purpose sends its own image in that place.
 */
char *provider_file_mark(const struct request_content *item)
{
	return text_format("seedancefs-file-%s", item->file.sha256);
}

static int add_file(struct http_request *http, const struct request_content *item)
{
	AUTOFREE char *head = text_format("data:%s;base64,", item->file.mime);
	int r = head ? http_request_add_text(http, head, strlen(head)) : -ENOMEM;

	return r ? r : http_request_add_file_base64(http, item->file.fd, item->file.size);
}

/* The content item whose placeholder comes first in the text, and its position. */
static const struct request_content *next_mark(const struct request *request,
					       const char *text, const char **ret_at,
					       size_t *ret_length)
{
	const struct request_content *first = NULL;

	for (size_t i = 0; i < request->content_count; i++) {
		const struct request_content *item = &request->content[i];
		AUTOFREE char *mark =
			item->file.fd >= 0 ? provider_file_mark(item) : NULL;
		const char *at = mark ? strstr(text, mark) : NULL;

		if (at && (!first || at < *ret_at)) {
			first = item;
			*ret_at = at;
			*ret_length = strlen(mark);
		}
	}
	return first;
}

int provider_set_json_body(struct http_request *http, const struct json *object,
			   const struct request *request)
{
	AUTOFREE char *text = json_print(object);
	const struct request_content *item;
	const char *rest = text, *at = NULL;
	size_t length = 0;
	int r = text ? 0 : -ENOMEM;

	while (!r && (item = next_mark(request, rest, &at, &length))) {
		r = http_request_add_text(http, rest, (size_t)(at - rest));
		if (!r)
			r = add_file(http, item);
		rest = at + length;
	}
	return r ? r : http_request_add_text(http, rest, strlen(rest));
}

enum problem_class provider_class_of_status(int status)
{
	switch (status) {
	case 401:
		return PROBLEM_AUTH;
	case 402:
		return PROBLEM_BALANCE;
	case 403:
		return PROBLEM_AUTH;
	case 404:
	case 410:
		return PROBLEM_GONE;
	case 409:
		return PROBLEM_BUSY;
	case 429:
		return PROBLEM_RATE;
	default:
		return status >= 400 && status < 500 ? PROBLEM_INVALID : PROBLEM_SERVER;
	}
}
