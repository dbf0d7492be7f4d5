#include "backend/sim/wires/comet.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/sim/wires/fields.h"

#include <string.h>

#define REFERENCES_MAX 9

static const struct comet_model {
	const char *name, *inside; /* Ark's name for it */
	int shortest, longest;
	bool has_1080p, takes_image;
} models[] = {
	{ "doubao-seedance-2-0", "doubao-seedance-2-0-260128", 4, 15, false, true },
	{ "doubao-seedance-2-0-fast", "doubao-seedance-2-0-fast-260128", 4, 15, false,
	  true },
	{ "doubao-seedance-1-5-pro", "doubao-seedance-1-5-pro-251215", 4, 12, true,
	  false },
	{ "doubao-seedance-1-0-pro", "doubao-seedance-1-0-pro-250528", 2, 10, true,
	  false },
};

/* Shared by the functions that read single parts. */
struct reader {
	const struct multipart *parts;
	const struct comet_model *model;
	struct job *job;
	struct refusal *refusal;
};

/* A value as text; free() it. *ret stays NULL if there is no such part. */
static bool read_value(const struct reader *reader, const char *name, char **ret)
{
	const struct part *found = NULL;

	for (size_t i = 0; i < reader->parts->count; i++) {
		const struct part *part = &reader->parts->parts[i];

		if (strcmp(part->name, name))
			continue;
		if (found)
			return refuse_invalid(reader->refusal, name, "given twice");
		found = part;
	}
	if (!found)
		return true;
	if (found->file_name || memchr(found->bytes, 0, found->size) ||
	    !text_is_utf8(found->bytes, found->size))
		return refuse_invalid(reader->refusal, name, "expected a text");
	*ret = strndup(found->bytes, found->size);
	return *ret || refuse_no_memory(reader->refusal);
}

static bool read_model(struct reader *reader)
{
	AUTOFREE char *name = NULL;

	if (!read_value(reader, "model", &name))
		return false;
	if (!name || !*name)
		return refuse_missing(reader->refusal, "model");
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (!strcmp(name, models[i].name))
			reader->model = &models[i];
	if (!reader->model)
		return refuse_invalid(reader->refusal, "model", "unknown model %.100s",
				      name);
	reader->job->model = model_find(reader->model->inside);
	reader->job->model_shown = reader->model->name;
	reader->job->generate_audio = reader->job->model->abilities & MODEL_AUDIO;
	return true;
}

static bool read_prompt(struct reader *reader)
{
	AUTOFREE char *text = NULL;

	if (!read_value(reader, "prompt", &text))
		return false;
	if (!text || !text[strspn(text, " \t\r\n")])
		return refuse_missing(reader->refusal, "prompt");
	return content_add_text(&reader->job->content, "prompt", text, reader->refusal);
}

static bool read_seconds(struct reader *reader)
{
	const struct comet_model *model = reader->model;
	AUTOFREE char *text = NULL;
	int64_t number = 5;

	if (!read_value(reader, "seconds", &text))
		return false;
	if (text && text_to_int64(text, &number))
		return refuse_invalid(reader->refusal, "duration",
				      "seconds must be an integer, not %.40s", text);
	if (number < model->shortest || number > model->longest)
		return refuse_invalid(reader->refusal, "duration",
				      "must be between %d and %d for the model",
				      model->shortest, model->longest);
	reader->job->duration = number;
	return true;
}

static bool read_word(struct reader *reader, const char *name, const char *const *words,
		      int *value)
{
	AUTOFREE char *text = NULL;

	if (!read_value(reader, name, &text))
		return false;
	if (!text)
		return true;
	*value = fields_find_word(words, text, -1);
	if (*value < 0)
		return refuse_invalid(reader->refusal, name, "unknown value %.40s", text);
	return true;
}

static bool read_size(struct reader *reader)
{
	struct job *job = reader->job;

	job->resolution = SIZE_720P;
	job->ratio = SIZE_16_9;
	if (!read_word(reader, "size", size_ratio_names, &job->ratio) ||
	    !read_word(reader, "resolution", size_resolution_names, &job->resolution))
		return false;
	if (job->ratio == SIZE_ADAPTIVE)
		return refuse_invalid(reader->refusal, "size", "unknown value");
	if (job->resolution > (reader->model->has_1080p ? SIZE_1080P : SIZE_720P))
		return refuse_invalid(reader->refusal, "resolution",
				      "not supported by the model");
	return true;
}

static bool is_image_type(const char *type)
{
	static const char *const types[] = { "image/jpeg", "image/png", "image/webp",
					     NULL };

	return fields_find_word(types, type, -1) >= 0;
}

/* The first reference is the anchor: the first frame. */
static bool read_reference(struct reader *reader, const struct part *part)
{
	static const char *const formats[] = { "jpeg", "png", "webp", NULL };
	CLEANUP(image_clear) struct image image = { .bytes = NULL };
	struct content *content = &reader->job->content;

	if (!reader->model->takes_image)
		return refuse(reader->refusal, REFUSAL_INVALID,
			      "the specified task_type r2v does not support model %s",
			      reader->model->name + strlen("doubao-"));
	if (!part->file_name)
		return refuse_invalid(reader->refusal, part->name, "expected a file");
	if (!is_image_type(part->content_type) ||
	    image_from_bytes(part->bytes, part->size, &image) ||
	    fields_find_word(formats, image.suffix, -1) < 0)
		return refuse_invalid(reader->refusal, part->name,
				      "expected a JPEG, PNG or WebP file");
	return content_add_picture(content, part->name, &image,
				   content->images ? CONTENT_REFERENCE
						   : CONTENT_FIRST_FRAME,
				   reader->refusal);
}

static bool read_references(struct reader *reader)
{
	for (size_t i = 0; i < reader->parts->count; i++) {
		const struct part *part = &reader->parts->parts[i];

		if (!strcmp(part->name, "input_reference") &&
		    !read_reference(reader, part))
			return false;
	}
	if (reader->job->content.images > REFERENCES_MAX)
		return refuse_invalid(reader->refusal, "input_reference",
				      "at most %d files", REFERENCES_MAX);
	return true;
}

bool comet_request_read(const struct multipart *parts, struct job *job,
			struct refusal *refusal)
{
	struct reader reader = { .parts = parts, .job = job, .refusal = refusal };

	if (!parts)
		return refuse(refusal, REFUSAL_INVALID,
			      "the request body is not multipart/form-data");
	return read_model(&reader) && read_prompt(&reader) && read_seconds(&reader) &&
	       read_size(&reader) && read_references(&reader);
}
