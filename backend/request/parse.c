/*
 * Parses the text of a trigger file, see request.h. Every key is either known or
 * rejected: the services ignore a misspelt key and still bill (providers/README.md, 6.2).
 */
#include "backend/request/reader_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request/params.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define PROMPT_MAX_BYTES 20000
#define FLAGS_MAX_BYTES 1024 /* after the text */
#define ID_MAX_BYTES 128
#define ALIASES_MAX 16

int reader_refuse(struct reader *reader, const char *format, ...)
{
	AUTOFREE char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = text_vformat(format, arguments);
	va_end(arguments);
	problem_set(reader->problem, PROBLEM_INVALID, "%s: %s", reader->name,
		    text ? text : "");
	return -EINVAL;
}

int reader_set(struct reader *reader, enum request_param param, const char *label,
	       const struct json *value)
{
	struct param_spelling spelling = { reader->name, label };

	return request_param_read(reader->request, param, &spelling, value,
				  reader->problem);
}

int reader_set_word(struct reader *reader, enum request_param param, const char *label,
		    const char *word)
{
	AUTOJSON *holder = json_new_object();
	int r = holder ? json_put_string(holder, "value", word) : -ENOMEM;

	return r ? r : reader_set(reader, param, label, json_get(holder, "value"));
}

static int put_text(char **into, const char *text)
{
	free(*into);
	*into = strdup(text);
	return *into ? 0 : -ENOMEM;
}

/* --- texts --- */

static size_t trimmed(const char *text, size_t size)
{
	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	return size;
}

static int refuse_length(struct reader *reader, size_t size)
{
	return reader_refuse(reader, "the prompt has %zu bytes; allowed: up to %d", size,
			     PROMPT_MAX_BYTES);
}

/* A prompt of flags alone has no text: images may be beside it. */
int reader_add_prompt(struct reader *reader, const char *text, size_t size)
{
	struct request_content *item;
	int r;

	while (size && isspace((unsigned char)*text))
		text++, size--;
	size = trimmed(text, size);
	if (!size)
		return reader_refuse(reader, "the prompt is empty; describe the video");
	if (size > PROMPT_MAX_BYTES + FLAGS_MAX_BYTES)
		return refuse_length(reader, size);
	r = reader_take_flags(reader, text, &size);
	if (r || !size)
		return r;
	if (size > PROMPT_MAX_BYTES)
		return refuse_length(reader, size);
	item = request_push_content(reader->request, CONTENT_TEXT);
	if (!item)
		return -ENOMEM;
	item->text = strndup(text, size);
	return item->text ? 0 : -ENOMEM;
}

/* --- keys --- */

static int read_own_text(struct reader *reader, const char *key, const struct json *value,
			 char **into)
{
	const char *text = json_string(value);

	if (json_is_null(value))
		return 0;
	if (!text || !*text || strlen(text) > ID_MAX_BYTES)
		return reader_refuse(reader,
				     "\"%s\" is %s; allowed: a string of 1 to %d bytes",
				     key, text ? "empty or too long" : json_type(value),
				     ID_MAX_BYTES);
	return put_text(into, text);
}

static int read_task_id(struct reader *reader, const struct json *value)
{
	char **into = &reader->request->task_id;
	int r = read_own_text(reader, "task_id", value, into);

	if (r || !*into || text_is_url_safe(*into))
		return r;
	return reader_refuse(reader,
			     "\"task_id\" is \"%s\"; allowed: letters, digits, '.', '_' "
			     "and '-', but not only dots",
			     *into);
}

static int read_prompt(struct reader *reader, const struct json *value)
{
	if (json_is_null(value))
		return 0;
	reader->prompt = json_string(value);
	return reader->prompt
		       ? 0
		       : reader_refuse(reader, "\"prompt\" is %s; allowed: a string",
				       json_type(value));
}

/*
 * Parameters with a key of their own do not belong into `extra`, where they would escape
 * the checks and could contradict the key.
 */
static int check_extra(struct reader *reader, const struct json *extra)
{
	static const char *const own[] = { "model", "content", "prompt" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (json_get(extra, own[i]))
			return reader_refuse(
				reader,
				"\"extra\" contains \"%s\"; move it out of \"extra\"",
				own[i]);
	return 0;
}

static int read_extra(struct reader *reader, const struct json *value)
{
	int r;

	if (json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return reader_refuse(reader, "\"extra\" is %s; allowed: an object",
				     json_type(value));
	r = check_extra(reader, value);
	if (r)
		return r;
	reader->request->extra = json_copy(value);
	return reader->request->extra ? 0 : -ENOMEM;
}

static int refuse_key(struct reader *reader, const char *key)
{
	static const char *own[] = { "provider", "model", "prompt",
				     "content",	 "extra", "task_id" };
	const char *all[ARRAY_SIZE(own) + PARAM_COUNT + ALIASES_MAX + 1] = { NULL };
	const char *near;
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		all[count++] = own[i];
	for (int i = 0; i < PARAM_COUNT; i++)
		all[count++] = request_param_key((enum request_param)i);
	for (size_t i = 0; i < ALIASES_MAX && reader_alias_at(i); i++)
		all[count++] = reader_alias_at(i);
	near = text_nearest(key, all);
	return reader_refuse(reader,
			     "unknown key \"%.100s\"; to send a key unchecked, put it in "
			     "\"extra\": {…}%s%s%s",
			     key, near ? "; did you mean \"" : "", near ? near : "",
			     near ? "\"?" : "");
}

/* Keys of a single order cannot be defaults of many. */
static int check_default(struct reader *reader, const struct json *value)
{
	static const char *const single[] = { "prompt", "content", "task_id",
					      "input_reference" };

	for (size_t i = 0; i < ARRAY_SIZE(single); i++)
		if (!strcmp(single[i], json_key(value)))
			return reader_refuse(reader,
					     "\"%s\" cannot be a default; write it to "
					     "the request.json of the task's folder",
					     single[i]);
	return 0;
}

static int read_member(struct reader *reader, const struct json *value)
{
	struct request *request = reader->request;
	const char *key = json_key(value);
	enum request_param param = request_param_of(key);
	bool is_alias;
	int r = reader->is_defaults ? check_default(reader, value) : 0;

	if (r)
		return r;
	if (param != PARAM_COUNT)
		return reader_set(reader, param, NULL, value);
	if (!strcmp(key, "content"))
		return reader_read_content(reader, value);
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
	r = reader_read_alias(reader, value, &is_alias);
	return r || is_alias ? r : refuse_key(reader, key);
}

/* An adopted task was ordered already: nothing can be ordered beside its id. */
static int check_adoption(struct reader *reader, const struct json *tree)
{
	if (!reader->request->task_id)
		return 0;
	for (const struct json *item = json_first(tree); item; item = json_next(item)) {
		const char *key = json_key(item);

		if (!json_is_null(item) && strcmp(key, "task_id") &&
		    strcmp(key, "provider"))
			return reader_refuse(
				reader,
				"\"%.100s\" is not allowed with \"task_id\", because "
				"that task exists already; allowed: \"provider\"",
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
		return reader_refuse(reader, "line %u, column %u: %s", error.line,
				     error.column, error.why);
	if (r)
		return r;
	if (!json_is_object(tree))
		return reader_refuse(reader,
				     "the file contains %s; allowed: an object { … }",
				     json_type(tree));
	for (const struct json *item = json_first(tree); item && !r;
	     item = json_next(item))
		r = read_member(reader, item);
	if (!r)
		r = check_adoption(reader, tree);
	if (r || !reader->prompt)
		return r;
	if (request_has_text(reader->request))
		return reader_refuse(reader, "\"prompt\" and a text item in \"content\" "
					     "are both set; keep one of them");
	return reader_add_prompt(reader, reader->prompt, strlen(reader->prompt));
}

/* --- files --- */

static int read_prompt_file(struct reader *reader, const char *text, size_t size)
{
	if (memchr(text, '\0', size) || !text_is_utf8(text, size))
		return reader_refuse(reader,
				     "not valid UTF-8; save the prompt as plain text");
	return reader_add_prompt(reader, text, size);
}

static void skip_byte_order_mark(const char **text, size_t *size)
{
	if (*size >= 3 && !memcmp(*text, "\xef\xbb\xbf", 3))
		*text += 3, *size -= 3;
}

/* A new request, parsed from JSON or, depending on the name, from a bare prompt. */
static int read_file(struct reader *reader, const char *text, size_t size,
		     struct request **ret_request)
{
	AUTOREQUEST *request = calloc(1, sizeof(*request));
	int r = request ? put_text(&request->source, reader->name) : -ENOMEM;

	if (r)
		return r;
	reader->request = request;
	skip_byte_order_mark(&text, &size);
	if (text_ends_with(reader->name, ".json"))
		r = read_object(reader, text, size);
	else
		r = read_prompt_file(reader, text, size);
	if (r)
		return r;
	*ret_request = TAKE(request);
	return 0;
}

int request_parse(const char *name, const char *text, size_t size,
		  struct request **ret_request, struct problem *problem)
{
	struct reader reader = { .problem = problem, .name = name };

	return read_file(&reader, text, size, ret_request);
}

int request_parse_text(struct request *request, const char *name, const char *text,
		       size_t size, struct problem *problem)
{
	struct reader reader = { .request = request, .problem = problem, .name = name };

	skip_byte_order_mark(&text, &size);
	return read_prompt_file(&reader, text, size);
}

int request_parse_defaults(struct request *request, const char *name, const char *text,
			   size_t size, struct problem *problem)
{
	struct reader reader = { .problem = problem, .name = name, .is_defaults = true };
	AUTOREQUEST *defaults = NULL;
	int r;

	if (request->task_id)
		return 0;
	r = read_file(&reader, text, size, &defaults);
	return r ? r : request_complete(request, defaults);
}
