/*
 * The "AIGeneration" createTask/taskStatus backend: README.md, section 2. Its page shows
 * the requests and a single answer; everything else is inferred. So answers are read
 * tolerantly, and only a clear refusal counts as one.
 */
#include "backend/providers/answer.h"
#include "backend/providers/ark_shape.h"
#include "backend/providers/call.h"
#include "backend/providers/table_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SEEDANCE_PATH "/api/AIGeneration/video/seedance/"
#define MESSAGE_CEILING 4096
#define ID_CHARS 129

static const struct param_name names[] = {
	{ PARAM_RESOLUTION, "resolution" },
	{ PARAM_RATIO, "ratio" },
	{ PARAM_DURATION, "duration" },
	{ PARAM_SEED, "seed" },
	{ PARAM_GENERATE_AUDIO, "generate_audio" },
	{ PARAM_WATERMARK, "watermark" },
	{ PARAM_CAMERA_FIXED, "camera_fixed" },
	{ PARAM_RETURN_LAST_FRAME, "return_last_frame" },
	{ PARAM_DRAFT, "draft" },
	{ PARAM_SERVICE_TIER, "service_tier" },
};

static int createtask_build_create(const struct request *request,
				   const struct endpoint *endpoint,
				   struct http_request *ret_http, struct problem *problem)
{
	AUTOJSON *body = json_new_object();
	int r = ark_put_request(request, names, ARRAY_SIZE(names), body);

	return r ? r
		 : call_with_json(ret_http, endpoint, SEEDANCE_PATH "createTask", body,
				  request);
}

/* --- what an answer holds --- */

/* An id is a string or a number. Returns whether there is a usable one. */
static bool read_id(const struct json *value, char ret_id[ID_CHARS])
{
	const char *text = json_string(value);
	int64_t number;

	if (text)
		snprintf(ret_id, ID_CHARS, "%s", text);
	else if (json_to_int64(value, &number) && number > 0)
		snprintf(ret_id, ID_CHARS, "%" PRId64, number);
	else
		return false;
	return (!text || strlen(text) < ID_CHARS) && text_is_url_safe(ret_id);
}

/* data.id, data.task_id, id, task_id; or `data` itself. */
static bool find_id(const struct json *body, char ret_id[ID_CHARS])
{
	const struct json *data = json_get(body, "data");

	return read_id(json_get(data, "id"), ret_id) ||
	       read_id(json_get(data, "task_id"), ret_id) ||
	       read_id(json_get(body, "id"), ret_id) ||
	       read_id(json_get(body, "task_id"), ret_id) ||
	       (json_string(data) && read_id(data, ret_id));
}

static const struct json *task_of(const struct json *body)
{
	const struct json *data = json_get(body, "data");

	return json_is_object(data) ? data : body;
}

static bool says_no(const struct json *body)
{
	bool is_success;

	return json_to_bool(json_get(body, "success"), &is_success) && !is_success;
}

/* Appends `errors: {field: ["why", …]}` to the message, as one text. */
static void add_field_errors(struct buffer *text, const struct json *errors)
{
	for (const struct json *field = json_first(errors); field;
	     field = json_next(field)) {
		const struct json *why = json_is_array(field) ? json_first(field) : field;

		if (!json_string(why))
			continue;
		buffer_addf(text, "%s%s%s%s", text->size ? "; " : "",
			    json_key(field) ? json_key(field) : "",
			    json_key(field) ? ": " : "", json_string(why));
	}
}

/* The class where the code leaves it open; `status` 0: of a task. */
static enum problem_class class_of(const struct reason *reason, int status)
{
	enum problem_class class = answer_class(NULL, 0, reason);

	if (class)
		return class;
	if (status >= 200 && status < 300)
		return PROBLEM_INVALID;
	return status ? provider_class_of_status(status) : PROBLEM_SERVER;
}

/*
 * A refusal worded as a failure: the order may have been passed on to Ark nevertheless.
 */
static bool is_doubtful(const struct reason *reason)
{
	static const char *const words[] = { "timeout",	   "timed out",	   "time out",
					     "cURL error", "server error", "exception",
					     "超时" };

	if (!reason->message || answer_class(NULL, 0, reason) == PROBLEM_SERVER)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(reason->message, words[i]))
			return true;
	return false;
}

/*
 * A status that the service, or a proxy in front of it, returns before it processes an
 * order.
 */
static bool is_given_first(int status)
{
	static const int statuses[] = { 401, 403, 404, 405, 413, 422, 429 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (status == statuses[i])
			return true;
	return false;
}

static bool is_refusal(const struct json *body, const struct reason *reason, int status)
{
	char id[ID_CHARS];

	if (find_id(body, id))
		return false;
	if (is_given_first(status))
		return true;
	return ((status >= 200 && status < 300 && says_no(body)) || status == 400 ||
		status == 402) &&
	       !is_doubtful(reason);
}

static int read_refusal(const struct json *body, int status, struct create_answer *ret)
{
	AUTOBUFFER text = BUFFER_INIT(MESSAGE_CEILING);
	struct reason reason = answer_reason(body);
	bool is_certain = is_refusal(body, &reason, status);
	bool is_told = status < 200 || status >= 300 || says_no(body);

	if (!is_told) {
		answer_without_id(ret, status);
		return 0;
	}
	if (reason.message)
		buffer_addf(&text, "%.1000s", reason.message);
	add_field_errors(&text, json_get(body, "errors"));
	if (buffer_error(&text) == -ENOMEM)
		return -ENOMEM;
	if (text.size)
		reason.message = text.data;
	answer_decide(ret, is_certain,
		      is_certain ? class_of(&reason, status) : PROBLEM_SERVER, &reason,
		      status);
	return 0;
}

static int put_task(const struct json *body, struct observation *seen)
{
	const struct json *task = task_of(body);
	struct reason reason = answer_reason(task);
	int r = answer_put_state(seen, json_get_string(task, "status"));

	if (!r)
		r = answer_put(&seen->video_url, answer_text(task, "result_url"));
	if (!r)
		r = answer_put(&seen->last_frame_url,
			       answer_text(task, "last_frame_url"));
	if (!r)
		r = answer_put_common(seen, task, body);
	if (!r && seen->state == TASK_FAILED)
		answer_put_failure(seen, class_of(&reason, 0), &reason);
	return r;
}

static int createtask_parse_create(const struct http_response *response,
				   struct create_answer *ret)
{
	AUTOJSON *body = NULL;
	char id[ID_CHARS];
	int r;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (!answer_is_good(response) || says_no(body) || !find_id(body, id))
		return read_refusal(body, response->status, ret);
	r = answer_accept(ret, id);
	if (!r && answer_text(task_of(body), "status"))
		r = put_task(body, &ret->observation);
	return r;
}

/* --- query --- */

static int createtask_build_query(const char *const *ids, size_t count,
				  const struct endpoint *endpoint,
				  struct http_request *ret_http)
{
	if (count != 1)
		return -EINVAL;
	return call_of_task(ret_http, endpoint, "GET", SEEDANCE_PATH "taskStatus/",
			    ids[0]);
}

static bool says_gone(const struct reason *reason)
{
	return reason->message && (strcasestr(reason->message, "not found") ||
				   strcasestr(reason->message, "not exist") ||
				   strstr(reason->message, "不存在"));
}

/*
 * `success: false`, or Laravel's bare message if it is about a task and not about a path.
 */
static bool is_own_error(const struct json *body, const struct reason *reason)
{
	if (says_no(body))
		return answer_has_reason(reason);
	return says_gone(reason) && !strchr(reason->message, '/') &&
	       (strcasestr(reason->message, "task") || strstr(reason->message, "任务"));
}

static int read_query_error(const struct json *body, int status, const char *id,
			    struct observations *list, struct problem *problem)
{
	struct reason reason = answer_reason(body);
	enum problem_class class = class_of(&reason, status);

	if (status == 200)
		class = says_gone(&reason) ? PROBLEM_GONE : PROBLEM_SERVER;
	class = answer_query_class(class, is_own_error(body, &reason));
	answer_set_problem(problem, class, &reason, status);
	return answer_observe_error(list, id, problem);
}

static int createtask_parse_query(const struct http_response *response,
				  const char *const *ids, size_t count,
				  struct observations *list, struct problem *problem)
{
	AUTOJSON *body = NULL;
	struct observation *seen;
	char id[ID_CHARS];

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (response->status == 200 && !json_is_object(body))
		return answer_not_json(problem);
	if (response->status != 200 || !json_get(task_of(body), "status"))
		return read_query_error(body, response->status, ids[0], list, problem);
	if (find_id(body, id) && strcmp(id, ids[0]))
		return answer_of_another_task(problem);
	seen = answer_observe(list, ids[0]);
	return seen ? put_task(body, seen) : -ENOMEM;
}

const struct provider provider_createtask = {
	.type = "createtask",
	.title = "createTask",
	.default_base_url = NULL, /* the host is not published */
	.default_key_env = "CREATETASK_API_KEY",
	.params = PARAM_BIT(PARAM_RESOLUTION) | PARAM_BIT(PARAM_RATIO) |
		  PARAM_BIT(PARAM_DURATION) | PARAM_BIT(PARAM_SEED) |
		  PARAM_BIT(PARAM_GENERATE_AUDIO) | PARAM_BIT(PARAM_WATERMARK) |
		  PARAM_BIT(PARAM_CAMERA_FIXED) | PARAM_BIT(PARAM_RETURN_LAST_FRAME) |
		  PARAM_BIT(PARAM_DRAFT) | PARAM_BIT(PARAM_SERVICE_TIER),
	.image = MEDIA_BY_URL | MEDIA_BY_DATA,
	.takes_last_frame = true,
	.takes_draft_task = true,
	.gives_last_frame = true,
	.poll_interval_ms = 10000,
	.link_life_s = PROVIDER_LINK_LIFE_S,
	.max_active = 10,
	.body_max_bytes = 64u << 20,
	.query_most = 1,
	.build_create = createtask_build_create,
	.parse_create = createtask_parse_create,
	.build_query = createtask_build_query,
	.parse_query = createtask_parse_query,
};
