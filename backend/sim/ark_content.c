#include "backend/sim/ark_content.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define SIDE_MIN 300
#define SIDE_MAX 6000

/* One element of `content` while it is read. */
struct item {
	const struct json *object;
	char name[64]; /* content[3] or content[3].image_url */
	const char *url, *role;
	struct ark_content *content;
	struct ark_refusal *refusal;
};

void ark_content_clear(struct ark_content *content)
{
	buffer_clear(&content->prompt);
	image_clear(&content->first_image);
}

bool ark_content_has_references(const struct ark_content *content)
{
	return content->reference_images || content->reference_videos ||
	       content->reference_audios;
}

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static bool is_remote(const char *url)
{
	return ((starts_with(url, "https://") && url[8]) ||
		(starts_with(url, "http://") && url[7]) ||
		(starts_with(url, "asset://") && url[8])) &&
	       !strpbrk(url, " \t\r\n");
}

static bool read_text(struct item *item)
{
	const struct json *value = json_get(item->object, "text");
	struct buffer *prompt = &item->content->prompt;

	if (!value)
		return ark_refuse_missing(item->refusal, "content.text");
	if (!json_text(value))
		return ark_refuse_invalid(item->refusal, item->name,
					  "text must be a string");
	if (prompt->size)
		buffer_add(prompt, "\n");
	if (buffer_add(prompt, json_text(value)))
		return ark_refuse_invalid(item->refusal, item->name, "text is too long");
	return true;
}

/* {"<key>":{"url":"..."},"role":"..."} */
static bool read_url(struct item *item, const char *key)
{
	const struct json *holder = json_get(item->object, key);
	const struct json *role = json_get(item->object, "role");
	size_t length = strlen(item->name);

	snprintf(item->name + length, sizeof(item->name) - length, ".%s", key);
	if (!holder)
		return ark_refuse_missing(item->refusal, item->name);
	if (!json_is_object(holder))
		return ark_refuse_invalid(item->refusal, item->name,
					  "expected an object");
	item->url = json_get_text(holder, "url");
	if (!item->url || !*item->url)
		return ark_refuse_invalid(item->refusal, item->name, "url is missing");
	if (role && !json_text(role))
		return ark_refuse_invalid(item->refusal, item->name,
					  "role must be a string");
	item->role = json_text(role);
	return true;
}

static const char *explain_image(int r)
{
	switch (r) {
	case -EINVAL:
		return "expected data:image/<format in lower case>;base64,<data>";
	case -EBADMSG:
		return "the base64 data cannot be decoded";
	case -EFBIG:
		return "the image is larger than 30 MB";
	default:
		return "image format is not supported";
	}
}

static bool check_sides(const struct item *item, const struct image *image)
{
	int width = image->width, height = image->height;

	if (!width || !height)
		return true; /* the head doesn't tell */
	if (width < SIDE_MIN || height < SIDE_MIN || width > SIDE_MAX ||
	    height > SIDE_MAX)
		return ark_refuse_invalid(
			item->refusal, item->name,
			"image size %dx%d: each side must be 300 to 6000 px", width,
			height);
	if (width * 10 <= height * 4 || width * 10 >= height * 25)
		return ark_refuse_invalid(
			item->refusal, item->name,
			"image size %dx%d: aspect ratio must be between 0.4 and 2.5",
			width, height);
	return true;
}

static bool read_image_data(struct item *item)
{
	CLEANUP(image_clear) struct image image = { .bytes = NULL };
	struct ark_content *content = item->content;
	bool is_frame;
	int r;

	if (is_remote(item->url))
		return true;
	if (!starts_with(item->url, "data:"))
		return ark_refuse_invalid(
			item->refusal, item->name,
			"expected an http(s) URL, an asset or a data URL");
	r = image_from_data_url(item->url, &image);
	if (r == -ENOMEM)
		return ark_refuse_no_memory(item->refusal);
	if (r)
		return ark_refuse_invalid(item->refusal, item->name, "%s",
					  explain_image(r));
	if (!check_sides(item, &image))
		return false;
	is_frame = !item->role || !strcmp(item->role, "first_frame");
	if (!content->first_image.bytes || (is_frame && !content->first_image_is_frame)) {
		image_clear(&content->first_image);
		content->first_image = image;
		content->first_image_is_frame = is_frame;
		image.bytes = NULL;
	}
	return true;
}

static bool read_image(struct item *item)
{
	struct ark_content *content = item->content;

	if (!read_url(item, "image_url"))
		return false;
	content->images++;
	if (!item->role)
		content->unnamed_images++;
	else if (!strcmp(item->role, "first_frame"))
		content->first_frames++;
	else if (!strcmp(item->role, "last_frame"))
		content->last_frames++;
	else if (!strcmp(item->role, "reference_image"))
		content->reference_images++;
	else
		return ark_refuse_invalid(item->refusal, item->name, "invalid role");
	return read_image_data(item);
}

static bool check_role(struct item *item, const char *wanted)
{
	if (!item->role)
		return ark_refuse_invalid(item->refusal, item->name,
					  "role must be specified");
	if (strcmp(item->role, wanted))
		return ark_refuse_invalid(item->refusal, item->name, "invalid role");
	return true;
}

static bool read_video(struct item *item)
{
	if (!read_url(item, "video_url") || !check_role(item, "reference_video"))
		return false;
	if (!is_remote(item->url))
		return ark_refuse_invalid(item->refusal, item->name,
					  "expected an http(s) URL or an asset");
	item->content->reference_videos++;
	return true;
}

static bool is_audio_data(const char *url)
{
	static const char *const heads[] = { "data:audio/mp3;base64,",
					     "data:audio/mpeg;base64,",
					     "data:audio/wav;base64," };

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (starts_with(url, heads[i]))
			return url[strlen(heads[i])];
	return false;
}

static bool read_audio(struct item *item)
{
	if (!read_url(item, "audio_url") || !check_role(item, "reference_audio"))
		return false;
	if (!is_remote(item->url) && !is_audio_data(item->url))
		return ark_refuse_invalid(
			item->refusal, item->name,
			"expected an http(s) URL, an asset or wav or mp3 data");
	item->content->reference_audios++;
	return true;
}

static bool read_draft(struct item *item)
{
	const char *id = json_get_text(json_get(item->object, "draft_task"), "id");

	if (!id || !*id)
		return ark_refuse_missing(item->refusal, "content.draft_task.id");
	item->content->draft_task = id;
	return true;
}

static const struct {
	const char *type;
	bool (*read)(struct item *item);
} item_types[] = {
	{ "text", read_text },	      { "image_url", read_image },
	{ "video_url", read_video },  { "audio_url", read_audio },
	{ "draft_task", read_draft },
};

static bool read_item(struct item *item)
{
	const char *type = json_get_text(item->object, "type");

	if (!json_is_object(item->object))
		return ark_refuse_invalid(item->refusal, item->name,
					  "expected an object");
	if (!type)
		return ark_refuse_missing(item->refusal, "content.type");
	for (size_t i = 0; i < ARRAY_SIZE(item_types); i++)
		if (!strcmp(type, item_types[i].type))
			return item_types[i].read(item);
	return ark_refuse_invalid(item->refusal, item->name, "invalid content type");
}

static bool is_blank(const struct buffer *text)
{
	return !text->size || text->data[strspn(text->data, " \t\r\n")] == '\0';
}

/* One image without a role is the first frame; from two on each needs its role. */
static bool settle_roles(struct ark_content *content, struct ark_refusal *refusal)
{
	bool is_alone = content->images == 1 && !ark_content_has_references(content);

	if (!content->unnamed_images)
		return true;
	if (!is_alone)
		return ark_refuse_invalid(refusal, "content",
					  "role must be specified for image contents");
	content->first_frames = 1;
	return true;
}

static bool check_modes(const struct ark_content *content, struct ark_refusal *refusal)
{
	bool has_frames = content->first_frames || content->last_frames;

	if (content->first_frames > 1 || content->last_frames > 1)
		return ark_refuse_invalid(
			refusal, "content",
			"only one first frame and one last frame are allowed");
	if (content->last_frames && !content->first_frames)
		return ark_refuse_invalid(refusal, "content",
					  "a last frame needs a first frame");
	if (has_frames && ark_content_has_references(content))
		return ark_refuse_invalid(refusal, "content",
					  "first/last frame content cannot be mixed with "
					  "reference media content");
	return true;
}

static bool check_draft_alone(const struct ark_content *content, size_t items,
			      struct ark_refusal *refusal)
{
	if (content->draft_task && items > 1)
		return ark_refuse_invalid(
			refusal, "content",
			"draft_task cannot be mixed with other content");
	return true;
}

bool ark_content_read(const struct json *array, struct ark_content *content,
		      struct ark_refusal *refusal)
{
	int index = 0;

	if (!array)
		return ark_refuse_missing(refusal, "content");
	if (!json_is_array(array) || !json_first(array))
		return ark_refuse_invalid(refusal, "content",
					  "expected a non-empty array");
	for (const struct json *value = json_first(array); value;
	     value = json_next(value)) {
		struct item item = { .object = value,
				     .content = content,
				     .refusal = refusal };

		snprintf(item.name, sizeof(item.name), "content[%d]", index++);
		if (!read_item(&item))
			return false;
	}
	if (!check_draft_alone(content, json_count(array), refusal) ||
	    !settle_roles(content, refusal) || !check_modes(content, refusal))
		return false;
	if (is_blank(&content->prompt) && !content->images &&
	    !content->reference_videos && !content->reference_audios &&
	    !content->draft_task)
		return ark_refuse_missing(refusal, "content.text");
	return true;
}

static bool check_count(int count, int most, const char *what,
			struct ark_refusal *refusal)
{
	if (count <= most)
		return true;
	if (!most)
		return ark_refuse_invalid(refusal, "content",
					  "%s are not supported by the model", what);
	return ark_refuse_invalid(refusal, "content", "at most %d %s are allowed", most,
				  what);
}

bool ark_content_check(const struct ark_content *content, const struct ark_model *model,
		       struct ark_refusal *refusal)
{
	unsigned abilities = model->abilities;

	if (!check_count(content->first_frames, abilities & ARK_FIRST_FRAME ? 1 : 0,
			 "first frames", refusal) ||
	    !check_count(content->last_frames, abilities & ARK_LAST_FRAME ? 1 : 0,
			 "last frames", refusal) ||
	    !check_count(content->reference_images, model->images, "reference images",
			 refusal) ||
	    !check_count(content->reference_videos, model->videos, "reference videos",
			 refusal) ||
	    !check_count(content->reference_audios, model->audios, "reference audios",
			 refusal))
		return false;
	if (abilities & ARK_NEEDS_IMAGE && !content->images)
		return ark_refuse_missing(refusal, "content.image_url");
	if (content->reference_audios && !(abilities & ARK_AUDIO_ALONE) &&
	    !content->reference_images && !content->reference_videos)
		return ark_refuse_invalid(refusal, "content",
					  "reference audio needs an image or a video");
	if (content->draft_task && !(abilities & ARK_DRAFT))
		return ark_refuse_invalid(refusal, "content",
					  "draft_task is not supported by the model");
	return true;
}
