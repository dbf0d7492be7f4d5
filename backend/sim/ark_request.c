#include "backend/sim/ark_request.h"

#include "backend/base/cleanup.h"

#include <string.h>

#define SEED_MAX 4294967295ll
#define EXPIRES_DEFAULT 172800
#define SAFETY_IDENTIFIER_MAX 64

/* What the readers of single fields need. */
struct reader {
	const struct json *body;
	struct ark_request *request;
	struct ark_refusal *refusal;
};

void ark_request_clear(struct ark_request *request)
{
	ark_content_clear(&request->content);
	task_destroy(request->draft_of);
}

static bool read_bool(struct reader *reader, const char *name, bool *value)
{
	const struct json *json = json_get(reader->body, name);

	if (!json)
		return true;
	if (!json_is_bool(json))
		return ark_refuse_invalid(reader->refusal, name, "expected a boolean");
	*value = json_is_true(json);
	return true;
}

static bool read_integer(struct reader *reader, const char *name, int64_t least,
			 int64_t most, int64_t *value)
{
	const struct json *json = json_get(reader->body, name);
	int64_t number;

	if (!json)
		return true;
	if (!json_integer(json, &number))
		return ark_refuse_invalid(reader->refusal, name, "expected an integer");
	if (number < least || number > most)
		return ark_refuse_invalid(reader->refusal, name,
					  "must be between %lld and %lld",
					  (long long)least, (long long)most);
	*value = number;
	return true;
}

static bool read_text(struct reader *reader, const char *name, const char **value)
{
	const struct json *json = json_get(reader->body, name);

	if (!json)
		return true;
	if (!json_text(json))
		return ark_refuse_invalid(reader->refusal, name, "expected a string");
	*value = json_text(json);
	return true;
}

/* *value becomes the word's index. */
static bool read_word(struct reader *reader, const char *name, const char *const *words,
		      int *value)
{
	const char *text = NULL;

	if (!read_text(reader, name, &text))
		return false;
	if (!text)
		return true;
	for (int i = 0; words[i]; i++) {
		if (!strcmp(text, words[i])) {
			*value = i;
			return true;
		}
	}
	return ark_refuse_invalid(reader->refusal, name, "unknown value");
}

static bool can(const struct reader *reader, unsigned ability)
{
	return reader->request->model->abilities & ability;
}

static bool refuse_unable(struct reader *reader, const char *name)
{
	return ark_refuse_invalid(reader->refusal, name, "not supported by the model");
}

static bool read_model(struct reader *reader)
{
	struct ark_request *request = reader->request;
	const char *name = NULL;

	if (!read_text(reader, "model", &name))
		return false;
	if (!name || !*name)
		return ark_refuse_missing(reader->refusal, "model");
	request->model = ark_model_find(name);
	if (!request->model)
		return ark_refuse(
			reader->refusal, 404, "InvalidEndpointOrModel.NotFound",
			"NotFound",
			"The model or endpoint %.100s does not exist or you do not have "
			"access to it",
			name);
	request->model_shown = ark_model_shown(request->model, name);
	return true;
}

static bool read_switches(struct reader *reader)
{
	struct ark_request *request = reader->request;

	request->has_generate_audio = json_get(reader->body, "generate_audio");
	request->generate_audio = can(reader, ARK_AUDIO);
	if (!read_bool(reader, "generate_audio", &request->generate_audio) ||
	    !read_bool(reader, "draft", &request->draft) ||
	    !read_bool(reader, "camera_fixed", &request->camera_fixed) ||
	    !read_bool(reader, "watermark", &request->watermark) ||
	    !read_bool(reader, "return_last_frame", &request->return_last_frame))
		return false;
	if (request->generate_audio && !can(reader, ARK_AUDIO))
		return refuse_unable(reader, "generate_audio");
	if (request->draft && !can(reader, ARK_DRAFT))
		return refuse_unable(reader, "draft");
	if (request->camera_fixed && !can(reader, ARK_CAMERA_FIXED))
		return refuse_unable(reader, "camera_fixed");
	if (request->camera_fixed && request->content.reference_images)
		return ark_refuse_invalid(reader->refusal, "camera_fixed",
					  "not supported with reference images");
	return true;
}

static bool read_service(struct reader *reader)
{
	static const char *const tiers[] = { "default", "flex", NULL };
	struct ark_request *request = reader->request;
	const char *callback = NULL;
	int tier = 0;

	request->expires_after = EXPIRES_DEFAULT;
	if (!read_word(reader, "service_tier", tiers, &tier) ||
	    !read_integer(reader, "execution_expires_after", 3600, 259200,
			  &request->expires_after) ||
	    !read_integer(reader, "priority", 0, 9, &request->priority) ||
	    !read_text(reader, "callback_url", &callback))
		return false;
	request->is_flex = tier == 1;
	if (request->is_flex && !can(reader, ARK_FLEX))
		return refuse_unable(reader, "service_tier");
	if (request->priority && !can(reader, ARK_PRIORITY))
		return refuse_unable(reader, "priority");
	if (request->priority && request->is_flex)
		return ark_refuse_invalid(reader->refusal, "priority",
					  "not supported with flex");
	if (callback && strncmp(callback, "http://", 7) &&
	    strncmp(callback, "https://", 8))
		return ark_refuse_invalid(reader->refusal, "callback_url",
					  "expected an http(s) URL");
	return true;
}

static bool read_resolution(struct reader *reader)
{
	struct ark_request *request = reader->request;
	const struct ark_model *model = request->model;

	request->resolution = -1;
	if (!read_word(reader, "resolution", size_resolution_names, &request->resolution))
		return false;
	if (request->resolution >= 0 && !(model->resolutions & 1u << request->resolution))
		return refuse_unable(reader, "resolution");
	if (request->draft && request->resolution > SIZE_480P)
		return ark_refuse_invalid(reader->refusal, "resolution",
					  "a draft is 480p only");
	if (model->abilities & ARK_REFERENCES_BELOW_1080P &&
	    request->content.reference_images && request->resolution >= SIZE_1080P)
		return ark_refuse_invalid(reader->refusal, "resolution",
					  "not supported with reference images");
	return true;
}

static bool read_ratio(struct reader *reader)
{
	struct ark_request *request = reader->request;

	request->ratio = -1;
	if (!read_word(reader, "ratio", size_ratio_names, &request->ratio))
		return false;
	if (request->content.first_frames && can(reader, ARK_FRAMES_ADAPTIVE) &&
	    request->ratio >= 0 && request->ratio != SIZE_ADAPTIVE)
		return ark_refuse_invalid(reader->refusal, "ratio",
					  "must be adaptive with a first frame");
	return true;
}

static bool read_length(struct reader *reader)
{
	struct ark_request *request = reader->request;
	const struct ark_model *model = request->model;

	request->duration = model->duration;
	if (!read_integer(reader, "duration", -1, 3600, &request->duration) ||
	    !read_integer(reader, "frames", 29, 289, &request->frames))
		return false;
	if (request->frames && !can(reader, ARK_FRAMES))
		return refuse_unable(reader, "frames");
	if (request->frames && (request->frames - 25) % 4)
		return ark_refuse_invalid(reader->refusal, "frames", "must be 25 + 4n");
	if (request->duration == -1 && can(reader, ARK_AUTO_DURATION))
		return true;
	if (request->duration < model->shortest || request->duration > model->longest)
		return ark_refuse_invalid(reader->refusal, "duration",
					  "must be between %d and %d for the model",
					  model->shortest, model->longest);
	return true;
}

static bool read_tools(struct reader *reader)
{
	const struct json *tools = json_get(reader->body, "tools");

	if (!tools)
		return true;
	if (!json_is_array(tools))
		return ark_refuse_invalid(reader->refusal, "tools", "expected an array");
	for (const struct json *tool = json_first(tools); tool; tool = json_next(tool)) {
		const char *type = json_get_text(tool, "type");

		if (!type || strcmp(type, "web_search"))
			return ark_refuse_invalid(reader->refusal, "tools",
						  "unknown type");
		reader->request->has_web_search = true;
	}
	if (reader->request->has_web_search && !can(reader, ARK_WEB_SEARCH))
		return refuse_unable(reader, "tools");
	return true;
}

static bool check_omni(struct reader *reader)
{
	struct ark_request *request = reader->request;
	bool is_edit = request->omni_type && !strcmp(request->omni_type, "edit");

	if (!is_edit)
		return true;
	if (request->content.reference_videos && request->duration == -1 &&
	    (request->ratio < 0 || request->ratio == SIZE_ADAPTIVE))
		return true;
	return ark_refuse(
		reader->refusal, 400, "InvalidParameter.TaskTypeConstraint", "BadRequest",
		"The task type edit needs a reference video, ratio adaptive and "
		"duration -1");
}

static bool read_output(struct reader *reader)
{
	static const char *const formats[] = { "mp4", "mov", NULL };
	static const char *const types[] = { "auto", "reference", "edit", "extend",
					     NULL };
	struct ark_request *request = reader->request;
	int format = -1, type = -1;

	if (!read_word(reader, "output_format", formats, &format) ||
	    !read_word(reader, "omni_reference_task_type", types, &type) ||
	    !read_text(reader, "safety_identifier", &request->safety_identifier))
		return false;
	if ((format >= 0 || type >= 0) && !can(reader, ARK_OUTPUT_FORMAT))
		return refuse_unable(reader, format >= 0 ? "output_format"
							 : "omni_reference_task_type");
	request->output_format = format >= 0 ? formats[format] : NULL;
	request->omni_type = type >= 0 ? types[type] : NULL;
	if (request->safety_identifier &&
	    strlen(request->safety_identifier) > SAFETY_IDENTIFIER_MAX)
		return ark_refuse_invalid(reader->refusal, "safety_identifier",
					  "at most 64 characters");
	return check_omni(reader);
}

static bool read_seed(struct reader *reader)
{
	struct ark_request *request = reader->request;

	request->seed = -1;
	request->has_seed = json_get(reader->body, "seed");
	return read_integer(reader, "seed", -1, SEED_MAX, &request->seed);
}

static bool check_draft(struct reader *reader)
{
	struct ark_request *request = reader->request;

	if (!request->draft)
		return true;
	if (request->return_last_frame)
		return ark_refuse_invalid(reader->refusal, "return_last_frame",
					  "not supported with draft");
	if (request->is_flex)
		return ark_refuse_invalid(reader->refusal, "service_tier",
					  "flex is not supported with draft");
	if (request->content.draft_task)
		return ark_refuse_invalid(reader->refusal, "draft",
					  "a draft cannot be made from a draft");
	return true;
}

static bool is_draft(const struct task *task)
{
	AUTOJSON *echo = json_parse(task->echo, strlen(task->echo));

	return json_get_true(echo, "draft");
}

static bool find_draft(struct reader *reader, struct tasks *tasks)
{
	struct ark_request *request = reader->request;

	if (!request->content.draft_task)
		return true;
	request->draft_of = tasks_find(tasks, request->content.draft_task);
	if (!request->draft_of || !is_draft(request->draft_of) ||
	    request->draft_of->state != TASK_SUCCEEDED)
		return ark_refuse_invalid(reader->refusal, "content[0].draft_task",
					  "no succeeded draft task with this id");
	if (ark_model_find(request->draft_of->model) != request->model)
		return ark_refuse_invalid(reader->refusal, "model",
					  "must be the model of the draft task");
	return true;
}

bool ark_request_read(const struct json *body, struct tasks *tasks,
		      struct ark_request *request, struct ark_refusal *refusal)
{
	struct reader reader = { body, request, refusal };

	if (!json_is_object(body))
		return ark_refuse(refusal, 400, "InvalidParameter", "BadRequest",
				  "The request body is not a JSON object");
	return read_model(&reader) &&
	       ark_content_read(json_get(body, "content"), &request->content, refusal) &&
	       ark_content_check(&request->content, request->model, refusal) &&
	       read_switches(&reader) && read_service(&reader) &&
	       read_resolution(&reader) && read_ratio(&reader) && read_length(&reader) &&
	       read_tools(&reader) && read_output(&reader) && read_seed(&reader) &&
	       check_draft(&reader) && find_draft(&reader, tasks);
}
