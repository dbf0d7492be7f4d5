#include "backend/providers/ace_internal.h"

#include "backend/providers/answer.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

/* --- errors: 1.4 --- */

/*
 * The code may be in the message; the service's own client maps every other 403 to this
 * class.
 */
static enum problem_class class_of_forbidden(const struct reason *reason)
{
	if (reason->message && strcasestr(reason->message, "used_up"))
		return PROBLEM_BALANCE;
	return PROBLEM_MODERATION;
}

static enum problem_class ace_class(const struct reason *reason, int status)
{
	static const struct code_class codes[] = {
		{ "no_token", PROBLEM_AUTH },
		{ "disabled", PROBLEM_AUTH },
		{ "invalid_token", PROBLEM_AUTH },
		{ "token_expired", PROBLEM_AUTH },
		{ "used_up", PROBLEM_BALANCE },
		{ "no_api", PROBLEM_INVALID },
		{ "api_not_implemented", PROBLEM_INVALID },
		{ "bad_request", PROBLEM_INVALID },
		{ "request_too_large", PROBLEM_INVALID },
		{ "too_many_requests", PROBLEM_RATE },
		{ "api_error", PROBLEM_SERVER },
	};
	enum problem_class class = answer_class(codes, ARRAY_SIZE(codes), reason);

	if (class)
		return class;
	if (status == 403 && answer_has_reason(reason))
		return class_of_forbidden(reason);
	if (!status && reason->code && !strcmp(reason->code, "token_mismatched"))
		return PROBLEM_INVALID; /* otherwise the key's fault, if the status
					 * says so */
	return status ? provider_class_of_status(status) : PROBLEM_SERVER;
}

static void read_error(const struct json *body, int status, struct problem *problem)
{
	struct reason reason = answer_reason(body);

	answer_set_problem(problem, ace_class(&reason, status), &reason, status);
}

/* --- a task's statement: 1.2 and 1.3 --- */

struct said {
	const struct json *record;   /* of a query, or NULL */
	const struct json *response; /* the answer to a create, which a record contains,
				  * too */
	const struct json *data;     /* the object in it, or the first of its array */
	const char *video_url, *last_frame_url;
	bool is_finished;
	bool has_success, is_success;
};

static const char *find_url(const struct json *data, const char *key)
{
	const char *url = answer_text(data, key);

	return url ? url : answer_text(json_get(data, "content"), key);
}

static struct said take_apart(const struct json *record, const struct json *response)
{
	const struct json *data = json_get(response, "data");
	struct said said = { .record = record, .response = response };

	if (json_is_array(data))
		data = json_first(data);
	said.data = data;
	said.video_url = find_url(data, "video_url");
	if (!said.video_url)
		said.video_url = find_url(response, "video_url");
	said.last_frame_url = find_url(data, "last_frame_url");
	said.is_finished = !json_is_null(json_get(record, "finished_at"));
	said.has_success = json_to_bool(json_get(response, "success"), &said.is_success);
	return said;
}

/*
 * The state word. It may be at any depth; a word for work in progress outranks all
 * others, and a known word outranks unknown ones.
 */
static const char *find_word(const struct said *said, enum task_state *ret_state,
			     bool *ret_is_known)
{
	static const char *const keys[] = { "status", "state" };
	const struct json *places[] = { said->data, said->response, said->record };
	const char *found = NULL;

	*ret_is_known = false;
	for (size_t i = 0; i < ARRAY_SIZE(places) * ARRAY_SIZE(keys); i++) {
		const char *word = answer_text(places[i / 2], keys[i % 2]);
		enum task_state state;

		if (!word)
			continue;
		if (!provider_state_of(word, &state)) {
			found = found ? found : word;
			continue;
		}
		if (*ret_is_known && state != TASK_QUEUED && state != TASK_RUNNING)
			continue;
		found = word;
		*ret_state = state;
		*ret_is_known = true;
		if (state == TASK_QUEUED || state == TASK_RUNNING)
			break;
	}
	return found;
}

/* The first explanation: in the task's own object, in the answer, in the record. */
static struct reason find_reason(const struct said *said)
{
	const struct json *places[] = { said->data, said->response, said->record };
	struct reason reason = { NULL, NULL };

	for (size_t i = 0; i < ARRAY_SIZE(places) && !answer_has_reason(&reason); i++)
		reason = answer_reason(places[i]);
	return reason;
}

/* A bare text instead of an error object is transient, unless the record is closed. */
static bool says_failure(const struct said *said)
{
	const struct json *error = json_get(said->response, "error");

	if (said->has_success && said->is_success)
		return false;
	return answer_text(error, "code") || (said->has_success && said->is_finished);
}

/* A failure that may be transient: see provider.h. */
static bool is_doubtful(const struct said *said)
{
	return said->has_success && !said->is_success && !said->video_url &&
	       !says_failure(said);
}

/* Used if there is no known word. */
static enum task_state state_of_signs(const struct said *said)
{
	if (said->video_url)
		return TASK_SUCCEEDED;
	if (says_failure(said))
		return TASK_FAILED;
	if (said->has_success && said->is_success && said->is_finished)
		return TASK_SUCCEEDED; /* no link yet: the task is queried again */
	if (said->has_success || said->data ||
	    !json_is_null(json_get(said->record, "started_at")))
		return TASK_RUNNING;
	return TASK_QUEUED;
}

/*
 * A record with a complete answer gets no video later. In the answer to a create, or
 * before the record has an answer, the link may still come: the task is queried again.
 */
static bool is_closed_without_video(const struct said *said)
{
	return !said->video_url && json_is_object(said->response) && said->record &&
	       said->record != said->response;
}

static int put_state(const struct said *said, struct observation *seen)
{
	enum task_state state = TASK_RUNNING;
	bool is_known;
	const char *word = find_word(said, &state, &is_known);

	if (!is_known)
		state = state_of_signs(said);
	seen->is_doubtful = !is_known && state == TASK_RUNNING && is_doubtful(said);
	if (state == TASK_CANCELLED) /* the service has no cancelling: it is a failure */
		state = TASK_FAILED;
	if (word && !is_known && (state == TASK_RUNNING || state == TASK_QUEUED))
		return answer_put_state(seen, word);
	seen->state = state;
	if (is_known && state == TASK_SUCCEEDED && is_closed_without_video(said)) {
		seen->state = TASK_FAILED;
		problem_set(&seen->problem, PROBLEM_SERVER,
			    "the service reported \"%s\", but returned no video", word);
	}
	return 0;
}

static int put_said(const struct said *said, struct observation *seen)
{
	struct reason reason = find_reason(said);
	int r = answer_put_common(seen, said->data,
				  said->record ? said->record : said->response);

	if (!r)
		r = put_state(said, seen);
	if (!r)
		r = answer_put(&seen->video_url, said->video_url);
	if (!r)
		r = answer_put(&seen->last_frame_url, said->last_frame_url);
	if (!r && (seen->state == TASK_FAILED || seen->is_doubtful) &&
	    !problem_is_set(&seen->problem))
		answer_put_failure(seen, ace_class(&reason, 0), &reason);
	return r;
}

/* --- create --- */

static const char *safe_text(const struct json *object, const char *key)
{
	const char *id = answer_text(object, key);

	return id && text_is_url_safe(id) ? id : NULL;
}

/*
 * The outer `task_id` is the id to query with. A finished answer without it still has a
 * paid video: any other id will do to store it under, since the answer has its links.
 */
static const char *find_id(const struct said *said)
{
	const char *id = safe_text(said->response, "task_id");

	if (!id)
		id = safe_text(said->response, "id");
	if (id || !said->video_url)
		return id;
	id = safe_text(said->response, "trace_id");
	if (!id)
		id = safe_text(said->data, "task_id");
	return id ? id : safe_text(said->data, "id");
}

/* An error with a successful status is a refusal only if its code is one. */
static void judge_without_id(struct create_answer *ret, const struct said *said,
			     int status)
{
	struct reason reason = answer_reason(said->response);
	enum problem_class class = ace_class(&reason, 0);

	if (says_failure(said) && class != PROBLEM_SERVER)
		answer_decide(ret, true, class, &reason, status);
	else
		answer_without_id(ret, status);
}

/* An answer that may hide an accepted request may still contain its id. */
static void name_id(struct create_answer *ret, const struct json *body)
{
	const char *id = safe_text(body, "task_id");
	struct problem was = ret->problem;

	if (!id)
		return;
	ret->problem = (struct problem){ 0 };
	problem_set(&ret->problem, was.class, "%s; the response names task %s",
		    was.text ? was.text : "the request failed", id);
	ret->problem.code = TAKE(was.code);
	problem_clear(&was);
}

int ace_parse_create(const struct http_response *response, struct create_answer *ret)
{
	AUTOJSON *body = NULL;
	struct reason reason;
	struct said said;
	const char *id;
	int r;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (!answer_is_good(response)) {
		reason = answer_reason(body);
		answer_judge(ret, ace_class(&reason, response->status), &reason,
			     response->status);
		if (ret->result == CREATE_AMBIGUOUS)
			name_id(ret, body);
		return 0;
	}
	said = take_apart(NULL, body);
	id = find_id(&said);
	if (!id) {
		judge_without_id(ret, &said, response->status);
		return 0;
	}
	r = answer_accept(ret, id);
	if (!r && (said.has_success || said.data || said.video_url))
		r = put_said(&said, &ret->observation);
	return r;
}

/* --- query --- */

static bool is_id(const struct json *object, const char *key, const char *id)
{
	const char *text = answer_text(object, key);

	return text && !strcmp(text, id);
}

/* Whether a record is about the task with this id, in any of its id fields. */
static bool is_about(const struct json *record, const char *id)
{
	const struct json *response = json_get(record, "response");
	const struct json *data = json_get(response ? response : record, "data");

	if (json_is_array(data))
		data = json_first(data);
	return is_id(record, "id", id) || is_id(record, "task_id", id) ||
	       is_id(record, "trace_id", id) || is_id(response, "task_id", id) ||
	       is_id(response, "trace_id", id) || is_id(data, "task_id", id) ||
	       is_id(data, "id", id);
}

static int observe(const struct json *record, const char *id, struct observations *list)
{
	const struct json *response = json_get(record, "response");
	struct observation *seen = answer_observe(list, id);
	struct said said;

	if (!seen)
		return -ENOMEM;
	if (!json_first(record)) /* `{}`: not stored yet, or unknown; no statement */
		return 0;
	/* The answer to a create may appear in place of the record. */
	said = take_apart(record, response ? response : record);
	return put_said(&said, seen);
}

static int parse_one(const struct json *body, const char *id, struct observations *list,
		     struct problem *problem)
{
	bool has_id = answer_text(body, "id") || answer_text(body, "task_id");

	if (!json_first(body) || is_about(body, id) ||
	    (!has_id && json_get(body, "response")))
		return observe(body, id, list);
	if (has_id)
		return answer_of_another_task(problem);
	read_error(body, 0, problem);
	return -EAGAIN;
}

static int parse_several(const struct json *body, const char *const *ids, size_t count,
			 struct observations *list)
{
	const struct json *items = json_get(body, "items");
	int r = 0;

	for (size_t i = 0; !r && i < count; i++) {
		const struct json *item = json_first(items);

		while (item && !is_about(item, ids[i]))
			item = json_next(item);
		if (item)
			r = observe(item, ids[i], list);
	}
	return r;
}

/*
 * An error of a query says nothing about a task: for an unknown task the answer is `{}`.
 * If a batch is rejected, each task is queried alone.
 */
int ace_parse_query(const struct http_response *response, const char *const *ids,
		    size_t count, struct observations *list, struct problem *problem)
{
	AUTOJSON *body = NULL;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (response->status != 200) {
		read_error(body, response->status, problem);
		if (count == 1 ||
		    (problem->class != PROBLEM_INVALID && problem->class != PROBLEM_GONE))
			return -EAGAIN;
		problem_clear(problem);
		return 0;
	}
	if (!json_is_object(body))
		return answer_not_json(problem);
	if (count == 1)
		return parse_one(body, ids[0], list, problem);
	if (json_first(body) && !json_is_array(json_get(body, "items"))) {
		read_error(body, 0, problem);
		return -EAGAIN;
	}
	return parse_several(body, ids, count, list);
}
