#include "backend/providers/ark_shape.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/providers/provider.h"
#include "backend/request/params.h"

#include <errno.h>

static int put_media(const struct request_content *item, const char *key,
		     const char *kind, struct json *out)
{
	static const char *const roles[] = { NULL, "first_frame", "last_frame", NULL };
	AUTOFREE char *mark = item->file.fd >= 0 ? provider_file_mark(item) : NULL;
	AUTOFREE char *reference = text_format("reference_%s", kind);
	struct json *holder = json_new_object();
	int r = json_put_string(holder, "url", mark ? mark : item->url);

	if (r) {
		json_free(holder);
		return r;
	}
	r = json_put_string(out, "type", key);
	if (r)
		json_free(holder);
	else
		r = json_put(out, key, holder);
	if (r)
		return r;
	return json_put_string(out, "role",
			       item->role == ROLE_REFERENCE ? reference
							    : roles[item->role]);
}

static int put_draft(const struct request_content *item, struct json *out)
{
	struct json *holder = json_new_object();
	int r = json_put_string(out, "type", "draft_task");

	if (!r)
		r = json_put(out, "draft_task", holder);
	else
		json_free(holder);
	return r ? r : json_put_string(holder, "id", item->text);
}

static int put_item(const struct request_content *item, struct json *out)
{
	int r;

	switch (item->type) {
	case CONTENT_IMAGE:
		return put_media(item, "image_url", "image", out);
	case CONTENT_VIDEO:
		return put_media(item, "video_url", "video", out);
	case CONTENT_AUDIO:
		return put_media(item, "audio_url", "audio", out);
	case CONTENT_DRAFT_TASK:
		return put_draft(item, out);
	default:
		r = json_put_string(out, "type", "text");
		return r ? r : json_put_string(out, "text", item->text);
	}
}

static int put_content(const struct request *request, struct json *body)
{
	struct json *list = json_new_array();
	int r = json_put(body, "content", list);

	for (size_t i = 0; !r && i < request->content_count; i++) {
		struct json *out = json_new_object();

		r = put_item(&request->content[i], out);
		if (r)
			json_free(out);
		else
			r = json_push(list, out);
	}
	return r;
}

int ark_put_params(const struct request *request, const struct param_name *names,
		   size_t count, struct json *body)
{
	int r = 0;

	for (size_t i = 0; !r && i < count; i++)
		if (!json_get(body, names[i].key))
			r = request_put_param(request, names[i].param, names[i].key,
					      body);
	return r;
}

int ark_put_extra(const struct request *request, struct json *body)
{
	int r = 0;

	for (const struct json *item = json_first(request->extra); item && !r;
	     item = json_next(item))
		if (!json_get(body, json_key(item)))
			r = json_put(body, json_key(item), json_copy(item));
	return r;
}

int ark_put_request(const struct request *request, const struct param_name *names,
		    size_t count, struct json *body)
{
	int r = ark_put_extra(request, body);

	if (!r && !json_get(body, "model"))
		r = json_put_string(body, "model", request->model);
	if (!r && !json_get(body, "content"))
		r = put_content(request, body);
	return r ? r : ark_put_params(request, names, count, body);
}
