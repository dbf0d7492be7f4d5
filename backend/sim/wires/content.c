#include "backend/sim/wires/content.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <string.h>

#define SIDE_MIN 300
#define SIDE_MAX 6000

void content_clear(struct content *content)
{
	buffer_clear(&content->prompt);
	image_clear(&content->first_image);
}

static bool has_references(const struct content *content)
{
	return content->reference_images || content->reference_videos ||
	       content->reference_audios;
}

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static bool is_remote(const struct content_source *source)
{
	const char *url = source->url;

	return ((starts_with(url, "https://") && url[8]) ||
		(starts_with(url, "http://") && url[7]) ||
		(source->may_be_asset && starts_with(url, "asset://") && url[8])) &&
	       !strpbrk(url, " \t\r\n");
}

bool content_add_text(struct content *content, const char *name, const char *text,
		      struct refusal *refusal)
{
	struct buffer *prompt = &content->prompt;

	content->texts++;
	if (prompt->size)
		buffer_add(prompt, "\n");
	if (buffer_add(prompt, text))
		return refuse_invalid(refusal, name, "text is too long");
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

static bool check_sides(const char *name, const struct image *image,
			struct refusal *refusal)
{
	int width = image->width, height = image->height;

	if (!width || !height)
		return true; /* the header does not tell */
	if (width < SIDE_MIN || height < SIDE_MIN || width > SIDE_MAX ||
	    height > SIDE_MAX)
		return refuse_invalid(
			refusal, name,
			"image size %dx%d: each side must be 300 to 6000 px", width,
			height);
	if (width * 10 <= height * 4 || width * 10 >= height * 25)
		return refuse_invalid(
			refusal, name,
			"image size %dx%d: aspect ratio must be between 0.4 and 2.5",
			width, height);
	return true;
}

static void count_image(struct content *content, enum content_role role)
{
	content->images++;
	content->unnamed_images += role == CONTENT_UNNAMED;
	content->first_frames += role == CONTENT_FIRST_FRAME;
	content->last_frames += role == CONTENT_LAST_FRAME;
	content->reference_images += role == CONTENT_REFERENCE;
}

bool content_add_picture(struct content *content, const char *name, struct image *image,
			 enum content_role role, struct refusal *refusal)
{
	bool is_frame = role == CONTENT_UNNAMED || role == CONTENT_FIRST_FRAME;

	if (!check_sides(name, image, refusal))
		return false;
	count_image(content, role);
	if (!content->first_image.bytes || (is_frame && !content->first_image_is_frame)) {
		image_clear(&content->first_image);
		content->first_image = *image;
		content->first_image_is_frame = is_frame;
		image->bytes = NULL;
	}
	return true;
}

bool content_add_image(struct content *content, const struct content_source *source,
		       enum content_role role, struct refusal *refusal)
{
	CLEANUP(image_clear) struct image image = { .bytes = NULL };
	int r;

	if (is_remote(source)) {
		count_image(content, role);
		return true;
	}
	if (!starts_with(source->url, "data:"))
		return refuse_invalid(refusal, source->name,
				      "expected an http(s) URL%s or a data URL",
				      source->may_be_asset ? ", an asset" : "");
	r = image_from_data_url(source->url, &image);
	if (r == -ENOMEM)
		return refuse_no_memory(refusal);
	if (r)
		return refuse_invalid(refusal, source->name, "%s", explain_image(r));
	return content_add_picture(content, source->name, &image, role, refusal);
}

bool content_add_video(struct content *content, const struct content_source *source,
		       struct refusal *refusal)
{
	if (!is_remote(source))
		return refuse_invalid(refusal, source->name, "expected an http(s) URL%s",
				      source->may_be_asset ? " or an asset" : "");
	content->reference_videos++;
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

bool content_add_audio(struct content *content, const struct content_source *source,
		       struct refusal *refusal)
{
	if (!is_remote(source) && !is_audio_data(source->url))
		return refuse_invalid(refusal, source->name,
				      "expected an http(s) URL%s or wav or mp3 data",
				      source->may_be_asset ? ", an asset" : "");
	content->reference_audios++;
	return true;
}

static bool is_blank(const struct buffer *text)
{
	return !text->size || text->data[strspn(text->data, " \t\r\n")] == '\0';
}

/* A single image without a role is the first frame; of several, each needs a role. */
static bool settle_roles(struct content *content, struct refusal *refusal)
{
	bool is_alone = content->images == 1 && !has_references(content);

	if (!content->unnamed_images)
		return true;
	if (!is_alone)
		return refuse_invalid(refusal, "content",
				      "role must be specified for image contents");
	content->first_frames = 1;
	return true;
}

static bool check_modes(const struct content *content, struct refusal *refusal)
{
	bool has_frames = content->first_frames || content->last_frames;

	if (content->first_frames > 1 || content->last_frames > 1)
		return refuse_invalid(
			refusal, "content",
			"only one first frame and one last frame are allowed");
	if (content->last_frames && !content->first_frames)
		return refuse_invalid(refusal, "content",
				      "a last frame needs a first frame");
	if (has_frames && has_references(content))
		return refuse_invalid(refusal, "content",
				      "first/last frame content cannot be mixed with "
				      "reference media content");
	return true;
}

bool content_settle(struct content *content, struct refusal *refusal)
{
	int media =
		content->images + content->reference_videos + content->reference_audios;

	if (!settle_roles(content, refusal) || !check_modes(content, refusal))
		return false;
	if (is_blank(&content->prompt) && !media && !content->draft_task)
		return refuse_missing(refusal, "content.text");
	return true;
}

static bool check_count(int count, int most, const char *what, struct refusal *refusal)
{
	if (count <= most)
		return true;
	if (!most)
		return refuse_invalid(refusal, "content",
				      "%s are not supported by the model", what);
	return refuse_invalid(refusal, "content", "at most %d %s are allowed", most,
			      what);
}

static bool check_counts(const struct content *content, const struct model *model,
			 struct refusal *refusal)
{
	int first = model->abilities & MODEL_FIRST_FRAME ? 1 : 0;
	int last = model->abilities & MODEL_LAST_FRAME ? 1 : 0;

	return check_count(content->first_frames, first, "first frames", refusal) &&
	       check_count(content->last_frames, last, "last frames", refusal) &&
	       check_count(content->reference_images, model->images, "reference images",
			   refusal) &&
	       check_count(content->reference_videos, model->videos, "reference videos",
			   refusal) &&
	       check_count(content->reference_audios, model->audios, "reference audios",
			   refusal);
}

bool content_check(const struct content *content, const struct model *model,
		   struct refusal *refusal)
{
	unsigned abilities = model->abilities;

	if (!check_counts(content, model, refusal))
		return false;
	if (abilities & MODEL_NEEDS_IMAGE && !content->images)
		return refuse_missing(refusal, "content.image_url");
	if (content->reference_audios && !(abilities & MODEL_AUDIO_ALONE) &&
	    !content->reference_images && !content->reference_videos)
		return refuse_invalid(refusal, "content",
				      "reference audio needs an image or a video");
	if (content->draft_task && !(abilities & MODEL_DRAFT))
		return refuse_invalid(refusal, "content",
				      "draft_task is not supported by the model");
	return true;
}
