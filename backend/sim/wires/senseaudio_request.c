#include "backend/sim/wires/senseaudio.h"

#include "backend/base/cleanup.h"
#include "backend/sim/wires/fields.h"

#include <string.h>

#define MODEL "doubao-seedance-2-0-260128"

/* The element of `content` that is being read. */
struct item {
	const struct json *object;
	char name[64]; /* content[3].url */
	struct content *content;
	struct refusal *refusal;
};

/* The member as text; false with a refusal if it is missing or not a text. */
static bool read_member(struct item *item, const char *key, const char **ret)
{
	struct fields fields = { item->object, item->refusal };
	size_t length = strlen(item->name);
	const char *text = NULL;

	if (!fields_text(&fields, key, &text))
		return false;
	snprintf(item->name + length, sizeof(item->name) - length, ".%s", key);
	if (!text || !*text)
		return refuse_missing(item->refusal, item->name);
	*ret = text;
	return true;
}

static bool read_text(struct item *item)
{
	const char *text;

	if (!read_member(item, "text", &text))
		return false;
	if (item->content->texts)
		return refuse_invalid(item->refusal, "content", "at most one text");
	return content_add_text(item->content, item->name, text, item->refusal);
}

static bool read_image(struct item *item)
{
	static const char *const roles[] = { "first_frame", "last_frame", "reference",
					     NULL };
	struct fields fields = { item->object, item->refusal };
	struct content_source source = { .name = item->name };
	int role = -1;

	if (!fields_word(&fields, "role", roles, &role))
		return false;
	if (role < 0)
		return refuse_missing(item->refusal, "content.role");
	return read_member(item, "url", &source.url) &&
	       content_add_image(item->content, &source, (enum content_role)(role + 1),
				 item->refusal);
}

static bool read_audio(struct item *item)
{
	struct content_source source = { .name = item->name };

	return read_member(item, "audio_url", &source.url) &&
	       content_add_audio(item->content, &source, item->refusal);
}

static bool read_video(struct item *item)
{
	struct content_source source = { .name = item->name };

	return read_member(item, "video_url", &source.url) &&
	       content_add_video(item->content, &source, item->refusal);
}

static bool (*const readers[])(struct item *item) = { read_text, read_image, read_audio,
						      read_video };

static bool read_item(struct item *item)
{
	static const char *const types[] = { "text", "image", "audio", "video", NULL };
	struct fields fields = { item->object, item->refusal };
	int type = -1;

	if (!json_is_object(item->object))
		return refuse_invalid(item->refusal, item->name, "expected an object");
	if (!fields_word(&fields, "type", types, &type))
		return false;
	if (type < 0)
		return refuse_missing(item->refusal, "content.type");
	return readers[type](item);
}

static bool read_content(const struct json *array, struct job *job,
			 struct refusal *refusal)
{
	int index = 0;

	if (!json_is_array(array) || !json_first(array))
		return refuse_invalid(refusal, "content", "expected a non-empty array");
	for (const struct json *value = json_first(array); value;
	     value = json_next(value)) {
		struct item item = { .object = value,
				     .content = &job->content,
				     .refusal = refusal };

		snprintf(item.name, sizeof(item.name), "content[%d]", index++);
		if (!read_item(&item))
			return false;
	}
	return content_settle(&job->content, refusal) &&
	       content_check(&job->content, job->model, refusal);
}

static bool read_model(const struct fields *fields, struct job *job)
{
	const char *name = NULL;

	if (!fields_text(fields, "model", &name))
		return false;
	if (!name || strcmp(name, MODEL))
		return refuse(fields->refusal, REFUSAL_MODEL, "no such model");
	job->model = model_find(name);
	job->model_shown = MODEL;
	return true;
}

static bool read_picture(const struct fields *fields, struct job *job)
{
	static const char *const resolutions[] = { "480p", "720p", NULL };
	static const char *const ratios[] = { "16:9", "4:3", "1:1", "3:4", "9:16", NULL };

	/* These are the first words of the lists in tasks/size.h, in the same order. */
	return fields_word(fields, "resolution", resolutions, &job->resolution) &&
	       fields_word(fields, "ratio", ratios, &job->ratio) &&
	       fields_integer(fields, "duration", 4, 15, &job->duration);
}

static bool read_specific(const struct fields *fields, struct job *job)
{
	const struct json *object = json_get_nonnull(fields->body, "provider_specific");
	struct fields inner = { object, fields->refusal };

	job->generate_audio = true;
	if (object && !json_is_object(object))
		return refuse_invalid(fields->refusal, "provider_specific",
				      "expected an object");
	return fields_bool(&inner, "generate_audio", &job->generate_audio);
}

static bool check_required(const struct fields *fields)
{
	static const char *const names[] = { "content", "duration", "resolution",
					     "ratio" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!json_get_nonnull(fields->body, names[i]))
			return refuse_missing(fields->refusal, names[i]);
	return true;
}

bool senseaudio_request_read(const struct json *body, struct job *job,
			     struct refusal *refusal)
{
	struct fields fields = { body, refusal };

	if (!json_is_object(body))
		return refuse(refusal, REFUSAL_INVALID, "not a JSON object");
	if (!json_get_nonnull(body, "model"))
		return refuse_missing(refusal, "model");
	job->watermark = true;
	return read_model(&fields, job) && check_required(&fields) &&
	       read_content(json_get_nonnull(body, "content"), job, refusal) &&
	       read_picture(&fields, job) &&
	       fields_integer(&fields, "timeout", 3600, 172800, &job->expires_after_s) &&
	       fields_bool(&fields, "watermark", &job->watermark) &&
	       read_specific(&fields, job);
}
