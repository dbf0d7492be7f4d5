#include "backend/request/request.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request/params.h"

#include <assert.h>
#include <errno.h>

/* NULL stays NULL. 0 or -ENOMEM. */
static int copy_text(char **into, const char *text)
{
	*into = text_dup(text);
	return text && !*into ? -ENOMEM : 0;
}

static int copy_json(struct json **into, const struct json *json)
{
	*into = json ? json_copy(json) : NULL;
	return json && !*into ? -ENOMEM : 0;
}

static int copy_item(struct request *copy, const struct request_content *from)
{
	struct request_content *item = request_push_content(copy, from->type);
	int r;

	assert(from->file.fd < 0);
	if (!item)
		return -ENOMEM;
	item->role = from->role;
	item->is_any_media = from->is_any_media;
	item->shot = from->shot;
	r = copy_text(&item->text, from->text);
	if (!r)
		r = copy_text(&item->url, from->url);
	if (!r)
		r = copy_text(&item->path, from->path);
	return r ? r : copy_text(&item->where, from->where);
}

static int copy_param(struct request_value *into, const struct request_value *from)
{
	int r;

	into->is_set = from->is_set;
	into->number = from->number;
	r = copy_text(&into->source, from->source);
	if (!r)
		r = copy_text(&into->text, from->text);
	return r ? r : copy_json(&into->json, from->json);
}

static int copy_texts(struct request *copy, const struct request *from)
{
	int r = copy_text(&copy->source, from->source);

	if (!r)
		r = copy_text(&copy->provider, from->provider);
	if (!r)
		r = copy_text(&copy->model, from->model);
	if (!r)
		r = copy_text(&copy->task_id, from->task_id);
	if (!r)
		r = copy_text(&copy->note, from->note);
	return r ? r : copy_json(&copy->extra, from->extra);
}

int request_copy(const struct request *request, struct request **ret_copy)
{
	AUTOREQUEST *copy = calloc(1, sizeof(*copy));
	int r = copy ? copy_texts(copy, request) : -ENOMEM;

	for (size_t i = 0; !r && i < request->content_count; i++)
		r = copy_item(copy, &request->content[i]);
	for (size_t i = 0; !r && i < PARAM_COUNT; i++)
		r = copy_param(&copy->params[i], &request->params[i]);
	if (r)
		return r;
	*ret_copy = TAKE(copy);
	return 0;
}
