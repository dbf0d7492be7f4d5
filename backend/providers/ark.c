/*
 * Volcengine Ark and BytePlus ModelArk: README.md, section 6.
 */
#include "backend/providers/answer.h"
#include "backend/providers/ark_shape.h"
#include "backend/providers/call.h"
#include "backend/providers/table_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

#define TASKS_PATH "/contents/generations/tasks"
#define URL_CEILING (64u << 10)
#define QUERY_MOST 50
#define LIST_SIZE 50

/* --- create --- */

/* All except `framespersecond`, which the service does not validate: 6.2. */
static const struct param_name names[] = {
	{ PARAM_RESOLUTION, "resolution" },
	{ PARAM_RATIO, "ratio" },
	{ PARAM_DURATION, "duration" },
	{ PARAM_FRAMES, "frames" },
	{ PARAM_SEED, "seed" },
	{ PARAM_CAMERA_FIXED, "camera_fixed" },
	{ PARAM_WATERMARK, "watermark" },
	{ PARAM_GENERATE_AUDIO, "generate_audio" },
	{ PARAM_DRAFT, "draft" },
	{ PARAM_RETURN_LAST_FRAME, "return_last_frame" },
	{ PARAM_SERVICE_TIER, "service_tier" },
	{ PARAM_EXECUTION_EXPIRES_AFTER, "execution_expires_after" },
	{ PARAM_PRIORITY, "priority" },
	{ PARAM_CALLBACK_URL, "callback_url" },
	{ PARAM_SAFETY_IDENTIFIER, "safety_identifier" },
	{ PARAM_OUTPUT_FORMAT, "output_format" },
	{ PARAM_OMNI_REFERENCE_TASK_TYPE, "omni_reference_task_type" },
	{ PARAM_TOOLS, "tools" },
};

static int ark_build_create(const struct request *request,
			    const struct endpoint *endpoint,
			    struct http_request *ret_http, struct problem *problem)
{
	AUTOJSON *body = json_new_object();
	int r = ark_put_request(request, names, ARRAY_SIZE(names), body);

	return r ? r : call_with_json(ret_http, endpoint, TASKS_PATH, body, request);
}

/* `status` 0: of a task. The service is at fault unless the code says otherwise. */
static enum problem_class ark_class(const struct reason *reason, int status)
{
	static const struct code_class of_task[] = { { "NotFound", PROBLEM_INVALID } };
	enum problem_class class =
		answer_class(of_task, status ? 0 : ARRAY_SIZE(of_task), reason);

	if (class)
		return class;
	return status ? provider_class_of_status(status) : PROBLEM_SERVER;
}

static void read_error(const struct json *body, int status, struct problem *problem)
{
	struct reason reason = answer_reason(body);

	answer_set_problem(problem, ark_class(&reason, status), &reason, status);
}

static int ark_parse_create(const struct http_response *response,
			    struct create_answer *ret)
{
	AUTOJSON *body = NULL;
	struct reason reason;
	const char *id;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (answer_is_good(response)) {
		id = answer_text(body, "id");
		if (id && text_is_url_safe(id))
			return answer_accept(ret, id);
		answer_without_id(ret, response->status);
		return 0;
	}
	reason = answer_reason(body);
	answer_judge(ret, ark_class(&reason, response->status), &reason,
		     response->status);
	return 0;
}

/* --- query --- */

static int build_get(struct buffer *path, const struct endpoint *endpoint,
		     struct http_request *ret_http)
{
	if (buffer_error(path))
		return -ENOMEM;
	return call_begin(ret_http, endpoint, "GET", path->data);
}

static int ark_build_query(const char *const *ids, size_t count,
			   const struct endpoint *endpoint, struct http_request *ret_http)
{
	AUTOBUFFER path = BUFFER_INIT(URL_CEILING);

	if (!count || count > QUERY_MOST)
		return -EINVAL;
	if (count == 1)
		return call_of_task(ret_http, endpoint, "GET", TASKS_PATH "/", ids[0]);
	buffer_add(&path, TASKS_PATH);
	for (size_t i = 0; i < count; i++) {
		if (!text_is_url_safe(ids[i]))
			return -EINVAL;
		buffer_addf(&path, "%sfilter.task_ids=%s", i ? "&" : "?", ids[i]);
	}
	buffer_addf(&path, "&page_size=%zu", count);
	return build_get(&path, endpoint, ret_http);
}

static int put_task(const struct json *task, struct observation *seen)
{
	const struct json *content = json_get(task, "content");
	struct reason reason = answer_reason(task);
	int r = answer_put_state(seen, json_get_string(task, "status"));

	if (!r)
		r = answer_put(&seen->video_url, answer_text(content, "video_url"));
	if (!r)
		r = answer_put(&seen->last_frame_url,
			       answer_text(content, "last_frame_url"));
	if (!r)
		r = answer_put_common(seen, task, task);
	if (!r && seen->state == TASK_FAILED)
		answer_put_failure(seen, ark_class(&reason, 0), &reason);
	return r;
}

static int observe(const struct json *task, const char *id, struct observations *list)
{
	struct observation *seen = answer_observe(list, id);

	return seen ? put_task(task, seen) : -ENOMEM;
}

/* The answer for an unknown task is not documented: 10. */
static enum problem_class query_class(const struct reason *reason, int status)
{
	static const struct code_class codes[] = {
		{ "InvalidEndpointOrModel", PROBLEM_INVALID },
		{ "NotFound", PROBLEM_GONE },
		{ "task_not_found", PROBLEM_GONE },
	};
	bool can_be_gone = status == 400 || status == 404 || status == 410;
	enum problem_class class =
		can_be_gone ? answer_class(codes, ARRAY_SIZE(codes), reason)
			    : PROBLEM_NONE;

	if (!class)
		class = ark_class(reason, status);
	return answer_query_class(class, can_be_gone && reason->code);
}

static int read_query_error(const struct json *body, int status, const char *id,
			    struct observations *list, struct problem *problem)
{
	struct reason reason = answer_reason(body);

	answer_set_problem(problem, query_class(&reason, status), &reason, status);
	return answer_observe_error(list, id, problem);
}

static int parse_one(const struct http_response *response, const struct json *body,
		     const char *id, struct observations *list, struct problem *problem)
{
	const char *said = json_get_string(body, "id");

	if (response->status != 200)
		return read_query_error(body, response->status, id, list, problem);
	if (!json_is_object(body))
		return answer_not_json(problem);
	if (said && strcmp(said, id))
		return answer_of_another_task(problem);
	return observe(body, id, list);
}

/* The items of a list; -EAGAIN with the problem set if the answer has none. */
static int read_items(const struct http_response *response, const struct json *body,
		      const struct json **ret_items, struct problem *problem)
{
	const struct json *items = json_get(body, "items");

	if (response->status != 200) {
		read_error(body, response->status, problem);
		return -EAGAIN;
	}
	if (!json_is_object(body))
		return answer_not_json(problem);
	if (!json_is_array(items) && !(json_is_null(items) && json_get(body, "total"))) {
		problem_set(problem, PROBLEM_SERVER,
			    "the service's response is not a list of tasks");
		return -EAGAIN;
	}
	*ret_items = items;
	return 0;
}

static const struct json *find_item(const struct json *items, const char *id)
{
	for (const struct json *item = json_first(items); item; item = json_next(item)) {
		const char *said = json_get_string(item, "id");

		if (said && !strcmp(said, id))
			return item;
	}
	return NULL;
}

/*
 * A list omits tasks of another tier (6.4) and tasks that are gone; if the list fails,
 * each task is queried alone.
 */
static int parse_several(const struct http_response *response, const struct json *body,
			 const char *const *ids, size_t count, struct observations *list,
			 struct problem *problem)
{
	const struct json *items = NULL;
	int r = read_items(response, body, &items, problem);

	if (r && (problem->class == PROBLEM_INVALID || problem->class == PROBLEM_GONE)) {
		problem_clear(problem);
		return 0;
	}
	for (size_t i = 0; !r && i < count; i++) {
		const struct json *item = find_item(items, ids[i]);

		if (item)
			r = observe(item, ids[i], list);
	}
	return r;
}

static int ark_parse_query(const struct http_response *response, const char *const *ids,
			   size_t count, struct observations *list,
			   struct problem *problem)
{
	AUTOJSON *body = NULL;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (count == 1)
		return parse_one(response, body, ids[0], list, problem);
	return parse_several(response, body, ids, count, list, problem);
}

/* --- list --- */

/* The filters are exact; without a filter for the tier only `default` is listed (6.4). */
static int ark_build_list(const char *model, const char *tier,
			  const struct endpoint *endpoint, struct http_request *ret_http)
{
	AUTOBUFFER path = BUFFER_INIT(URL_CEILING);

	if (!text_is_url_safe(model))
		return -EINVAL;
	buffer_addf(&path, TASKS_PATH "?filter.model=%s&page_num=1&page_size=%d", model,
		    LIST_SIZE);
	if (tier && !text_is_url_safe(tier))
		return -EINVAL;
	if (tier)
		buffer_addf(&path, "&filter.service_tier=%s", tier);
	return build_get(&path, endpoint, ret_http);
}

static int by_newest(const void *a, const void *b)
{
	const struct observation *first = a, *second = b;

	return (first->created_s < second->created_s) -
	       (first->created_s > second->created_s);
}

static bool is_candidate(const struct json *item, int64_t since_s)
{
	const char *id = json_get_string(item, "id");
	int64_t created_s = answer_created_s(item);

	return id && text_is_url_safe(id) && created_s > 0 && created_s >= since_s;
}

static int ark_parse_list(const struct http_response *response, int64_t since_s,
			  struct observations *list, struct problem *problem)
{
	AUTOJSON *body = NULL;
	const struct json *items = NULL;
	size_t before = list->count;
	int r;

	if (answer_parse(response, &body))
		return -ENOMEM;
	r = read_items(response, body, &items, problem);
	for (const struct json *item = json_first(items); item && !r;
	     item = json_next(item))
		if (is_candidate(item, since_s))
			r = observe(item, json_get_string(item, "id"), list);
	if (list->count > before)
		qsort(list->items + before, list->count - before, sizeof(*list->items),
		      by_newest);
	return r;
}

/* --- cancel --- */

static int ark_build_cancel(const char *id, const struct endpoint *endpoint,
			    struct http_request *ret_http)
{
	return call_of_task(ret_http, endpoint, "DELETE", TASKS_PATH "/", id);
}

static int ark_parse_cancel(const struct http_response *response, struct problem *problem)
{
	AUTOJSON *body = NULL;

	if (answer_is_good(response))
		return 0;
	if (answer_parse(response, &body))
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
	.link_life_s = PROVIDER_LINK_LIFE_S,
	.max_active = 10,
	.body_max_bytes = 64u << 20,
	.can_cancel_queued = true,
	.can_cancel_running = false,
	.query_most = QUERY_MOST,
	.build_create = ark_build_create,
	.parse_create = ark_parse_create,
	.build_query = ark_build_query,
	.parse_query = ark_parse_query,
	.build_list = ark_build_list,
	.parse_list = ark_parse_list,
	.build_cancel = ark_build_cancel,
	.parse_cancel = ark_parse_cancel,
};
