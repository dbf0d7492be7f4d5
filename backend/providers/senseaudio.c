/*
 * SenseAudio: README.md, section 5. It has its own form of content; errors are classified
 * by `ref_code` first, then by HTTP status.
 */
#include "backend/providers/answer.h"
#include "backend/providers/ark_shape.h"
#include "backend/providers/call.h"
#include "backend/providers/table_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request/params.h"

#include <errno.h>
#include <string.h>

#define CREATE_PATH "/v1/video/create"
#define STATUS_PATH "/v1/video/status?id="
#define SPECIFIC "provider_specific"

/* --- create --- */

static const struct param_name names[] = {
	{ PARAM_DURATION, "duration" },	  { PARAM_RESOLUTION, "resolution" },
	{ PARAM_RATIO, "ratio" },	  { PARAM_EXECUTION_EXPIRES_AFTER, "timeout" },
	{ PARAM_WATERMARK, "watermark" },
};

/* The key that holds an item's text or URL, and the item's type. */
static const struct {
	const char *type, *key;
} shapes[] = {
	[CONTENT_TEXT] = { "text", "text" },
	[CONTENT_IMAGE] = { "image", "url" },
	[CONTENT_AUDIO] = { "audio", "audio_url" },
	[CONTENT_VIDEO] = { "video", "video_url" },
};

static const char *role_word(const struct request_content *item)
{
	if (item->type != CONTENT_IMAGE)
		return NULL;
	switch (item->role) {
	case ROLE_FIRST_FRAME:
		return "first_frame";
	case ROLE_LAST_FRAME:
		return "last_frame";
	case ROLE_REFERENCE:
		return "reference";
	default:
		return NULL;
	}
}

static int put_item(const struct request_content *item, struct json *out)
{
	AUTOFREE char *mark = item->file.fd >= 0 ? provider_file_mark(item) : NULL;
	const char *value = item->type == CONTENT_TEXT ? item->text : item->url;
	int r = json_put_string(out, "type", shapes[item->type].type);

	if (!r && item->file.fd >= 0 && !mark)
		r = -ENOMEM;
	if (!r)
		r = json_put_string(out, shapes[item->type].key, mark ? mark : value);
	return r ? r : json_put_string(out, "role", role_word(item));
}

static int put_content(const struct request *request, struct json *body)
{
	struct json *list = json_new_array();
	int r = json_put(body, "content", list);

	for (size_t i = 0; !r && i < request->content_count; i++) {
		struct json *out;

		if (request->content[i].type == CONTENT_DRAFT_TASK)
			continue; /* the service has none: models/fit.h */
		out = json_new_object();
		r = put_item(&request->content[i], out);
		if (r)
			json_free(out);
		else
			r = json_push(list, out);
	}
	return r;
}

/* `extra` may contain a part of it, or replace it by another value. */
static int put_specific(const struct request *request, struct json *body)
{
	const struct json *given = json_get(request->extra, SPECIFIC);
	struct json *holder;
	int r = 0;

	if (!request->params[PARAM_GENERATE_AUDIO].is_set ||
	    (given && !json_is_object(given)))
		return 0;
	holder = given ? json_copy(given) : json_new_object();
	if (!json_get(holder, "generate_audio"))
		r = request_put_param(request, PARAM_GENERATE_AUDIO, "generate_audio",
				      holder);
	if (!r)
		return json_put(body, SPECIFIC, holder);
	json_free(holder);
	return r;
}

static int senseaudio_build_create(const struct request *request,
				   const struct endpoint *endpoint,
				   struct http_request *ret_http, struct problem *problem)
{
	AUTOJSON *body = json_new_object();
	int r = put_specific(request, body);

	if (!r)
		r = ark_put_extra(request, body);
	if (!r && !json_get(body, "model"))
		r = json_put_string(body, "model", request->model);
	if (!r && !json_get(body, "content"))
		r = put_content(request, body);
	if (!r)
		r = ark_put_params(request, names, ARRAY_SIZE(names), body);
	return r ? r : call_with_json(ret_http, endpoint, CREATE_PATH, body, request);
}

/* --- errors: 5.3 --- */

static const struct ref_code {
	int64_t number;
	enum problem_class class;
} ref_codes[] = {
	{ 400000, PROBLEM_INVALID }, { 400001, PROBLEM_BALANCE }, /* quota */
	{ 400015, PROBLEM_RATE },    /* too many at once; its HTTP status is 400 */
	{ 400900, PROBLEM_BALANCE }, /* no account to bill */
	{ 400901, PROBLEM_BALANCE }, /* the account is frozen */
	{ 400902, PROBLEM_BALANCE }, /* the account's transaction is missing */
	{ 404000, PROBLEM_GONE },    { 429000, PROBLEM_RATE },
	{ 429002, PROBLEM_RATE },    { 500000, PROBLEM_SERVER },
};

static const struct ref_code *find_ref_code(const struct json *body)
{
	const struct json *value = json_get(body, "ref_code");
	const char *text = json_string(value);
	int64_t number;

	if (!json_to_int64(value, &number) && (!text || text_to_int64(text, &number)))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(ref_codes); i++)
		if (ref_codes[i].number == number)
			return &ref_codes[i];
	return NULL;
}

/* `status` 0: of a task. */
static enum problem_class senseaudio_class(const struct json *body,
					   const struct reason *reason, int status)
{
	static const struct code_class codes[] = {
		{ "authentication_error", PROBLEM_AUTH },
	};
	const struct ref_code *ref_code = find_ref_code(body);
	enum problem_class class;

	if (ref_code && ref_code->class != PROBLEM_INVALID)
		return ref_code->class;
	class = answer_class(codes, ARRAY_SIZE(codes), reason);
	if (class)
		return class;
	if (ref_code)
		return ref_code->class;
	return status ? provider_class_of_status(status) : PROBLEM_SERVER;
}

static void read_refusal(const struct json *body, int status, struct create_answer *ret)
{
	const struct ref_code *ref_code = find_ref_code(body);
	struct reason reason = answer_reason(body);
	enum problem_class class = senseaudio_class(body, &reason, status);

	/* 500000 is also returned for an invalid model, which cannot be told apart. */
	if (ref_code)
		answer_decide(ret, ref_code->class != PROBLEM_SERVER, class, &reason,
			      status);
	else if (status >= 200 && status < 300)
		answer_without_id(ret, status);
	else
		answer_judge(ret, class, &reason, status);
}

static int senseaudio_parse_create(const struct http_response *response,
				   struct create_answer *ret)
{
	AUTOJSON *body = NULL;
	const char *id;

	if (answer_parse(response, &body))
		return -ENOMEM;
	id = answer_text(body, "task_id");
	if (answer_is_good(response) && id && text_is_url_safe(id))
		return answer_accept(ret, id);
	read_refusal(body, response->status, ret);
	return 0;
}

/* --- query --- */

static int senseaudio_build_query(const char *const *ids, size_t count,
				  const struct endpoint *endpoint,
				  struct http_request *ret_http)
{
	if (count != 1)
		return -EINVAL;
	return call_of_task(ret_http, endpoint, "GET", STATUS_PATH, ids[0]);
}

/*
 * The watermarked copy only if the answer says that a watermark was requested, or if it
 * is the only one.
 */
static const char *find_url(const struct json *task)
{
	const struct json *specific = json_get(task, SPECIFIC);
	const char *plain = answer_text(task, "video_url");
	const char *marked = answer_text(specific, "watermark_url");
	bool wants_mark = false;

	if (!json_to_bool(json_get(task, "watermark"), &wants_mark))
		json_to_bool(json_get(specific, "watermark"), &wants_mark);
	return marked && (wants_mark || !plain) ? marked : plain;
}

static int put_task(const struct json *task, struct observation *seen)
{
	struct reason reason = answer_reason(task);
	int r = answer_put_state(seen, json_get_string(task, "status"));

	if (!r)
		r = answer_put(&seen->video_url, find_url(task));
	if (!r)
		r = answer_put_common(seen, task, task);
	if (!r && seen->state == TASK_FAILED)
		answer_put_failure(seen, senseaudio_class(task, &reason, 0), &reason);
	return r;
}

static int read_query_error(const struct json *body, int status, const char *id,
			    struct observations *list, struct problem *problem)
{
	struct reason reason = answer_reason(body);
	enum problem_class class =
		answer_query_class(senseaudio_class(body, &reason, status),
				   find_ref_code(body) || reason.code);

	answer_set_problem(problem, class, &reason, status);
	return answer_observe_error(list, id, problem);
}

/*
 * The service reportedly answers with the key's current task, whatever the query. So an
 * answer counts only if it has our id as `task_id` (`id` is the record's).
 */
static int senseaudio_parse_query(const struct http_response *response,
				  const char *const *ids, size_t count,
				  struct observations *list, struct problem *problem)
{
	AUTOJSON *body = NULL;
	struct observation *seen;
	const char *id;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (response->status == 200 && !json_is_object(body))
		return answer_not_json(problem);
	if (response->status != 200 || find_ref_code(body))
		return read_query_error(body, response->status, ids[0], list, problem);
	id = answer_text(body, "task_id");
	if (!id || strcmp(id, ids[0]))
		return answer_of_another_task(problem);
	seen = answer_observe(list, ids[0]);
	return seen ? put_task(body, seen) : -ENOMEM;
}

const struct provider provider_senseaudio = {
	.type = "senseaudio",
	.title = "SenseAudio",
	.default_base_url = "https://api.senseaudio.cn",
	.default_key_env = "SENSEAUDIO_API_KEY",
	.params = PARAM_BIT(PARAM_DURATION) | PARAM_BIT(PARAM_RESOLUTION) |
		  PARAM_BIT(PARAM_RATIO) | PARAM_BIT(PARAM_EXECUTION_EXPIRES_AFTER) |
		  PARAM_BIT(PARAM_WATERMARK) | PARAM_BIT(PARAM_GENERATE_AUDIO),
	.image = MEDIA_BY_URL | MEDIA_BY_DATA,
	.video = MEDIA_BY_URL,
	.audio = MEDIA_BY_URL | MEDIA_BY_DATA,
	.takes_references = true,
	.takes_last_frame = true,
	.poll_interval_ms = 10000,
	.link_life_s = PROVIDER_LINK_LIFE_S,
	.max_active = 10,
	.body_max_bytes = 64u << 20,
	.query_most = 1,
	.build_create = senseaudio_build_create,
	.parse_create = senseaudio_parse_create,
	.build_query = senseaudio_build_query,
	.parse_query = senseaudio_parse_query,
};
