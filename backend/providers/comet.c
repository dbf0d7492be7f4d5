/*
 * CometAPI: README.md, section 3. A create is a form; answers have two vocabularies and
 * errors two forms.
 */
#include "backend/providers/answer.h"
#include "backend/providers/call.h"
#include "backend/providers/form.h"
#include "backend/providers/table_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

#define VIDEOS_PATH "/v1/videos"
#define FILE_FIELD "input_reference"

/* --- create --- */

static bool is_field_name(const char *name)
{
	size_t length =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789_.[]-");

	return length && !name[length];
}

static int refuse_extra(const struct request *request, const char *key, const char *why,
			struct problem *problem)
{
	problem_set(problem, PROBLEM_INVALID,
		    "%s: \"extra\": \"%.100s\" %s; allowed at CometAPI, which takes form "
		    "fields: strings, numbers, true or false",
		    request->source, key, why);
	return -EINVAL;
}

static int add_extra_field(struct form *form, const struct request *request,
			   const struct json *value, struct problem *problem)
{
	const char *key = json_key(value);
	AUTOFREE char *printed = NULL;

	if (!is_field_name(key))
		return refuse_extra(request, key, "is not a valid field name", problem);
	if (json_is_null(value))
		return 0;
	if (json_is_object(value) || json_is_array(value))
		return refuse_extra(request, key, "is an array or an object", problem);
	if (json_string(value))
		return form_add_text(form, key, json_string(value));
	printed = json_print(value);
	return printed ? form_add_text(form, key, printed) : -ENOMEM;
}

static int add_extra(struct form *form, const struct request *request,
		     struct problem *problem)
{
	int r = 0;

	for (const struct json *item = json_first(request->extra); item && !r;
	     item = json_next(item))
		r = add_extra_field(form, request, item, problem);
	return r;
}

/* Adds a field unless `extra` has it. */
static int add_text(struct form *form, const struct request *request, const char *name,
		    const char *value)
{
	if (!value || json_get(request->extra, name))
		return 0;
	return form_add_text(form, name, value);
}

static int add_params(struct form *form, const struct request *request)
{
	int r = add_text(form, request, "model", request->model);

	if (!r && request->params[PARAM_DURATION].is_set &&
	    !json_get(request->extra, "seconds"))
		r = form_add_number(form, "seconds",
				    request_number(request, PARAM_DURATION, 0));
	if (!r)
		r = add_text(form, request, "size", request_word(request, PARAM_RATIO));
	if (!r)
		r = add_text(form, request, "resolution",
			     request_word(request, PARAM_RESOLUTION));
	return r;
}

static int add_item(struct form *form, const struct request *request,
		    const struct request_content *item, struct problem *problem)
{
	if (item->type == CONTENT_TEXT)
		return add_text(form, request, "prompt", item->text);
	if (json_get(request->extra, FILE_FIELD))
		return 0;
	if (item->type == CONTENT_IMAGE && item->file.fd >= 0)
		return form_add_file(form, FILE_FIELD, item);
	problem_set(problem, PROBLEM_INVALID,
		    "%s: %s is not an image file; allowed at CometAPI: image files",
		    request->source, item->path ? item->path : "an input");
	return -EINVAL;
}

static int comet_build_create(const struct request *request,
			      const struct endpoint *endpoint,
			      struct http_request *ret_http, struct problem *problem)
{
	struct form form;
	int r = call_begin(ret_http, endpoint, "POST", VIDEOS_PATH);

	if (!r)
		r = form_begin(&form, ret_http, request);
	if (!r)
		r = add_extra(&form, request, problem);
	for (size_t i = 0; !r && i < request->content_count; i++)
		if (request->content[i].type == CONTENT_TEXT)
			r = add_item(&form, request, &request->content[i], problem);
	if (!r)
		r = add_params(&form, request);
	for (size_t i = 0; !r && i < request->content_count; i++)
		if (request->content[i].type != CONTENT_TEXT)
			r = add_item(&form, request, &request->content[i], problem);
	return r ? r : form_end(&form);
}

/* --- errors: 3.3 --- */

/* `status` 0: of a task. */
static enum problem_class comet_class(const struct reason *reason, int status)
{
	static const struct code_class codes[] = {
		{ "task_not_exist", PROBLEM_GONE },
		{ "InvalidParameter", PROBLEM_INVALID },
		{ "invalid_request_error", PROBLEM_INVALID }, /* unknown path */
		{ "quota", PROBLEM_BALANCE },
		{ "sensitive", PROBLEM_MODERATION },
	};
	enum problem_class class = answer_class(codes, ARRAY_SIZE(codes), reason);

	if (class)
		return class;
	return status ? provider_class_of_status(status) : PROBLEM_SERVER;
}

/* --- a task's statement --- */

static const char *find_url(const struct json *task)
{
	const char *url = answer_text(task, "video_url");

	if (!url)
		url = answer_text(json_get(task, "metadata"), "url");
	return url ? url : answer_text(task, "url");
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
		answer_put_failure(seen, comet_class(&reason, 0), &reason);
	return r;
}

static int comet_parse_create(const struct http_response *response,
			      struct create_answer *ret)
{
	AUTOJSON *body = NULL;
	struct reason reason;
	const char *id;
	int r;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (!answer_is_good(response)) {
		reason = answer_reason(body);
		answer_judge(ret, comet_class(&reason, response->status), &reason,
			     response->status);
		return 0;
	}
	id = answer_text(body, "id");
	if (!id || !text_is_url_safe(id))
		id = answer_text(body, "task_id"); /* its alias */
	if (!id || !text_is_url_safe(id)) {
		answer_without_id(ret, response->status);
		return 0;
	}
	r = answer_accept(ret, id);
	if (!r && answer_text(body, "status"))
		r = put_task(body, &ret->observation);
	return r;
}

/* --- query --- */

static int comet_build_query(const char *const *ids, size_t count,
			     const struct endpoint *endpoint,
			     struct http_request *ret_http)
{
	if (count != 1)
		return -EINVAL;
	return call_of_task(ret_http, endpoint, "GET", VIDEOS_PATH "/", ids[0]);
}

static bool is_other(const struct json *body, const char *key, const char *id)
{
	const char *said = answer_text(body, key);

	return said && strcmp(said, id);
}

static int read_query_error(const struct json *body, int status, const char *id,
			    struct observations *list, struct problem *problem)
{
	struct reason reason = answer_reason(body);
	enum problem_class class =
		answer_query_class(comet_class(&reason, status), reason.code);

	answer_set_problem(problem, class, &reason, status);
	return answer_observe_error(list, id, problem);
}

static int comet_parse_query(const struct http_response *response, const char *const *ids,
			     size_t count, struct observations *list,
			     struct problem *problem)
{
	AUTOJSON *body = NULL;
	struct observation *seen;

	if (answer_parse(response, &body))
		return -ENOMEM;
	if (response->status == 200 && !json_is_object(body))
		return answer_not_json(problem);
	if (response->status != 200 || !json_get(body, "status"))
		return read_query_error(body, response->status, ids[0], list, problem);
	if (is_other(body, "id", ids[0]) && is_other(body, "task_id", ids[0]))
		return answer_of_another_task(problem);
	seen = answer_observe(list, ids[0]);
	return seen ? put_task(body, seen) : -ENOMEM;
}

const struct provider provider_comet = {
	.type = "comet",
	.title = "CometAPI",
	.default_base_url = "https://api.cometapi.com",
	.default_key_env = "COMETAPI_KEY",
	.params = PARAM_BIT(PARAM_DURATION) | PARAM_BIT(PARAM_RATIO) |
		  PARAM_BIT(PARAM_RESOLUTION),
	.image = MEDIA_BY_FILE,
	.takes_references = true,
	.needs_text = true,
	.poll_interval_ms = 15000,
	.link_life_s = PROVIDER_LINK_LIFE_S,
	.max_active = 10,
	.body_max_bytes = 64u << 20,
	.query_most = 1,
	.build_create = comet_build_create,
	.parse_create = comet_parse_create,
	.build_query = comet_build_query,
	.parse_query = comet_parse_query,
};
