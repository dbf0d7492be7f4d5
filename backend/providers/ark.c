/*
 * Volcengine Ark and BytePlus ModelArk: providers.md, section 6.
 */
#include "backend/providers/ark_shape.h"
#include "backend/providers/table.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/json.h"
#include "backend/request_params.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define TASKS_PATH "/contents/generations/tasks"

static const char *ark_model(const struct request *request,
			     const struct endpoint *endpoint)
{
	if (request->model)
		return request->model;
	return endpoint->model ? endpoint->model : "doubao-seedance-1-5-pro-251215";
}

/* The models with sound, by the part of the name that all regions share: 6.2. */
static bool ark_has_audio(const char *model)
{
	return strstr(model, "seedance-1-5") || strstr(model, "seedance-2-");
}

static bool ark_is_draft_order(const struct request *request)
{
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].type == CONTENT_DRAFT_TASK)
			return true;
	return false;
}

/*
 * Sound and the watermark are always said, since the services' defaults differ and sound
 * doubles the price of one model; beside a draft task the service refuses
 * `generate_audio`. What the body holds already, be it from `extra`, stays: no key may
 * stand in it twice.
 */
static int put_defaults(const struct request *request, const char *model,
			struct json *body)
{
	bool is_draft = false;
	int r = 0;

	json_to_bool(json_get(body, "draft"), &is_draft);
	if (!json_get(body, "watermark"))
		r = json_put_bool(body, "watermark", false);
	if (!r && !json_get(body, "generate_audio") && ark_has_audio(model) &&
	    !ark_is_draft_order(request))
		r = json_put_bool(body, "generate_audio", false);
	if (!r && !json_get(body, "return_last_frame") && !is_draft)
		r = json_put_bool(body, "return_last_frame", true);
	return r;
}

static int put_params(const struct request *request, const struct endpoint *endpoint,
		      struct json *body)
{
	int r = 0;

	for (int i = 0; !r && i < PARAM_COUNT; i++) {
		enum request_param param = (enum request_param)i;

		if (param == PARAM_FRAMESPERSECOND) /* not validated there: never sent */
			continue;
		r = request_put_param(request, param, request_param_key(param), body);
	}
	for (const struct json *item = json_first(request->extra); item && !r;
	     item = json_next(item))
		if (!json_get(body, json_key(item)))
			r = json_put(body, json_key(item), json_copy(item));
	if (!r && !json_get(body, "callback_url"))
		r = json_put_string(body, "callback_url", endpoint->callback_url);
	return r;
}

static int check(const struct request *request, struct problem *problem)
{
	for (size_t i = 0; i < request->content_count; i++) {
		const struct request_content *item = &request->content[i];

		if (item->type == CONTENT_VIDEO && item->file.fd >= 0) {
			problem_set(problem, PROBLEM_INVALID,
				    "%s: %s is a local video, and Ark takes videos only "
				    "by address; "
				    "allowed: https://… or asset://ID",
				    request->source, item->path);
			return -EINVAL;
		}
		if (item->type == CONTENT_DRAFT_TASK && request->content_count > 1) {
			problem_set(problem, PROBLEM_INVALID,
				    "%s: a draft_task stands alone in content: Ark takes "
				    "prompt and "
				    "pictures from the draft",
				    request->source);
			return -EINVAL;
		}
	}
	return 0;
}

static int ark_build_create(const struct request *request,
			    const struct endpoint *endpoint,
			    struct http_request *ret_http, struct problem *problem)
{
	const char *model = ark_model(request, endpoint);
	AUTOJSON *body = json_new_object();
	int r = check(request, problem);

	if (r)
		return r;
	r = json_put_string(body, "model", model);
	if (!r)
		r = ark_put_content(request, body);
	if (!r)
		r = put_params(request, endpoint, body);
	if (!r)
		r = put_defaults(request, model, body);
	if (r)
		return r;
	ret_http->method = "POST";
	ret_http->url = text_format("%s" TASKS_PATH, endpoint->base_url);
	r = ret_http->url ? provider_add_headers(ret_http, endpoint, true) : -ENOMEM;
	return r ? r : provider_set_json_body(ret_http, body, request);
}

/* Codes whose HTTP status alone would mislead: 6.7. */
static enum problem_class ark_class(int status, const char *code)
{
	static const struct {
		const char *part;
		enum problem_class class;
	} codes[] = {
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

	for (size_t i = 0; code && i < ARRAY_SIZE(codes); i++)
		if (strstr(code, codes[i].part))
			return codes[i].class;
	return provider_class_of_status(status);
}

/* `{"error":{…}}`, the same flat, or `ResponseMetadata.Error`. */
static const struct json *error_object(const struct json *body)
{
	const struct json *error = json_get(body, "error");

	if (json_is_object(error))
		return error;
	error = json_get(json_get(body, "ResponseMetadata"), "Error");
	return error ? error : body;
}

static const char *either(const struct json *object, const char *a, const char *b)
{
	const char *text = json_get_string(object, a);

	return text && *text ? text : json_get_string(object, b);
}

/* The problem of an HTTP error; `{"error":"text"}` is a message without a code. */
static void read_error(const struct json *body, int status, struct problem *problem)
{
	const struct json *error = error_object(body);
	const char *code = either(error, "code", "Code");
	const char *message = either(error, "message", "Message");
	AUTOFREE char *bare =
		text_format("HTTP status %d without an explanation", status);

	if (!message || !*message)
		message = json_get_string(body, "error");
	if ((!message || !*message) && (!code || !*code))
		message = bare;
	problem_set_from_service(problem, ark_class(status, code), code, message);
}

/* What a failed task says of itself; the HTTP status, 200, has no part in it. */
static void read_task_error(const struct json *task, struct problem *problem)
{
	const struct json *error = json_get(task, "error");
	const char *code;

	if (!json_is_object(error))
		error = json_get(task, "failure_reason");
	if (json_is_object(error)) {
		code = either(error, "code", "Code");
		problem_set_from_service(problem, ark_class(500, code), code,
					 either(error, "message", "Message"));
	} else {
		problem_set_from_service(problem, PROBLEM_SERVER, NULL,
					 either(task, "error", "failure_reason"));
	}
}

static int parse_body(const struct http_response *response, struct json **ret_body)
{
	*ret_body = NULL;
	if (!response->body.size)
		return 0;
	return json_parse(response->body.data, response->body.size, ret_body, NULL);
}

static int ark_parse_create(const struct http_response *response,
			    struct create_answer *ret)
{
	AUTOJSON *body = NULL;
	const char *id;

	if (parse_body(response, &body) == -ENOMEM)
		return -ENOMEM;
	if (response->status >= 200 && response->status < 300) {
		id = json_get_string(body, "id");
		ret->result = id && provider_id_is_safe(id) ? CREATE_ACCEPTED
							    : CREATE_AMBIGUOUS;
		if (ret->result == CREATE_AMBIGUOUS) {
			problem_set(&ret->problem, PROBLEM_SERVER,
				    "the service accepted the request (HTTP %d) but its "
				    "answer holds "
				    "no usable task id",
				    response->status);
			return 0;
		}
		ret->observation.id = strdup(id);
		ret->observation.state = TASK_QUEUED;
		return ret->observation.id ? 0 : -ENOMEM;
	}
	read_error(body, response->status, &ret->problem);
	/* No task can be gone yet: something that the request names is not there. */
	if (ret->problem.class == PROBLEM_GONE)
		ret->problem.class = PROBLEM_INVALID;
	/* 5xx and 408 may hide an accepted request; redirects are never followed. */
	ret->result = response->status >= 400 && response->status < 500 &&
				      response->status != 408
			      ? CREATE_REFUSED
			      : CREATE_AMBIGUOUS;
	ret->may_repeat = response->status == 429 && ret->problem.class == PROBLEM_RATE;
	return 0;
}

static int ark_task_url(const char *id, const struct endpoint *endpoint, char **ret_url)
{
	if (!provider_id_is_safe(id))
		return -EINVAL;
	*ret_url = text_format("%s" TASKS_PATH "/%s", endpoint->base_url, id);
	return *ret_url ? 0 : -ENOMEM;
}

static int ark_build_query(const char *const *ids, size_t count,
			   const struct endpoint *endpoint, struct http_request *ret_http)
{
	int r;

	if (count != 1)
		return -EINVAL;
	ret_http->method = "GET";
	r = ark_task_url(ids[0], endpoint, &ret_http->url);
	return r ? r : provider_add_headers(ret_http, endpoint, false);
}

static char *dup_text(const struct json *object, const char *key)
{
	const char *text = json_get_string(object, key);

	return text && *text ? strdup(text) : NULL;
}

static void read_task(const struct json *task, const char *id, struct observation *seen)
{
	const struct json *content = json_get(task, "content");
	const char *word = json_get_string(task, "status");
	const struct json *usage = json_get(task, "usage");

	seen->id = strdup(id);
	if (!provider_state_of(word, &seen->state)) {
		seen->state = TASK_RUNNING; /* polled on, and shown */
		seen->raw_state = text_clean(word ? word : "(no status)", 100);
	}
	seen->video_url = dup_text(content, "video_url");
	seen->last_frame_url = dup_text(content, "last_frame_url");
	seen->model = dup_text(task, "model");
	if (json_is_object(usage))
		seen->usage = json_print(usage);
	seen->answer = json_print(task);
	if (seen->state == TASK_FAILED)
		read_task_error(task, &seen->problem);
}

static int ark_parse_query(const struct http_response *response, const char *const *ids,
			   size_t count, struct observations *list,
			   struct problem *problem)
{
	AUTOJSON *body = NULL;
	struct observation *seen;
	const char *id;
	int r = parse_body(response, &body);

	if (r == -ENOMEM || count != 1)
		return r ? r : -EINVAL;
	if (response->status != 200) {
		read_error(body, response->status, problem);
		if (problem->class != PROBLEM_GONE)
			return -EAGAIN;
	} else if (!json_is_object(body)) {
		problem_set(problem, PROBLEM_SERVER, "the service's answer is not JSON");
		return -EAGAIN;
	}
	id = json_get_string(body, "id");
	if (response->status == 200 && id && strcmp(id, ids[0])) {
		problem_set(problem, PROBLEM_SERVER,
			    "the service answered for another task");
		return -EAGAIN;
	}
	seen = observations_push(list);
	if (!seen)
		return -ENOMEM;
	if (response->status == 200) {
		read_task(body, ids[0], seen);
		return 0;
	}
	seen->id = strdup(ids[0]);
	problem_copy(&seen->problem, problem);
	return 0;
}

static int ark_build_cancel(const char *id, const struct endpoint *endpoint,
			    struct http_request *ret_http)
{
	int r;

	ret_http->method = "DELETE";
	r = ark_task_url(id, endpoint, &ret_http->url);
	return r ? r : provider_add_headers(ret_http, endpoint, false);
}

static int ark_parse_cancel(const struct http_response *response, struct problem *problem)
{
	AUTOJSON *body = NULL;

	if (response->status >= 200 && response->status < 300)
		return 0;
	if (parse_body(response, &body) == -ENOMEM)
		return -ENOMEM;
	read_error(body, response->status, problem);
	return problem->class == PROBLEM_BUSY ? -EBUSY : -EAGAIN;
}

const struct provider provider_ark = {
	.type = "ark",
	.default_base_url = "https://ark.cn-beijing.volces.com/api/v3",
	.default_key_env = "ARK_API_KEY",
	.title = "Ark",
	.params = UINT32_MAX >> (32 - PARAM_COUNT) & ~PARAM_BIT(PARAM_FRAMESPERSECOND),
	.image = MEDIA_BY_URL | MEDIA_BY_DATA | MEDIA_BY_ASSET,
	.video = MEDIA_BY_URL | MEDIA_BY_ASSET,
	.audio = MEDIA_BY_URL | MEDIA_BY_DATA | MEDIA_BY_ASSET,
	.takes_references = true,
	.takes_last_frame = true,
	.takes_draft_task = true,
	.gives_last_frame = true,
	.poll_interval_ms = 10000,
	.max_active = 10,
	.body_max_bytes = 64u << 20,
	.can_cancel_queued = true,
	.can_cancel_running = false,
	.query_most = 1,
	.build_create = ark_build_create,
	.parse_create = ark_parse_create,
	.build_query = ark_build_query,
	.parse_query = ark_parse_query,
	.build_cancel = ark_build_cancel,
	.parse_cancel = ark_parse_cancel,
};
