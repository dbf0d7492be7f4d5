#include "backend/request.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request_params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define READ_CHUNK 65536

void request_destroy(struct request *request)
{
	if (!request)
		return;
	for (size_t i = 0; i < request->content_count; i++) {
		struct request_content *item = &request->content[i];

		free(item->text);
		free(item->url);
		free(item->path);
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

bool request_has_media(const struct request *request)
{
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].url || request->content[i].path)
			return true;
	return false;
}

bool request_is_empty(const struct request *request)
{
	return request->content_count == 0;
}

static int digest_file(int fd, char ret_hex[SHA256_HEX], uint64_t *ret_size)
{
	AUTOFREE char *chunk = malloc(READ_CHUNK);
	struct digest *digest = digest_create();
	uint64_t size = 0;
	ssize_t got = -1;

	if (chunk && digest) {
		while ((got = pread(fd, chunk, READ_CHUNK, (off_t)size)) > 0) {
			digest_add(digest, chunk, (size_t)got);
			size += (uint64_t)got;
		}
		digest_finish(digest, ret_hex);
	} else {
		errno = ENOMEM;
	}
	digest_destroy(digest);
	*ret_size = size;
	return got < 0 ? -errno : 0;
}

static enum media_kind kind_of(enum request_content_type type)
{
	switch (type) {
	case CONTENT_VIDEO:
		return MEDIA_VIDEO;
	case CONTENT_AUDIO:
		return MEDIA_AUDIO;
	default:
		return MEDIA_IMAGE;
	}
}

int request_attach(struct request *request, size_t index, int fd, struct problem *problem)
{
	struct request_content *item = &request->content[index];
	enum media_kind wanted = kind_of(item->type);
	struct media_type type;
	int r;

	item->file.fd = fd;
	r = media_type_read(fd, &type);
	if (!r)
		r = digest_file(fd, item->file.sha256, &item->file.size);
	if (r)
		return r;
	if (type.kind != wanted) {
		problem_set(problem, PROBLEM_INVALID,
			    "%s: its content is %s (%s); %s is needed here", item->path,
			    media_kind_word(type.kind), type.mime,
			    media_kind_word(wanted));
		return -EINVAL;
	}
	item->file.mime = type.mime;
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
	if (vasprintf(&sentence, format, arguments) < 0)
		sentence = NULL;
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

/* "data:image/png;base64,…" is shown by its type and length: the bytes are of no use
 * here. */
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

/* A copy in which data: addresses, however deep, are described as describe_url() does. */
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
