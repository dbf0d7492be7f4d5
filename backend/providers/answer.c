#include "backend/providers/answer.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

#define RAW_STATE_MAX_BYTES 100
#define CREATED_MOST_S 1e11

int answer_parse(const struct http_response *response, struct json **ret_body)
{
	int r;

	*ret_body = NULL;
	if (!response->body.size)
		return 0;
	r = json_parse(response->body.data, response->body.size, ret_body, NULL);
	return r == -ENOMEM ? r : 0;
}

bool answer_is_good(const struct http_response *response)
{
	return response->status >= 200 && response->status < 300;
}

const char *answer_text(const struct json *object, const char *key)
{
	const char *text = json_get_string(object, key);

	return text && *text ? text : NULL;
}

/* --- errors --- */

static const char *first_text(const struct json *object, const char *const *keys,
			      size_t count)
{
	const char *text = NULL;

	for (size_t i = 0; !text && i < count; i++)
		text = answer_text(object, keys[i]);
	return text;
}

static const struct json *error_object(const struct json *object)
{
	const struct json *error = json_get(object, "error");

	if (!json_is_object(error))
		error = json_get(object, "failure_reason");
	if (!json_is_object(error))
		error = json_get(json_get(object, "ResponseMetadata"), "Error");
	return json_is_object(error) ? error : NULL;
}

struct reason answer_reason(const struct json *object)
{
	static const char *const codes[] = { "code", "Code", "type" };
	static const char *const messages[] = { "message", "Message", "detail" };
	static const char *const flat[] = { "error",	      "error_message", "message",
					    "failure_reason", "fail_reason",   "detail" };
	const struct json *error = error_object(object);
	struct reason reason = {
		.code = first_text(error, codes, ARRAY_SIZE(codes)),
		.message = first_text(error, messages, ARRAY_SIZE(messages)),
	};

	if (!reason.code)
		reason.code = answer_text(object, "code");
	if (!reason.message && !(error && reason.code))
		reason.message = first_text(object, flat, ARRAY_SIZE(flat));
	return reason;
}

bool answer_has_reason(const struct reason *reason)
{
	return reason->code || reason->message;
}

static enum problem_class find_class(const struct code_class *classes, size_t count,
				     const char *text)
{
	for (size_t i = 0; text && i < count; i++)
		if (strcasestr(text, classes[i].part))
			return classes[i].class;
	return PROBLEM_NONE;
}

/* Codes that contradict their HTTP status, wherever they appear: README.md, 6.7. */
static const struct code_class ark_codes[] = {
	{ "SensitiveContent", PROBLEM_MODERATION },
	{ "RiskDetection", PROBLEM_MODERATION },
	{ "QuotaExceeded", PROBLEM_BALANCE },
	{ "SetLimitExceeded", PROBLEM_BALANCE },
	{ "AccountOverdue", PROBLEM_BALANCE },
	{ "ServiceOverdue", PROBLEM_BALANCE },
	{ "InvalidEndpointOrModel", PROBLEM_INVALID },
	{ "ModelNotOpen", PROBLEM_INVALID },
	{ "RunningTaskDeletion", PROBLEM_BUSY },
	{ "ResourceNotFound", PROBLEM_GONE },
};

/*
 * Codes that repeat their HTTP status, for failed tasks, which have none. A message may
 * quote such codes of other hosts, so here they count only at its beginning.
 */
static const struct code_class ark_plain_codes[] = {
	{ "InvalidParameter", PROBLEM_INVALID },
	{ "MissingParameter", PROBLEM_INVALID },
	{ "InvalidEndpoint", PROBLEM_INVALID },
	{ "InvalidPath", PROBLEM_INVALID },
	{ "AuthenticationError", PROBLEM_AUTH },
	{ "AccessDenied", PROBLEM_AUTH },
	{ "OperationDenied", PROBLEM_AUTH },
	{ "ServiceNotOpen", PROBLEM_AUTH },
	{ "RateLimitExceeded", PROBLEM_RATE },
	{ "ServerOverloaded", PROBLEM_RATE },
	{ "ModelLoadingError", PROBLEM_RATE },
	{ "InternalServiceError", PROBLEM_SERVER },
};

/* For explanations without a code. */
static const struct code_class words[] = {
	{ "sensitive information", PROBLEM_MODERATION },
	{ "sensitive content", PROBLEM_MODERATION },
	{ "sensitive_content", PROBLEM_MODERATION },
	{ "敏感", PROBLEM_MODERATION },
};

static enum problem_class find_plain_class(const struct reason *reason)
{
	const char *text = reason->code ? reason->code : reason->message;
	size_t length = text ? strcspn(text, " :,") : 0;

	for (size_t i = 0; i < ARRAY_SIZE(ark_plain_codes); i++) {
		const char *part = ark_plain_codes[i].part;

		if (length && memmem(text, length, part, strlen(part)))
			return ark_plain_codes[i].class;
	}
	return PROBLEM_NONE;
}

enum problem_class answer_class(const struct code_class *own, size_t count,
				const struct reason *reason)
{
	enum problem_class class = find_class(own, count, reason->code);

	if (!class)
		class = find_class(ark_codes, ARRAY_SIZE(ark_codes), reason->code);
	if (!class)
		class = find_class(ark_codes, ARRAY_SIZE(ark_codes), reason->message);
	if (!class)
		class = find_class(words, ARRAY_SIZE(words), reason->message);
	return class ? class : find_plain_class(reason);
}

enum problem_class answer_query_class(enum problem_class class, bool is_own_shape)
{
	return class == PROBLEM_GONE && !is_own_shape ? PROBLEM_SERVER : class;
}

void answer_set_problem(struct problem *problem, enum problem_class class,
			const struct reason *reason, int status)
{
	if (status && !answer_has_reason(reason))
		problem_set(problem, class,
			    "the service returned HTTP status %d and gave no reason",
			    status);
	else
		problem_set_from_service(problem, class, reason->code, reason->message);
}

/* --- a create --- */

int answer_accept(struct create_answer *ret, const char *id)
{
	ret->result = CREATE_ACCEPTED;
	ret->observation.state = TASK_QUEUED;
	return answer_put(&ret->observation.id, id);
}

void answer_without_id(struct create_answer *ret, int status)
{
	ret->result = CREATE_AMBIGUOUS;
	problem_set(&ret->problem, PROBLEM_SERVER,
		    "the service accepted the request (HTTP status %d), but its response "
		    "has no usable task id",
		    status);
}

/*
 * The statuses by which servers turn a request away. 5xx, and statuses about time or a
 * conflict with something that exists (408, 409, 425, 499), may hide an accepted request;
 * redirects are never followed.
 */
static bool is_certain(int status, const struct reason *reason)
{
	static const int certain[] = { 400, 401, 402, 403, 404, 405, 413, 415, 422, 429 };
	static const int doubtful[] = { 408, 409, 425, 499 };

	for (size_t i = 0; i < ARRAY_SIZE(certain); i++)
		if (status == certain[i])
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(doubtful); i++)
		if (status == doubtful[i])
			return false;
	return status > 400 && status < 500 && answer_has_reason(reason);
}

void answer_judge(struct create_answer *ret, enum problem_class class,
		  const struct reason *reason, int status)
{
	answer_decide(ret, is_certain(status, reason), class, reason, status);
}

void answer_decide(struct create_answer *ret, bool certain, enum problem_class class,
		   const struct reason *reason, int status)
{
	/*
	 * No task can be gone yet: something that the request refers to does not exist.
	 */
	if (class == PROBLEM_GONE)
		class = PROBLEM_INVALID;
	if (class == PROBLEM_RATE && !certain) /* it is not repeated automatically */
		class = PROBLEM_SERVER;
	ret->result = certain ? CREATE_REFUSED : CREATE_AMBIGUOUS;
	ret->may_repeat = class == PROBLEM_RATE;
	answer_set_problem(&ret->problem, class, reason, status);
}

/* --- a task --- */

int answer_put(char **into, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	if (copy) {
		free(*into);
		*into = copy;
	}
	return 0;
}

int answer_put_state(struct observation *seen, const char *word)
{
	if (provider_state_of(word, &seen->state))
		return 0;
	seen->state = TASK_RUNNING;
	seen->raw_state =
		text_clean(word && *word ? word : "(no status)", RAW_STATE_MAX_BYTES);
	return seen->raw_state ? 0 : -ENOMEM;
}

/* Per cent as a number, or as a text such as "45%". */
static void put_progress(struct observation *seen, const struct json *value)
{
	const char *text = json_string(value);
	double number;

	if (!json_to_number(value, &number)) {
		char *end = NULL;

		number = text ? strtod(text, &end) : -1;
		if (!text || end == text)
			return;
	}
	if (number >= 0 && number <= 100)
		seen->progress = (int)number;
}

int64_t answer_created_s(const struct json *task)
{
	double created;

	if (!json_to_number(json_get(task, "created_at"), &created))
		return 0;
	if (created >= CREATED_MOST_S)
		created /= 1000; /* milliseconds */
	return created > 0 && created < CREATED_MOST_S ? (int64_t)created : 0;
}

static int put_printed(char **into, const struct json *value)
{
	free(*into);
	*into = json_print(value);
	return *into ? 0 : -ENOMEM;
}

int answer_put_common(struct observation *seen, const struct json *task,
		      const struct json *whole)
{
	const struct json *usage = json_get(task, "usage");
	int r = answer_put(&seen->model, answer_text(task, "model"));

	if (!r && json_is_object(usage))
		r = put_printed(&seen->usage, usage);
	if (!r)
		r = put_printed(&seen->answer, whole);
	put_progress(seen, json_get(task, "progress"));
	seen->created_s = answer_created_s(task);
	return r;
}

struct observation *answer_observe(struct observations *list, const char *id)
{
	struct observation *seen = observations_push(list);

	return seen && !answer_put(&seen->id, id) ? seen : NULL;
}

void answer_put_failure(struct observation *seen, enum problem_class class,
			const struct reason *reason)
{
	/* The task exists: something that its request refers to does not. */
	if (class == PROBLEM_GONE)
		class = PROBLEM_INVALID;
	answer_set_problem(&seen->problem, class, reason, 0);
}

int answer_observe_error(struct observations *list, const char *id,
			 const struct problem *problem)
{
	struct observation *seen;

	if (problem->class != PROBLEM_GONE)
		return -EAGAIN;
	seen = answer_observe(list, id);
	if (!seen)
		return -ENOMEM;
	problem_copy(&seen->problem, problem);
	return 0;
}

int answer_not_json(struct problem *problem)
{
	problem_set(problem, PROBLEM_SERVER, "the service's response is not JSON");
	return -EAGAIN;
}

int answer_of_another_task(struct problem *problem)
{
	problem_set(problem, PROBLEM_SERVER,
		    "the service's response is about a different task");
	return -EAGAIN;
}
