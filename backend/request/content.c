/*
 * Reads the inputs of a video: `content`, in Ark's form and in SenseAudio's
 * (providers/README.md, 5.1 and 6.2), and CometAPI's `input_reference`.
 */
#include "backend/request/reader_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request/params.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define ID_MAX_BYTES 128

/* A media item, by the word of its type. */
struct form {
	const char *word;
	enum request_content_type type;
	const char *key; /* holds the URL: a string, or an object with a `url` */
};

static const struct form forms[] = {
	{ "image_url", CONTENT_IMAGE, "image_url" },
	{ "video_url", CONTENT_VIDEO, "video_url" },
	{ "audio_url", CONTENT_AUDIO, "audio_url" },
	{ "image", CONTENT_IMAGE, "url" },
	{ "video", CONTENT_VIDEO, "video_url" },
	{ "audio", CONTENT_AUDIO, "audio_url" },
};

/* --- URLs --- */

static int put_text(char **into, const char *text)
{
	free(*into);
	*into = strdup(text);
	return *into ? 0 : -ENOMEM;
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

/* "name:" before any slash is the scheme of a URL; here, an unknown one. */
static bool has_foreign_scheme(const char *url)
{
	size_t name =
		strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+.-");

	return name > 0 && url[name] == ':';
}

static bool is_data(const char *url)
{
	return !strncasecmp(url, "data:", 5);
}

/* Later code compares the scheme byte by byte. */
static void lower_scheme(char *url)
{
	for (; *url && *url != ':'; url++)
		*url = (char)tolower((unsigned char)*url);
}

/*
 * Stores a URL or a path. Data is long, so it is moved out of the tree, which is read
 * only once.
 */
static int put_address(struct request_content *item, const struct json *value,
		       const char *url)
{
	int r = 0;

	if (!is_remote(url))
		return put_text(&item->path, url);
	if (is_data(url) && url == json_string(value))
		item->url = json_take_string((struct json *)value);
	else
		r = put_text(&item->url, url);
	if (!r)
		lower_scheme(item->url);
	return r;
}

/* Appends a media item with the value as its URL; messages call its position `where`. */
static int add_media(struct reader *reader, enum request_content_type type,
		     const char *where, const struct json *value,
		     struct request_content **ret_item)
{
	struct request_content *item;
	const char *url = json_string(value);

	if (*url == '@') /* curl's prefix for file names */
		url++;
	if (!*url)
		return reader_refuse(reader, "%s: the URL is empty", where);
	if (!is_remote(url) && (has_foreign_scheme(url) || *url == '/'))
		return reader_refuse(
			reader,
			"%s: \"%.200s\" is not an input; allowed: https://…, data:…, or "
			"a path relative to this folder",
			where, url);
	item = request_push_content(reader->request, type);
	if (!item || put_text(&item->where, where))
		return -ENOMEM;
	*ret_item = item;
	return put_address(item, value, url);
}

/* --- roles --- */

/* The roles that media of a type may have, for messages; NULL-terminated. */
static const char *const *role_words(enum request_content_type type)
{
	static const char *const image[] = { "first_frame", "last_frame",
					     "reference_image", NULL };
	static const char *const video[] = { "reference_video", NULL };
	static const char *const audio[] = { "reference_audio", NULL };

	return type == CONTENT_IMAGE ? image : type == CONTENT_VIDEO ? video : audio;
}

static int refuse_role(struct reader *reader, const struct request_content *item,
		       const struct json *value)
{
	const char *const *words = role_words(item->type);
	const char *near =
		json_string(value) ? text_nearest(json_string(value), words) : NULL;
	AUTOFREE char *found = json_print(value);
	AUTOBUFFER list = BUFFER_INIT(1024);

	for (size_t i = 0; words[i]; i++)
		buffer_addf(&list, "%s%s", i ? ", " : "", words[i]);
	return reader_refuse(reader, "%s: \"role\" is %.200s; allowed: %s%s%s%s",
			     item->where, found ? found : "?",
			     list.data ? list.data : "?", near ? "; did you mean \"" : "",
			     near ? near : "", near ? "\"?" : "");
}

static int read_role(struct reader *reader, struct request_content *item,
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
		{ "reference", ROLE_REFERENCE, CONTENT_IMAGE }, /* SenseAudio's word */
		{ "reference", ROLE_REFERENCE, CONTENT_VIDEO },
		{ "reference", ROLE_REFERENCE, CONTENT_AUDIO },
	};
	const char *word = json_string(value);

	if (item->type != CONTENT_IMAGE) /* video and audio have no other role */
		item->role = ROLE_REFERENCE;
	if (json_is_null(value))
		return 0;
	for (size_t i = 0; word && i < ARRAY_SIZE(roles); i++)
		if (roles[i].type == item->type && !strcmp(roles[i].word, word)) {
			item->role = roles[i].role;
			return 0;
		}
	return refuse_role(reader, item, value);
}

/* --- items --- */

static bool is_among(const char *key, const char *const *list)
{
	while (*list && strcmp(*list, key))
		list++;
	return *list != NULL;
}

/* Rejects keys of an object other than the allowed ones. */
static int check_keys(struct reader *reader, const struct json *object, const char *where,
		      const char *const *allowed)
{
	const struct json *item = json_first(object);
	AUTOBUFFER list = BUFFER_INIT(1024);
	const char *near;

	while (item && is_among(json_key(item), allowed))
		item = json_next(item);
	if (!item)
		return 0;
	near = text_nearest(json_key(item), allowed);
	for (size_t i = 0; allowed[i]; i++)
		buffer_addf(&list, "%s%s", i ? ", " : "", allowed[i]);
	return reader_refuse(reader, "%s: unknown key \"%.100s\"; allowed: %s%s%s%s",
			     where, json_key(item), list.data ? list.data : "",
			     near ? "; did you mean \"" : "", near ? near : "",
			     near ? "\"?" : "");
}

/*
 * The same for the object inside a content item; a value that is no object has no keys.
 */
static int check_holder(struct reader *reader, const struct json *holder,
			const char *where, const char *key)
{
	const char *const keys[] = { key, NULL };

	return json_is_object(holder) ? check_keys(reader, holder, where, keys) : 0;
}

/*
 * The URL is an object with a `url`, or a bare string: some services answer 400 to the
 * latter (providers/README.md, 1.1), but the meaning is clear, and each service gets the
 * form that it accepts.
 */
static int read_media_item(struct reader *reader, const struct json *object,
			   const char *where, const struct form *form)
{
	const char *const keys[] = { "type", form->key, "role", NULL };
	const struct json *holder = json_get(object, form->key);
	const struct json *url = json_string(holder) ? holder : json_get(holder, "url");
	struct request_content *item;
	int r = check_keys(reader, object, where, keys);

	if (!r)
		r = check_holder(reader, holder, where, "url");
	if (r)
		return r;
	if (!json_string(url))
		return reader_refuse(reader,
				     "%s: \"%s\" is %s; allowed: a URL as a string, or "
				     "an object {\"url\": \"…\"}",
				     where, form->key,
				     json_is_object(holder)
					     ? "an object without a \"url\" string"
					     : json_type(holder));
	r = add_media(reader, form->type, where, url, &item);
	return r ? r : read_role(reader, item, json_get(object, "role"));
}

static int read_text_item(struct reader *reader, const struct json *object,
			  const char *where)
{
	static const char *const keys[] = { "type", "text", NULL };
	const char *text = json_get_string(object, "text");
	int r = check_keys(reader, object, where, keys);

	if (r)
		return r;
	if (!text)
		return reader_refuse(reader, "%s: \"text\" is %s; allowed: a string",
				     where, json_type(json_get(object, "text")));
	return reader_add_prompt(reader, text, strlen(text));
}

static int read_draft_item(struct reader *reader, const struct json *object,
			   const char *where)
{
	static const char *const keys[] = { "type", "draft_task", NULL };
	const struct json *holder = json_get(object, "draft_task");
	const char *id = json_get_string(holder, "id");
	struct request_content *item;
	int r = check_keys(reader, object, where, keys);

	if (!r)
		r = check_holder(reader, holder, where, "id");
	if (r)
		return r;
	if (!id || !*id || strlen(id) > ID_MAX_BYTES)
		return reader_refuse(
			reader,
			"%s: \"draft_task\" has no id; allowed: {\"id\": \"…\"}, the id "
			"of a draft task, or the path of its folder",
			where);
	item = request_push_content(reader->request, CONTENT_DRAFT_TASK);
	if (!item || put_text(&item->where, where))
		return -ENOMEM;
	return put_text(&item->text, id);
}

static int refuse_type(struct reader *reader, const char *where, const char *type)
{
	static const char *const types[] = { "text",	  "image_url",	"video_url",
					     "audio_url", "draft_task", "image",
					     "video",	  "audio",	NULL };
	const char *near = text_nearest(type, types);

	return reader_refuse(reader,
			     "%s: \"type\" is \"%.100s\"; allowed: text, image_url, "
			     "video_url, audio_url, draft_task, image, video, "
			     "audio%s%s%s",
			     where, type, near ? "; did you mean \"" : "",
			     near ? near : "", near ? "\"?" : "");
}

static int read_item(struct reader *reader, const struct json *object, const char *where)
{
	const char *type = json_get_string(object, "type");

	if (!json_is_object(object))
		return reader_refuse(reader, "%s is %s; allowed: an object", where,
				     json_type(object));
	if (!type)
		return reader_refuse(reader, "%s: \"type\" is missing", where);
	if (!strcmp(type, "text"))
		return read_text_item(reader, object, where);
	if (!strcmp(type, "draft_task"))
		return read_draft_item(reader, object, where);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (!strcmp(type, forms[i].word))
			return read_media_item(reader, object, where, &forms[i]);
	return refuse_type(reader, where, type);
}

int reader_read_content(struct reader *reader, const struct json *content)
{
	size_t number = 0;
	int r = 0;

	if (json_is_null(content))
		return 0;
	if (json_is_object(content)) /* one service's page shows a bare object:
			       * providers/README.md, 0 */
		return read_item(reader, content, "content[0]");
	if (!json_is_array(content))
		return reader_refuse(reader,
				     "\"content\" is %s; allowed: an array of objects",
				     json_type(content));
	for (const struct json *item = json_first(content); item && !r;
	     item = json_next(item)) {
		AUTOFREE char *where = text_format("content[%zu]", number++);

		r = where ? read_item(reader, item, where) : -ENOMEM;
	}
	return r;
}

/* --- input_reference --- */

static int read_reference(struct reader *reader, const struct json *value,
			  const char *where, enum request_role role)
{
	struct request_content *item;
	int r;

	if (!json_string(value))
		return reader_refuse(reader,
				     "%s is %s; allowed: the path or URL of an image",
				     where, json_type(value));
	r = add_media(reader, CONTENT_IMAGE, where, value, &item);
	if (!r)
		item->role = role;
	return r;
}

/* A single one is the first frame, several are references in their order: 3.1. */
int reader_read_reference(struct reader *reader, const struct json *value)
{
	const struct json *first = json_first(value);
	enum request_role role =
		first && json_next(first) ? ROLE_REFERENCE : ROLE_FIRST_FRAME;
	size_t number = 0;
	int r = 0;

	if (!json_is_array(value))
		return read_reference(reader, value, "input_reference", ROLE_FIRST_FRAME);
	if (!first)
		return reader_refuse(reader, "\"input_reference\" is an empty array; "
					     "allowed: the path or URL of an image");
	for (const struct json *item = first; item && !r; item = json_next(item)) {
		AUTOFREE char *where = text_format("input_reference[%zu]", number++);

		r = where ? read_reference(reader, item, where, role) : -ENOMEM;
	}
	return r;
}
