/* Describes a request for people, see request_describe(). */
#include "backend/request/request.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request/params.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* "data:image/png;base64,…" appears as its type and length: the bytes would not help. */
static char *describe_url(const char *url)
{
	const char *comma;

	if (strncasecmp(url, "data:", 5))
		return strdup(url);
	comma = strchr(url, ',');
	return text_format("%.*s,(%zu characters)", comma ? (int)(comma - url) : 5, url,
			   comma ? strlen(comma + 1) : strlen(url));
}

static struct json *copy_masked(const struct json *json);

static struct json *mask_text(const struct json *json)
{
	AUTOFREE char *shown = describe_url(json_string(json));
	AUTOJSON *holder = json_new_object();

	if (!shown || json_put_string(holder, "url", shown))
		return NULL;
	return json_copy(json_get(holder, "url"));
}

static struct json *mask_members(const struct json *container)
{
	bool is_list = json_is_array(container);
	AUTOJSON *copy = is_list ? json_new_array() : json_new_object();
	int r = copy ? 0 : -ENOMEM;

	for (const struct json *item = json_first(container); item && !r;
	     item = json_next(item))
		r = is_list ? json_push(copy, copy_masked(item))
			    : json_put(copy, json_key(item), copy_masked(item));
	return r ? NULL : TAKE(copy);
}

/* A copy in which data: URLs at any depth are described as in describe_url(). */
static struct json *copy_masked(const struct json *json)
{
	if (json_string(json))
		return mask_text(json);
	if (json_is_object(json) || json_is_array(json))
		return mask_members(json);
	return json_copy(json);
}

static int describe_media(const struct request_content *item, struct json *out)
{
	static const char *const roles[] = { NULL, "first_frame", "last_frame",
					     "reference" };
	AUTOFREE char *url = item->url ? describe_url(item->url) : NULL;
	int r = json_put_string(out, "role", roles[item->role]);

	if (!r)
		r = json_put_string(out, "url", url);
	if (!r)
		r = json_put_string(out, "file", item->path);
	if (r || item->file.fd < 0)
		return r;
	r = json_put_string(out, "media_type", item->file.mime);
	if (!r)
		r = json_put_int64(out, "bytes", (int64_t)item->file.size);
	return r ? r : json_put_string(out, "sha256", item->file.sha256);
}

static int describe_content(const struct request *request, struct json *list)
{
	static const char *const types[] = { "text", "image", "video", "audio",
					     "draft_task" };

	for (size_t i = 0; i < request->content_count; i++) {
		const struct request_content *item = &request->content[i];
		struct json *out = json_new_object();
		int r = json_put_string(out, "type", types[item->type]);

		if (!r)
			r = json_put_string(out, "text", item->text);
		if (!r)
			r = describe_media(item, out);
		if (r) {
			json_free(out);
			return r;
		}
		if (json_push(list, out))
			return -ENOMEM;
	}
	return 0;
}

int request_put_param(const struct request *request, enum request_param param,
		      const char *key, struct json *object)
{
	const struct request_value *value = &request->params[param];

	if (!value->is_set)
		return 0;
	if (value->json)
		return json_put(object, key, json_copy(value->json));
	if (value->text)
		return json_put_string(object, key, value->text);
	if (request_param_is_bool(param))
		return json_put_bool(object, key, value->number != 0);
	return json_put_int64(object, key, value->number);
}

static int describe_param(const struct request *request, enum request_param param,
			  struct json *object)
{
	const struct request_value *value = &request->params[param];
	const char *key = request_param_key(param);

	if (value->is_set && value->json)
		return json_put(object, key, copy_masked(value->json));
	return request_put_param(request, param, key, object);
}

char *request_describe(const struct request *request)
{
	AUTOJSON *object = json_new_object();
	struct json *list = json_new_array();
	int r;

	r = json_put(object, "content", list);
	if (!r)
		r = json_put_string(object, "provider", request->provider);
	if (!r)
		r = json_put_string(object, "model", request->model);
	if (!r)
		r = json_put_string(object, "task_id", request->task_id);
	if (!r)
		r = describe_content(request, list);
	for (int i = 0; !r && i < PARAM_COUNT; i++)
		r = describe_param(request, (enum request_param)i, object);
	if (!r && request->extra)
		r = json_put(object, "extra", copy_masked(request->extra));
	return r ? NULL : json_print(object);
}
