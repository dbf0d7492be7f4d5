#include "backend/sim/wires/content_items.h"

#include "backend/base/cleanup.h"
#include "backend/sim/wires/fields.h"

#include <string.h>

/* The element of `content` that is being read. */
struct item {
	const struct json *object;
	char name[64]; /* content[3] or content[3].image_url */
	const char *url, *role;
	const struct content_rules *rules;
	struct content *content;
	struct refusal *refusal;
};

static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static bool read_text(struct item *item)
{
	const struct json *value = json_get_nonnull(item->object, "text");
	size_t most = item->rules->text_max;

	if (!value)
		return refuse_missing(item->refusal, "content.text");
	if (!json_string(value))
		return refuse_invalid(item->refusal, item->name, "text must be a string");
	if (most && characters(json_string(value)) > most)
		return refuse_invalid(item->refusal, item->name,
				      "text is longer than %zu characters", most);
	return content_add_text(item->content, item->name, json_string(value),
				item->refusal);
}

/* {"<key>":{"url":"..."},"role":"..."} */
static bool read_url(struct item *item, const char *key)
{
	const struct json *holder = json_get_nonnull(item->object, key);
	const struct json *role = json_get_nonnull(item->object, "role");
	size_t length = strlen(item->name);

	snprintf(item->name + length, sizeof(item->name) - length, ".%s", key);
	if (!holder)
		return refuse_missing(item->refusal, item->name);
	if (!json_is_object(holder))
		return refuse_invalid(item->refusal, item->name, "expected an object");
	item->url = json_get_string(holder, "url");
	if (!item->url || !*item->url)
		return refuse_invalid(item->refusal, item->name, "url is missing");
	if (role && !json_string(role))
		return refuse_invalid(item->refusal, item->name, "role must be a string");
	item->role = json_string(role);
	return true;
}

static struct content_source source_of(const struct item *item)
{
	return (struct content_source){ item->name, item->url,
					item->rules->takes_assets };
}

static bool read_image(struct item *item)
{
	static const char *const roles[] = { "first_frame", "last_frame",
					     "reference_image", NULL };
	struct content_source source;
	int index = -1;

	if (!read_url(item, "image_url"))
		return false;
	if (item->role)
		index = fields_find_word(roles, item->role, -1);
	if (item->role && index < 0)
		return refuse_invalid(item->refusal, item->name, "invalid role");
	source = source_of(item);
	return content_add_image(item->content, &source, (enum content_role)(index + 1),
				 item->refusal);
}

static bool check_role(struct item *item, const char *wanted)
{
	if (!item->role)
		return refuse_invalid(item->refusal, item->name,
				      "role must be specified");
	if (strcmp(item->role, wanted))
		return refuse_invalid(item->refusal, item->name, "invalid role");
	return true;
}

static bool read_video(struct item *item)
{
	struct content_source source;

	if (!read_url(item, "video_url") || !check_role(item, "reference_video"))
		return false;
	source = source_of(item);
	return content_add_video(item->content, &source, item->refusal);
}

static bool read_audio(struct item *item)
{
	struct content_source source;

	if (!read_url(item, "audio_url") || !check_role(item, "reference_audio"))
		return false;
	source = source_of(item);
	return content_add_audio(item->content, &source, item->refusal);
}

static bool read_draft(struct item *item)
{
	const char *id =
		json_get_string(json_get_nonnull(item->object, "draft_task"), "id");

	if (!id || !*id)
		return refuse_missing(item->refusal, "content.draft_task.id");
	item->content->draft_task = id;
	return true;
}

static const struct item_type {
	const char *type;
	bool (*read)(struct item *item);
	const char *members[4];
} item_types[] = {
	{ "text", read_text, { "type", "text" } },
	{ "image_url", read_image, { "type", "image_url", "role" } },
	{ "video_url", read_video, { "type", "video_url", "role" } },
	{ "audio_url", read_audio, { "type", "audio_url", "role" } },
	{ "draft_task", read_draft, { "type", "draft_task" } },
};

static const struct item_type *find_type(const struct item *item, const char *name)
{
	if (fields_find_word(item->rules->types, name, -1) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(item_types); i++)
		if (!strcmp(name, item_types[i].type))
			return &item_types[i];
	return NULL;
}

static bool read_item(struct item *item)
{
	const char *name = json_get_string(item->object, "type"), *unknown;
	const struct item_type *type;

	if (!json_is_object(item->object))
		return refuse_invalid(item->refusal, item->name, "expected an object");
	if (!name)
		return refuse_missing(item->refusal, "content.type");
	type = find_type(item, name);
	if (!type)
		return refuse_invalid(item->refusal, item->name, "invalid content type");
	unknown = json_unknown_key(item->object, type->members);
	if (unknown && item->rules->is_closed)
		return refuse_invalid(item->refusal, item->name,
				      "an item of type %s has no member %.100s", name,
				      unknown);
	return type->read(item);
}

bool content_items_read(const struct json *array, const struct content_rules *rules,
			struct content *content, struct refusal *refusal)
{
	int index = 0;

	if (!array)
		return refuse_missing(refusal, "content");
	if (!json_is_array(array) || !json_first(array))
		return refuse_invalid(refusal, "content", "expected a non-empty array");
	for (const struct json *value = json_first(array); value;
	     value = json_next(value)) {
		struct item item = { .object = value,
				     .rules = rules,
				     .content = content,
				     .refusal = refusal };

		snprintf(item.name, sizeof(item.name), "content[%d]", index++);
		if (!read_item(&item))
			return false;
	}
	if (content->draft_task && index > 1)
		return refuse_invalid(refusal, "content",
				      "draft_task cannot be mixed with other content");
	return content_settle(content, refusal);
}
