#include "backend/sim/wires/ace.h"

#include "backend/base/cleanup.h"
#include "backend/sim/wires/fields.h"

#include <string.h>

#define SEED_MAX 4294967295ll
#define SAFETY_IDENTIFIER_MAX 64

/* Shared by the functions that read groups of fields. */
struct reader {
	struct fields fields;
	const struct ace_house *house;
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
	if (fields_find_word(reader->house->models, name, -1) >= 0)
		job->model = model_find(name);
	if (!job->model)
		return refuse(reader->refusal, REFUSAL_MODEL, "%.100s", name);
	job->model_shown = name;
	return true;
}

static bool read_content(struct reader *reader)
{
	struct content *content = &reader->job->content;

	if (!content_items_read(json_get_nonnull(reader->fields.body, "content"),
				&reader->house->content, content, reader->refusal) ||
	    !content_check(content, reader->job->model, reader->refusal))
		return false;
	if (reader->house->frames_need_text && content->last_frames && !content->texts)
		return refuse_missing(reader->refusal, "content.text");
	return true;
}

/* Defaults: flags in the text may change them, and fields always do. */
static void set_defaults(struct reader *reader)
{
	struct job *job = reader->job;
	bool is_lite = strstr(job->model->name, "-lite-");

	job->resolution = is_lite ? SIZE_480P : SIZE_720P;
	job->ratio = SIZE_16_9;
	job->duration = job->model->duration;
	ace_flags_read(reader->fields.body, job);
}

static bool read_size(struct reader *reader)
{
	struct job *job = reader->job;

	return fields_word(&reader->fields, "resolution", size_resolution_names,
			   &job->resolution) &&
	       job_check_resolution(job, reader->refusal) &&
	       fields_word(&reader->fields, "ratio", size_ratio_names, &job->ratio);
}

static bool read_length(struct reader *reader)
{
	struct job *job = reader->job;
	int64_t rate = 24;

	if (!fields_integer(&reader->fields, "duration", -1, 30, &job->duration) ||
	    !fields_integer(&reader->fields, "frames", 29, 289, &job->frames))
		return false;
	if (reader->house->has_frame_rate &&
	    !fields_integer(&reader->fields, "framespersecond", 24, 24, &rate))
		return false;
	return job_check_length(job, reader->refusal);
}

static bool read_switches(struct reader *reader)
{
	struct job *job = reader->job;

	if (!fields_bool(&reader->fields, "generate_audio", &job->generate_audio) ||
	    !fields_bool(&reader->fields, "watermark", &job->watermark) ||
	    !fields_bool(&reader->fields, "return_last_frame", &job->return_last_frame))
		return false;
	job->generate_audio = job->generate_audio && can(reader, MODEL_AUDIO);
	job->camera_fixed = job->camera_fixed && can(reader, MODEL_CAMERA_FIXED);
	if (!fields_bool(&reader->fields, "camerafixed", &job->camera_fixed))
		return false;
	if (job->camera_fixed && !can(reader, MODEL_CAMERA_FIXED))
		return refuse_unable(reader, "camerafixed");
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
	    !fields_integer(&reader->fields, "seed", -1, SEED_MAX, &job->seed) ||
	    !fields_url(&reader->fields, "callback_url", &job->callback_url))
		return false;
	job->is_flex = tier == 1;
	if (job->is_flex && !can(reader, MODEL_FLEX))
		return refuse_unable(reader, "service_tier");
	return true;
}

static bool read_tool(struct reader *reader, const struct json *tool)
{
	static const char *const types[] = { "web_search", NULL };
	static const char *const names[] = { "toutiao", "douyin", "moji", "search_engine",
					     NULL };
	struct fields fields = { tool, reader->refusal };
	const struct json *sources = json_get_nonnull(tool, "sources");
	int64_t limit, most;
	int type = -1;

	if (!fields_word(&fields, "type", types, &type) ||
	    !fields_integer(&fields, "limit", 1, 50, &limit) ||
	    !fields_integer(&fields, "max_keyword", 1, 50, &most))
		return false;
	for (const struct json *item = json_first(sources); item; item = json_next(item))
		if (fields_find_word(names, json_string(item), -1) < 0)
			return refuse_invalid(reader->refusal, "tools.sources",
					      "unknown value");
	return type == 0 || refuse_missing(reader->refusal, "tools.type");
}

static bool read_tools(struct reader *reader)
{
	const struct json *tools = json_get_nonnull(reader->fields.body, "tools");

	if (tools && !json_is_array(tools))
		return refuse_invalid(reader->refusal, "tools", "expected an array");
	for (const struct json *tool = json_first(tools); tool; tool = json_next(tool))
		if (!read_tool(reader, tool))
			return false;
	reader->job->has_web_search = json_first(tools);
	if (reader->job->has_web_search && !can(reader, MODEL_WEB_SEARCH))
		return refuse_unable(reader, "tools");
	return true;
}

static bool read_newer(struct reader *reader)
{
	static const char *const formats[] = { "mp4", "mov", NULL };
	static const char *const types[] = { "auto", "edit", "extend", NULL };
	struct job *job = reader->job;
	int format = -1, type = -1;

	if (!reader->house->has_newer_fields)
		return true;
	if (!fields_integer(&reader->fields, "priority", 0, 9, &job->priority) ||
	    !fields_text(&reader->fields, "safety_identifier", &job->safety_identifier) ||
	    !fields_word(&reader->fields, "output_format", formats, &format) ||
	    !fields_word(&reader->fields, "omni_reference_task_type", types, &type))
		return false;
	if (job->priority && !can(reader, MODEL_PRIORITY))
		return refuse_unable(reader, "priority");
	if ((format >= 0 || type >= 0) && !can(reader, MODEL_OUTPUT_FORMAT))
		return refuse_unable(reader, format >= 0 ? "output_format"
							 : "omni_reference_task_type");
	if (job->safety_identifier &&
	    strlen(job->safety_identifier) > SAFETY_IDENTIFIER_MAX)
		return refuse_invalid(reader->refusal, "safety_identifier",
				      "at most 64 characters");
	job->output_format = format >= 0 ? formats[format] : NULL;
	return read_tools(reader);
}

/* AceData: async or a callback; xhuo: only a callback, according to its page. */
static bool read_way(struct reader *reader, const struct wire_call *call,
		     bool *ret_is_async)
{
	bool is_async = false;

	if (call->variants[ACE_ASYNC] &&
	    !fields_bool(&reader->fields, "async", &is_async))
		return false;
	*ret_is_async = is_async || reader->job->callback_url;
	return true;
}

bool ace_request_read(const struct wire_call *call, struct job *job, bool *ret_is_async,
		      struct refusal *refusal)
{
	struct reader reader = {
		{ call->body, refusal }, ace_house_of(call->wire), job, refusal
	};

	if (!json_is_object(call->body))
		return refuse(refusal, REFUSAL_INVALID,
			      "The request body is not a JSON object.");
	if (!read_model(&reader) || !read_content(&reader))
		return false;
	set_defaults(&reader);
	return read_size(&reader) && read_length(&reader) && read_switches(&reader) &&
	       read_service(&reader) && read_newer(&reader) &&
	       read_way(&reader, call, ret_is_async);
}
