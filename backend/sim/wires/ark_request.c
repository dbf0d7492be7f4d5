#include "backend/sim/wires/ark_request.h"

#include "backend/base/cleanup.h"
#include "backend/sim/wires/fields.h"

#include <string.h>

#define SEED_MAX 4294967295ll
#define SAFETY_IDENTIFIER_MAX 64

/* Shared by the functions that read groups of fields. */
struct reader {
	struct fields fields;
	const struct ark_dialect *dialect;
	struct job *job;
	struct refusal *refusal;
};

static bool can(const struct reader *reader, unsigned ability)
{
	return reader->job->model->abilities & ability;
}

static bool refuse_unable(struct reader *reader, const char *name)
{
	return refuse_invalid(reader->refusal, name, "not supported by the model");
}

static bool read_model(struct reader *reader)
{
	struct job *job = reader->job;
	const char *name = NULL;

	if (!fields_text(&reader->fields, "model", &name))
		return false;
	if (!name || !*name)
		return refuse_missing(reader->refusal, "model");
	job->model = model_find(name);
	if (!job->model ||
	    (reader->dialect->model && strcmp(name, reader->dialect->model)))
		return refuse(reader->refusal, REFUSAL_MODEL,
			      "The model or endpoint %.100s does not exist or you do not "
			      "have access to it",
			      name);
	job->model_shown = model_shown(job->model, name);
	return true;
}

static bool read_switches(struct reader *reader)
{
	struct job *job = reader->job;

	job->generate_audio = can(reader, MODEL_AUDIO);
	if (!fields_bool(&reader->fields, "generate_audio", &job->generate_audio) ||
	    !fields_bool(&reader->fields, "draft", &job->draft) ||
	    !fields_bool(&reader->fields, "camera_fixed", &job->camera_fixed) ||
	    !fields_bool(&reader->fields, "watermark", &job->watermark) ||
	    !fields_bool(&reader->fields, "return_last_frame", &job->return_last_frame))
		return false;
	if (job->generate_audio && !can(reader, MODEL_AUDIO))
		return refuse_unable(reader, "generate_audio");
	if (job->draft && !can(reader, MODEL_DRAFT))
		return refuse_unable(reader, "draft");
	if (job->camera_fixed && !can(reader, MODEL_CAMERA_FIXED))
		return refuse_unable(reader, "camera_fixed");
	if (job->camera_fixed && job->content.reference_images)
		return refuse_invalid(reader->refusal, "camera_fixed",
				      "not supported with reference images");
	return true;
}

static bool read_service(struct reader *reader)
{
	static const char *const tiers[] = { "default", "flex", NULL };
	struct job *job = reader->job;
	int tier = 0;

	if (!fields_word(&reader->fields, "service_tier", tiers, &tier) ||
	    !fields_integer(&reader->fields, "execution_expires_after", 3600, 259200,
			    &job->expires_after_s) ||
	    !fields_integer(&reader->fields, "priority", 0, 9, &job->priority) ||
	    !fields_url(&reader->fields, "callback_url", &job->callback_url))
		return false;
	job->is_flex = tier == 1;
	if (job->is_flex && !can(reader, MODEL_FLEX))
		return refuse_unable(reader, "service_tier");
	if (job->priority && !can(reader, MODEL_PRIORITY))
		return refuse_unable(reader, "priority");
	if (job->priority && job->is_flex)
		return refuse_invalid(reader->refusal, "priority",
				      "not supported with flex");
	return true;
}

static bool read_resolution(struct reader *reader)
{
	struct job *job = reader->job;

	if (!fields_word(&reader->fields, "resolution", size_resolution_names,
			 &job->resolution) ||
	    !job_check_resolution(job, reader->refusal))
		return false;
	if (job->draft && job->resolution > SIZE_480P)
		return refuse_invalid(reader->refusal, "resolution",
				      "a draft is 480p only");
	return true;
}

static bool read_ratio(struct reader *reader)
{
	struct job *job = reader->job;

	if (!fields_word(&reader->fields, "ratio", size_ratio_names, &job->ratio))
		return false;
	if (job->content.first_frames && can(reader, MODEL_FRAMES_ADAPTIVE) &&
	    job->ratio >= 0 && job->ratio != SIZE_ADAPTIVE)
		return refuse_invalid(reader->refusal, "ratio",
				      "must be adaptive with a first frame");
	return true;
}

static bool read_length(struct reader *reader)
{
	struct job *job = reader->job;

	job->duration = job->model->duration;
	return fields_integer(&reader->fields, "duration", -1, 3600, &job->duration) &&
	       fields_integer(&reader->fields, "frames", 29, 289, &job->frames) &&
	       job_check_length(job, reader->refusal);
}

static bool read_tools(struct reader *reader)
{
	const struct json *tools = json_get_nonnull(reader->fields.body, "tools");

	if (!tools)
		return true;
	if (!json_is_array(tools))
		return refuse_invalid(reader->refusal, "tools", "expected an array");
	for (const struct json *tool = json_first(tools); tool; tool = json_next(tool)) {
		const char *type = json_get_string(tool, "type");

		if (!type || strcmp(type, "web_search"))
			return refuse_invalid(reader->refusal, "tools", "unknown type");
		reader->job->has_web_search = true;
	}
	if (reader->job->has_web_search && !can(reader, MODEL_WEB_SEARCH))
		return refuse_unable(reader, "tools");
	return true;
}

static bool check_omni(struct reader *reader)
{
	struct job *job = reader->job;
	bool is_edit = job->omni_type && !strcmp(job->omni_type, "edit");

	if (!is_edit)
		return true;
	if (job->content.reference_videos && job->duration == -1 &&
	    (job->ratio < 0 || job->ratio == SIZE_ADAPTIVE))
		return true;
	return refuse_as(reader->refusal, 400, "InvalidParameter.TaskTypeConstraint",
			 "BadRequest",
			 "The task type edit needs a reference video, ratio adaptive and "
			 "duration -1");
}

static bool read_output(struct reader *reader)
{
	static const char *const formats[] = { "mp4", "mov", NULL };
	static const char *const types[] = { "auto", "reference", "edit", "extend",
					     NULL };
	struct job *job = reader->job;
	int format = -1, type = -1;

	if (!fields_word(&reader->fields, "output_format", formats, &format) ||
	    !fields_word(&reader->fields, "omni_reference_task_type", types, &type) ||
	    !fields_text(&reader->fields, "safety_identifier", &job->safety_identifier))
		return false;
	if ((format >= 0 || type >= 0) && !can(reader, MODEL_OUTPUT_FORMAT))
		return refuse_unable(reader, format >= 0 ? "output_format"
							 : "omni_reference_task_type");
	job->output_format = format >= 0 ? formats[format] : NULL;
	job->omni_type = type >= 0 ? types[type] : NULL;
	if (job->safety_identifier &&
	    strlen(job->safety_identifier) > SAFETY_IDENTIFIER_MAX)
		return refuse_invalid(reader->refusal, "safety_identifier",
				      "at most 64 characters");
	return check_omni(reader);
}

static bool check_draft(struct reader *reader)
{
	struct job *job = reader->job;

	if (!job->draft)
		return true;
	if (job->return_last_frame)
		return refuse_invalid(reader->refusal, "return_last_frame",
				      "not supported with draft");
	if (job->is_flex && !reader->dialect->has_flex_drafts)
		return refuse_invalid(reader->refusal, "service_tier",
				      "flex is not supported with draft");
	if (job->content.draft_task)
		return refuse_invalid(reader->refusal, "draft",
				      "a draft cannot be made from a draft");
	return true;
}

static bool is_draft(const struct task *task)
{
	AUTOJSON *echo = json_parse_text(task->echo);

	return json_is_true(json_get(echo, "draft"));
}

static bool find_draft(struct reader *reader, const struct wire_call *call)
{
	struct job *job = reader->job;

	if (!job->content.draft_task)
		return true;
	job->draft_of = wire_find_task(call, job->content.draft_task);
	if (!job->draft_of || !is_draft(job->draft_of) ||
	    job->draft_of->state != TASK_SUCCEEDED)
		return refuse_invalid(reader->refusal, "content[0].draft_task",
				      "no succeeded draft task with this id");
	if (model_find(job->draft_of->model) != job->model)
		return refuse_invalid(reader->refusal, "model",
				      "must be the model of the draft task");
	return true;
}

bool ark_request_read(const struct wire_call *call, const struct ark_dialect *dialect,
		      struct job *job, struct refusal *refusal)
{
	struct reader reader = { { call->body, refusal }, dialect, job, refusal };

	if (!json_is_object(call->body))
		return refuse(refusal, REFUSAL_INVALID,
			      "The request body is not a JSON object");
	return read_model(&reader) &&
	       content_items_read(json_get_nonnull(call->body, "content"),
				  &dialect->content, &job->content, refusal) &&
	       content_check(&job->content, job->model, refusal) &&
	       read_switches(&reader) && read_service(&reader) &&
	       read_resolution(&reader) && read_ratio(&reader) && read_length(&reader) &&
	       read_tools(&reader) && read_output(&reader) &&
	       fields_integer(&reader.fields, "seed", -1, SEED_MAX, &job->seed) &&
	       check_draft(&reader) && find_draft(&reader, call);
}
