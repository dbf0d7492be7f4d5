#include "backend/request/request.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/formats/image_size.h"
#include "backend/request/params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void request_destroy(struct request *request)
{
	if (!request)
		return;
	for (size_t i = 0; i < request->content_count; i++) {
		struct request_content *item = &request->content[i];

		free(item->text);
		free(item->url);
		free(item->path);
		free(item->where);
		cleanup_close(&item->file.fd);
	}
	free(request->content);
	for (size_t i = 0; i < PARAM_COUNT; i++)
		request_unset(request, (enum request_param)i);
	json_free(request->extra);
	free(request->source);
	free(request->provider);
	free(request->model);
	free(request->task_id);
	free(request->note);
	free(request);
}

struct request_content *request_push_content(struct request *request,
					     enum request_content_type type)
{
	size_t count = request->content_count;
	struct request_content *items =
		realloc(request->content, (count + 1) * sizeof(*items));

	if (!items)
		return NULL;
	request->content = items;
	items[count] = (struct request_content){ .type = type, .file.fd = -1 };
	request->content_count++;
	return &items[count];
}

int request_add_input(struct request *request, enum request_role role, const char *path)
{
	struct request_content *item = request_push_content(request, CONTENT_IMAGE);

	if (!item)
		return -ENOMEM;
	item->role = role;
	item->is_any_media = role == ROLE_REFERENCE;
	item->path = strdup(path);
	return item->path ? 0 : -ENOMEM;
}

bool request_has_role(const struct request *request, enum request_role role)
{
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].role == role)
			return true;
	return false;
}

bool request_has_text(const struct request *request)
{
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].type == CONTENT_TEXT)
			return true;
	return false;
}

const char *request_content_name(const struct request_content *item)
{
	if (item->path)
		return item->path;
	return item->where ? item->where : "an input";
}

bool request_is_empty(const struct request *request)
{
	return request->content_count == 0;
}

/* The content type for a kind of media. */
static enum request_content_type type_of(enum media_kind kind)
{
	return kind == MEDIA_VIDEO   ? CONTENT_VIDEO
	       : kind == MEDIA_AUDIO ? CONTENT_AUDIO
				     : CONTENT_IMAGE;
}

static int refuse_kind(const struct request *request, const struct request_content *item,
		       const struct media_type *type, struct problem *problem)
{
	bool is_file = item->path != NULL;
	const char *wanted = item->is_any_media ? "an image, a video or an audio file"
			     : item->type == CONTENT_VIDEO ? media_kind_word(MEDIA_VIDEO)
			     : item->type == CONTENT_AUDIO ? media_kind_word(MEDIA_AUDIO)
							   : media_kind_word(MEDIA_IMAGE);

	problem_set(problem, PROBLEM_INVALID, "%s%s%s is %s (%s); allowed: %s",
		    is_file ? "" : request->source, is_file ? "" : ": ",
		    request_content_name(item), media_kind_word(type->kind), type->mime,
		    wanted);
	return -EINVAL;
}

/* Reads everything needed about a file; does not take its descriptor yet. */
static int read_file(const struct request *request, const struct request_content *item,
		     int fd, struct request_file *ret_file, struct media_type *ret_type,
		     struct problem *problem)
{
	int r = media_type_read(media_of_file(fd), ret_type);

	if (!r)
		r = digest_file(fd, UINT64_MAX, ret_file->sha256, &ret_file->size);
	if (!r)
		r = media_size_read(media_of_file(fd), ret_type, &ret_file->width,
				    &ret_file->height);
	if (r)
		return r;
	ret_file->mime = ret_type->mime;
	if (ret_type->kind == MEDIA_UNKNOWN ||
	    (!item->is_any_media && type_of(ret_type->kind) != item->type))
		return refuse_kind(request, item, ret_type, problem);
	return 0;
}

/* An item either gets its file with all its properties, or stays unchanged. */
int request_attach(struct request *request, size_t index, int fd, struct problem *problem)
{
	struct request_content *item = &request->content[index];
	AUTOCLOSE int taken = fd;
	struct request_file file = { 0 };
	struct media_type type;
	int r = read_file(request, item, fd, &file, &type, problem);

	if (r)
		return r;
	item->type = type_of(type.kind);
	item->file = file;
	item->file.fd = take_fd(&taken);
	free(TAKE(item->url));
	return 0;
}

int64_t request_number(const struct request *request, enum request_param param,
		       int64_t otherwise)
{
	return request->params[param].is_set ? request->params[param].number : otherwise;
}

const char *request_word(const struct request *request, enum request_param param)
{
	return request->params[param].text;
}

void request_set_number(struct request *request, enum request_param param, int64_t number)
{
	request->params[param].is_set = true;
	request->params[param].number = number;
}

void request_set_word(struct request *request, enum request_param param, const char *word)
{
	request_unset(request, param);
	request->params[param].text = strdup(word);
	request->params[param].is_set = request->params[param].text != NULL;
}

void request_unset(struct request *request, enum request_param param)
{
	struct request_value *value = &request->params[param];

	free(value->source);
	free(value->text);
	json_free(value->json);
	*value = (struct request_value){ 0 };
}

const char *request_param_source(const struct request *request, enum request_param param)
{
	const char *source = request->params[param].source;

	return source ? source : request->source;
}

void request_add_note(struct request *request, const char *format, ...)
{
	AUTOFREE char *sentence = NULL;
	char *joined;
	va_list arguments;

	va_start(arguments, format);
	sentence = text_vformat(format, arguments);
	va_end(arguments);
	if (!sentence || (request->note && strstr(request->note, sentence)))
		return;
	joined = text_format("%s%s%s", request->note ? request->note : "",
			     request->note ? "; " : "", sentence);
	if (!joined)
		return;
	free(request->note);
	request->note = joined;
}

/* --- completing --- */

/* Whether the request itself sets what a default of this parameter would set. */
static bool is_said(const struct request *request, enum request_param param)
{
	/*
	 * Both determine the length of the video, and one of them would override the
	 * other.
	 */
	bool is_length = param == PARAM_DURATION || param == PARAM_FRAMES;

	return request->params[param].is_set ||
	       json_get(request->extra, request_param_key(param)) ||
	       (is_length && (request->params[PARAM_DURATION].is_set ||
			      request->params[PARAM_FRAMES].is_set ||
			      json_get(request->extra, "duration") ||
			      json_get(request->extra, "frames")));
}

static int complete_params(struct request *request, struct request *from)
{
	bool is_wanted[PARAM_COUNT];
	int r = 0;

	for (int i = 0; i < PARAM_COUNT; i++)
		is_wanted[i] = from->params[i].is_set &&
			       !is_said(request, (enum request_param)i);
	for (int i = 0; i < PARAM_COUNT && !r; i++)
		if (is_wanted[i])
			r = request_param_move(request, (enum request_param)i, from);
	return r;
}

/* Keys that the request has in any place are left alone. */
static int complete_extra(struct request *request, const struct json *from)
{
	int r = 0;

	for (const struct json *item = json_first(from); item && !r;
	     item = json_next(item)) {
		enum request_param param = request_param_of(json_key(item));

		if (param != PARAM_COUNT && is_said(request, param))
			continue;
		if (json_get(request->extra, json_key(item)))
			continue;
		if (!request->extra)
			request->extra = json_new_object();
		r = request->extra
			    ? json_put(request->extra, json_key(item), json_copy(item))
			    : -ENOMEM;
	}
	return r;
}

int request_complete(struct request *request, struct request *from)
{
	int r = complete_extra(request, from->extra);

	if (!r)
		r = complete_params(request, from);
	if (!request->provider)
		request->provider = TAKE(from->provider);
	if (!request->model)
		request->model = TAKE(from->model);
	if (from->note)
		request_add_note(request, "%s", from->note);
	return r;
}
