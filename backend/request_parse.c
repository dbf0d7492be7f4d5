/*
 * Reads a trigger file's text into a request, see request.h. Every key is known or
 * refused: the services ignore a misspelt key and bill all the same (providers.md, 6.2).
 */
#include "backend/request.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/providers/provider.h"
#include "backend/request_params.h"

#include <ctype.h>
#include <stdarg.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define PROMPT_MAX_BYTES 20000
#define ID_MAX_BYTES 128

struct reader {
	struct request *request;
	struct problem *problem;
	const char *prompt; /* the "prompt" key, owned by the tree */
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reader *reader,
							const char *format, ...)
{
	AUTOFREE char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	problem_set(reader->problem, PROBLEM_INVALID, "%s: %s", reader->request->source,
		    text ? text : "");
	return -EINVAL;
}

static int put_text(char **into, const char *text)
{
	free(*into);
	*into = strdup(text);
	return *into ? 0 : -ENOMEM;
}

static int add_prompt(struct reader *reader, const char *text, size_t size)
{
	struct request_content *item;

	while (size && isspace((unsigned char)*text))
		text++, size--;
	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	if (!size)
		return refuse(reader,
			      "the prompt is empty; write what the video shall show");
	if (size > PROMPT_MAX_BYTES)
		return refuse(reader, "the prompt has %zu bytes; allowed: up to %d", size,
			      PROMPT_MAX_BYTES);
	item = request_push_content(reader->request, CONTENT_TEXT);
	if (!item)
		return -ENOMEM;
	item->text = strndup(text, size);
	return item->text ? 0 : -ENOMEM;
}

static bool is_remote(const char *url)
{
	static const char *const schemes[] = { "https://", "http://",
					       "data:", "asset://" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (!strncasecmp(url, schemes[i], strlen(schemes[i])))
			return true;
	return false;
}

/* "name:" before any slash is a scheme of an address, and none that we know. */
static bool has_foreign_scheme(const char *url)
{
	size_t name =
		strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+.-");

	return name > 0 && url[name] == ':';
}

static int read_media_url(struct reader *reader, struct request_content *item,
			  size_t number, const char *url)
{
	if (*url == '@') /* curl's mark for "the file called" */
		url++;
	if (!*url)
		return refuse(reader, "content[%zu]: the address is empty", number);
	if (is_remote(url))
		return put_text(&item->url, url);
	if (has_foreign_scheme(url) || *url == '/')
		return refuse(
			reader,
			"content[%zu]: \"%.200s\" is not an input; allowed: https://…, "
			"data:…, or a file's path relative to this folder",
			number, url);
	return put_text(&item->path, url);
}

static int read_role(struct reader *reader, struct request_content *item, size_t number,
		     const struct json *value)
{
	static const struct {
		const char *word;
		enum request_role role;
		enum request_content_type type;
	} roles[] = {
		{ "first_frame", ROLE_FIRST_FRAME, CONTENT_IMAGE },
		{ "last_frame", ROLE_LAST_FRAME, CONTENT_IMAGE },
		{ "reference_image", ROLE_REFERENCE, CONTENT_IMAGE },
		{ "reference_video", ROLE_REFERENCE, CONTENT_VIDEO },
		{ "reference_audio", ROLE_REFERENCE, CONTENT_AUDIO },
	};
	const char *word = json_string(value);

	if (json_is_null(value))
		return 0;
	for (size_t i = 0; word && i < ARRAY_SIZE(roles); i++)
		if (roles[i].type == item->type && !strcmp(roles[i].word, word)) {
			item->role = roles[i].role;
			return 0;
		}
	return refuse(reader, "content[%zu]: \"role\" is %s%s%s; allowed: %s", number,
		      word ? "\"" : json_type(value), word ? word : "", word ? "\"" : "",
		      item->type == CONTENT_IMAGE
			      ? "first_frame, last_frame, reference_image"
		      : item->type == CONTENT_VIDEO ? "reference_video"
						    : "reference_audio");
}

/* Refuses keys of a content item other than the allowed ones. */
static int check_item_keys(struct reader *reader, const struct json *object,
			   size_t number, const char *const *allowed)
{
	for (const struct json *item = json_first(object); item; item = json_next(item)) {
		const char *near;
		bool known = false;

		for (size_t i = 0; allowed[i]; i++)
			known = known || !strcmp(allowed[i], json_key(item));
		if (known)
			continue;
		near = text_nearest(json_key(item), allowed);
		return refuse(reader,
			      "content[%zu]: the key \"%.100s\" is not known here%s%s%s",
			      number, json_key(item), near ? "; did you mean \"" : "",
			      near ? near : "", near ? "\"?" : "");
	}
	return 0;
}

/* The same for the object inside a content item; what is none has no keys. */
static int check_holder_keys(struct reader *reader, const struct json *holder,
			     size_t number, const char *key)
{
	const char *const keys[] = { key, NULL };

	return json_is_object(holder) ? check_item_keys(reader, holder, number, keys) : 0;
}

/* {"type":"image_url","image_url":{"url":"…"},"role":"…"} and its two sisters. */
static int read_media_item(struct reader *reader, const struct json *object,
			   size_t number, enum request_content_type type, const char *key)
{
	const char *const keys[] = { "type", key, "role", NULL };
	const struct json *holder = json_get(object, key);
	const char *url = json_get_string(holder, "url");
	struct request_content *item;
	int r = check_item_keys(reader, object, number, keys);

	if (!r)
		r = check_holder_keys(reader, holder, number, "url");
	if (r)
		return r;
	if (!url)
		return refuse(
			reader,
			"content[%zu]: \"%s\" is %s; allowed: an object {\"url\": \"…\"}",
			number, key,
			json_is_object(holder) ? "an object without a \"url\" text"
					       : json_type(holder));
	item = request_push_content(reader->request, type);
	if (!item)
		return -ENOMEM;
	r = read_media_url(reader, item, number, url);
	return r ? r : read_role(reader, item, number, json_get(object, "role"));
}

static int read_text_item(struct reader *reader, const struct json *object, size_t number)
{
	static const char *const keys[] = { "type", "text", NULL };
	const char *text = json_get_string(object, "text");
	int r = check_item_keys(reader, object, number, keys);

	if (r)
		return r;
	if (!text)
		return refuse(reader, "content[%zu]: \"text\" is %s; allowed: a text",
			      number, json_type(json_get(object, "text")));
	return add_prompt(reader, text, strlen(text));
}

static int read_draft_item(struct reader *reader, const struct json *object,
			   size_t number)
{
	static const char *const keys[] = { "type", "draft_task", NULL };
	const struct json *holder = json_get(object, "draft_task");
	const char *id = json_get_string(holder, "id");
	struct request_content *item;
	int r = check_item_keys(reader, object, number, keys);

	if (!r)
		r = check_holder_keys(reader, holder, number, "id");
	if (r)
		return r;
	if (!id || !*id || strlen(id) > ID_MAX_BYTES)
		return refuse(
			reader,
			"content[%zu]: \"draft_task\" needs {\"id\": \"…\"}: the id of a "
			"draft task",
			number);
	item = request_push_content(reader->request, CONTENT_DRAFT_TASK);
	if (!item)
		return -ENOMEM;
	return put_text(&item->text, id);
}

static int read_item(struct reader *reader, const struct json *object, size_t number)
{
	static const char *const types[] = { "text",	  "image_url",	"video_url",
					     "audio_url", "draft_task", NULL };
	const char *type = json_get_string(object, "type");
	const char *near;

	if (!json_is_object(object))
		return refuse(reader, "content[%zu] is %s; allowed: an object", number,
			      json_type(object));
	if (!type)
		return refuse(reader, "content[%zu]: \"type\" is missing", number);
	if (!strcmp(type, "text"))
		return read_text_item(reader, object, number);
	if (!strcmp(type, "image_url"))
		return read_media_item(reader, object, number, CONTENT_IMAGE, type);
	if (!strcmp(type, "video_url"))
		return read_media_item(reader, object, number, CONTENT_VIDEO, type);
	if (!strcmp(type, "audio_url"))
		return read_media_item(reader, object, number, CONTENT_AUDIO, type);
	if (!strcmp(type, "draft_task"))
		return read_draft_item(reader, object, number);
	near = text_nearest(type, types);
	return refuse(reader,
		      "content[%zu]: \"type\" is \"%.100s\"; allowed: text, image_url, "
		      "video_url, "
		      "audio_url, draft_task%s%s%s",
		      number, type, near ? " (did you mean " : "", near ? near : "",
		      near ? "?)" : "");
}

static int read_content(struct reader *reader, const struct json *content)
{
	size_t number = 0;
	int r = 0;

	if (json_is_null(content))
		return 0;
	if (json_is_object(content)) /* one page prints a bare object: providers.md, 0 */
		return read_item(reader, content, 0);
	if (!json_is_array(content))
		return refuse(reader, "\"content\" is %s; allowed: a list of objects",
			      json_type(content));
	for (const struct json *item = json_first(content); item && !r;
	     item = json_next(item))
		r = read_item(reader, item, number++);
	return r;
}

static int read_own_text(struct reader *reader, const char *key, const struct json *value,
			 char **into)
{
	const char *text = json_string(value);

	if (json_is_null(value))
		return 0;
	if (!text || !*text || strlen(text) > ID_MAX_BYTES)
		return refuse(reader, "\"%s\" is %s; allowed: a text of 1 to %d bytes",
			      key, text ? "empty or too long" : json_type(value),
			      ID_MAX_BYTES);
	return put_text(into, text);
}

static int read_task_id(struct reader *reader, const struct json *value)
{
	char **into = &reader->request->task_id;
	int r = read_own_text(reader, "task_id", value, into);

	if (r || !*into || provider_id_is_safe(*into))
		return r;
	return refuse(reader,
		      "\"task_id\" is \"%s\"; allowed: letters, digits, '.', '_' and "
		      "'-', and not dots alone",
		      *into);
}

static int read_prompt(struct reader *reader, const struct json *value)
{
	if (json_is_null(value))
		return 0;
	reader->prompt = json_string(value);
	return reader->prompt ? 0
			      : refuse(reader, "\"prompt\" is %s; allowed: a text",
				       json_type(value));
}

static int read_extra(struct reader *reader, const struct json *value)
{
	if (json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return refuse(reader, "\"extra\" is %s; allowed: an object",
			      json_type(value));
	reader->request->extra = json_copy(value);
	return reader->request->extra ? 0 : -ENOMEM;
}

static int refuse_key(struct reader *reader, const char *key)
{
	static const char *own[] = { "provider", "model", "prompt",
				     "content",	 "extra", "task_id" };
	const char *all[ARRAY_SIZE(own) + PARAM_COUNT + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		all[i] = own[i];
	for (int i = 0; i < PARAM_COUNT; i++)
		all[ARRAY_SIZE(own) + (size_t)i] =
			request_param_key((enum request_param)i);
	near = text_nearest(key, all);
	return refuse(reader,
		      "the key \"%.100s\" is not known%s%s%s (to pass a key on "
		      "unchecked, put it "
		      "into \"extra\": {…})",
		      key, near ? "; did you mean \"" : "", near ? near : "",
		      near ? "\"?" : "");
}

static int read_member(struct reader *reader, const struct json *value)
{
	struct request *request = reader->request;
	const char *key = json_key(value);
	enum request_param param = request_param_of(key);

	if (param != PARAM_COUNT)
		return request_param_read(request, param, value, reader->problem);
	if (!strcmp(key, "content"))
		return read_content(reader, value);
	if (!strcmp(key, "provider"))
		return read_own_text(reader, key, value, &request->provider);
	if (!strcmp(key, "model"))
		return read_own_text(reader, key, value, &request->model);
	if (!strcmp(key, "task_id"))
		return read_task_id(reader, value);
	if (!strcmp(key, "prompt"))
		return read_prompt(reader, value);
	if (!strcmp(key, "extra"))
		return read_extra(reader, value);
	return refuse_key(reader, key);
}

static bool has_text(const struct request *request)
{
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].type == CONTENT_TEXT)
			return true;
	return false;
}

/* A task made elsewhere has its order behind it: nothing can be ordered beside its id. */
static int check_adoption(struct reader *reader, const struct json *tree)
{
	if (!reader->request->task_id)
		return 0;
	for (const struct json *item = json_first(tree); item; item = json_next(item)) {
		const char *key = json_key(item);

		if (!json_is_null(item) && strcmp(key, "task_id") &&
		    strcmp(key, "provider"))
			return refuse(reader,
				      "\"%.100s\" stands beside \"task_id\"; only "
				      "\"provider\" may, since the task exists already",
				      key);
	}
	return 0;
}

static int read_object(struct reader *reader, const char *text, size_t size)
{
	AUTOJSON *tree = NULL;
	struct json_error error = { 0 };
	int r = json_parse(text, size, &tree, &error);

	if (r == -EINVAL)
		return refuse(reader, "line %u, column %u: %s", error.line, error.column,
			      error.why);
	if (r)
		return r;
	if (!json_is_object(tree))
		return refuse(reader, "it holds %s; allowed: an object { … }",
			      json_type(tree));
	for (const struct json *item = json_first(tree); item && !r;
	     item = json_next(item))
		r = read_member(reader, item);
	if (!r)
		r = check_adoption(reader, tree);
	if (r || !reader->prompt)
		return r;
	if (has_text(reader->request))
		return refuse(reader,
			      "both \"prompt\" and a text in \"content\" are given; "
			      "keep one of them");
	return add_prompt(reader, reader->prompt, strlen(reader->prompt));
}

static int read_prompt_file(struct reader *reader, const char *text, size_t size)
{
	if (memchr(text, '\0', size) || !text_is_utf8(text, size))
		return refuse(reader,
			      "it is not a text in UTF-8; save the prompt as plain text");
	return add_prompt(reader, text, size);
}

int request_parse(const char *name, const char *text, size_t size,
		  struct request **ret_request, struct problem *problem)
{
	AUTOREQUEST *request = calloc(1, sizeof(*request));
	struct reader reader = { .request = request, .problem = problem };
	int r;

	if (!request)
		return -ENOMEM;
	r = put_text(&request->source, name);
	if (r)
		return r;
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) /* a byte order mark */
		text += 3, size -= 3;
	if (text_ends_with(name, ".json"))
		r = read_object(&reader, text, size);
	else
		r = read_prompt_file(&reader, text, size);
	if (r)
		return r;
	*ret_request = TAKE(request);
	return 0;
}
