/*
 * Parameters that the service or the model lacks, and those that are added to the
 * request.
 */
#include "backend/models/fit_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/request/params.h"

#include <errno.h>
#include <string.h>

#define KEYS_MAX_BYTES 1024

static bool is_word(const struct request *request, enum request_param param,
		    const char *word)
{
	const char *said = request_word(request, param);

	return said && !strcmp(said, word);
}

/* Whether the value is what every service does anyway. */
static bool is_idle(const struct request *request, enum request_param param)
{
	switch (param) {
	case PARAM_FRAMESPERSECOND:
		return request_number(request, param, 0) == 24;
	case PARAM_SEED:
		return request_number(request, param, 0) == -1;
	case PARAM_CAMERA_FIXED:
	case PARAM_WATERMARK:
	case PARAM_GENERATE_AUDIO:
	case PARAM_DRAFT:
	case PARAM_PRIORITY:
		return request_number(request, param, 1) == 0;
	case PARAM_SERVICE_TIER:
		return is_word(request, param, "default");
	case PARAM_OUTPUT_FORMAT:
		return is_word(request, param, "mp4");
	case PARAM_OMNI_REFERENCE_TASK_TYPE:
		return is_word(request, param, "auto");
	case PARAM_TOOLS:
		return !json_first(request->params[param].json);
	default:
		return false;
	}
}

/* Whether the parameter does not change the picture. */
static bool is_aside(enum request_param param)
{
	return param == PARAM_RETURN_LAST_FRAME ||
	       param == PARAM_EXECUTION_EXPIRES_AFTER || param == PARAM_CALLBACK_URL ||
	       param == PARAM_SAFETY_IDENTIFIER;
}

static void leave_out(struct fit *fit, enum request_param param, const char *why)
{
	request_add_note(fit->request, "\"%s\" is not sent: %s", request_param_key(param),
			 why);
	request_unset(fit->request, param);
}

static bool has_param(const struct provider *provider, unsigned param)
{
	return provider->params & PARAM_BIT(param);
}

static bool is_dropped(const struct fit *fit, enum request_param param)
{
	return rules_list_has(rules_service(&fit->rules, "drops"),
			      request_param_key(param));
}

bool fit_sends(const struct fit *fit, enum request_param param)
{
	const struct request_value *params = fit->request->params;

	return params[param].is_set && has_param(fit->provider, param) &&
	       !is_dropped(fit, param) &&
	       (param != PARAM_DURATION || !params[PARAM_FRAMES].is_set);
}

/* Drops the parameter and adds its key to a list for one note. */
static void leave_out_with(struct fit *fit, enum request_param param, struct buffer *keys)
{
	buffer_addf(keys, "%s\"%s\"", keys->size ? ", " : "", request_param_key(param));
	request_unset(fit->request, param);
}

static void note_left_out(struct fit *fit, const struct buffer *keys, const char *where)
{
	if (keys->size)
		request_add_note(fit->request,
				 "not sent, because %s does not support it: %s", where,
				 keys->data);
}

/* Drops parameters that the service has no key for. */
static int leave_out_of_service(struct fit *fit, enum request_param param,
				struct buffer *keys)
{
	AUTOFREE char *others = NULL;

	if (!fit->request->params[param].is_set ||
	    (has_param(fit->provider, param) && !is_dropped(fit, param)))
		return 0;
	if (is_idle(fit->request, param) || is_aside(param) || is_dropped(fit, param)) {
		leave_out_with(fit, param, keys);
		return 0;
	}
	others = fit_services_with(has_param, param);
	return fit_refuse_param(fit, param, "; %s does not support this parameter%s",
				fit->title, others);
}

static int leave_out_of_services(struct fit *fit)
{
	AUTOBUFFER keys = BUFFER_INIT(KEYS_MAX_BYTES);
	int r = 0;

	for (int i = 0; i < PARAM_COUNT && !r; i++)
		r = leave_out_of_service(fit, (enum request_param)i, &keys);
	note_left_out(fit, &keys, fit->title);
	return r;
}

/* Drops parameters that a draft determines: providers/README.md, 6.2. */
static int leave_out_of_draft(struct fit *fit)
{
	static const enum request_param params[] = {
		PARAM_GENERATE_AUDIO, PARAM_SEED,	  PARAM_RATIO, PARAM_DURATION,
		PARAM_FRAMES,	      PARAM_CAMERA_FIXED, PARAM_DRAFT,
	};

	for (size_t i = 0; fit->drafts && i < ARRAY_SIZE(params); i++) {
		const struct request_value *value = &fit->request->params[params[i]];

		if (!value->is_set)
			continue;
		if (!value->source && !is_idle(fit->request, params[i]))
			return fit_refuse_param(fit, params[i],
						"; remove it: with a draft_task, %s "
						"takes it from the draft",
						fit->title);
		leave_out(fit, params[i], "the service takes it from the draft");
	}
	return 0;
}

/* The parameters that not every model has, and their rules. */
static const struct {
	enum request_param param;
	const char *rule;
} abilities[] = {
	{ PARAM_FRAMES, "frames" },
	{ PARAM_CAMERA_FIXED, "camera_fixed" },
	{ PARAM_GENERATE_AUDIO, "audio" },
	{ PARAM_DRAFT, "draft" },
	{ PARAM_PRIORITY, "priority" },
	{ PARAM_TOOLS, "web_search" },
	{ PARAM_OUTPUT_FORMAT, "output_formats" },
	{ PARAM_OMNI_REFERENCE_TASK_TYPE, "task_types" },
	{ PARAM_SERVICE_TIER, "flex" },
};

static bool model_has(const struct fit *fit, const char *rule)
{
	return fit_can(fit, rule) || json_is_array(rules_model(&fit->rules, rule));
}

/* Whether the service accepts the key for every model and ignores it. */
static bool is_ignored(const struct fit *fit, enum request_param param)
{
	return rules_list_has(rules_service(&fit->rules, "ignores"),
			      request_param_key(param));
}

/* Drops a parameter that the service has, but not for this model. */
static int leave_out_of_model(struct fit *fit, enum request_param param, const char *rule,
			      struct buffer *keys)
{
	AUTOFREE char *where = NULL, *others = NULL;
	bool is_tier = param == PARAM_SERVICE_TIER; /* every model accepts "default" */

	if (!fit->request->params[param].is_set || model_has(fit, rule))
		return 0;
	if (!is_idle(fit->request, param)) {
		where = fit_where(fit);
		others = fit_models_with(fit, rule);
		return fit_refuse_param(fit, param, "; %s does not support it%s", where,
					others);
	}
	if (!is_tier && !is_ignored(fit, param))
		leave_out_with(fit, param, keys);
	return 0;
}

static int leave_out_of_models(struct fit *fit)
{
	AUTOBUFFER keys = BUFFER_INIT(KEYS_MAX_BYTES);
	AUTOFREE char *where = fit_where(fit);
	int r = where ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(abilities) && !r; i++)
		r = leave_out_of_model(fit, abilities[i].param, abilities[i].rule, &keys);
	note_left_out(fit, &keys, where);
	return r;
}

/*
 * `frames` overrides `duration`: providers/README.md, 6.2. But a default does not
 * override the trigger.
 */
static void choose_length(struct fit *fit)
{
	const struct request_value *params = fit->request->params;
	bool is_default = params[PARAM_FRAMES].source && !params[PARAM_DURATION].source;

	if (!params[PARAM_FRAMES].is_set || !params[PARAM_DURATION].is_set)
		return;
	if (is_default)
		leave_out(fit, PARAM_FRAMES, "\"duration\" sets the length of the video");
	else
		leave_out(fit, PARAM_DURATION, "\"frames\" sets the length of the video");
}

/* The picture stays the same without it, so asking for it is no error. */
static void leave_out_last_frame(struct fit *fit)
{
	if (fit_is_draft(fit) && fit_is_true(fit, PARAM_RETURN_LAST_FRAME) &&
	    !fit_can(fit, "draft_last_frame"))
		leave_out(fit, PARAM_RETURN_LAST_FRAME, "a draft has no last frame");
}

int fit_leave_out(struct fit *fit)
{
	int r = leave_out_of_services(fit);

	if (!r)
		r = leave_out_of_draft(fit);
	if (!r)
		r = leave_out_of_models(fit);
	if (r)
		return r;
	choose_length(fit);
	leave_out_last_frame(fit);
	return 0;
}

/*
 * Sets a number or a word, unless the request sets it or the service has no key for it.
 */
static void say_number(struct fit *fit, enum request_param param, int64_t number)
{
	if (has_param(fit->provider, param) && !fit_is_said(fit, param))
		request_set_number(fit->request, param, number);
}

static int say_word(struct fit *fit, enum request_param param, const char *word)
{
	if (!word || !has_param(fit->provider, param) || fit_is_said(fit, param))
		return 0;
	request_set_word(fit->request, param, word);
	return fit->request->params[param].is_set ? 0 : -ENOMEM;
}

/* Adds required parameters that the request lacks. */
static int say_required(struct fit *fit)
{
	static const struct param_spelling spelling = { .file = "models.json" };
	const struct json *values = rules_service(&fit->rules, "values");
	int r = 0;

	for (const struct json *value = json_first(values); value && !r;
	     value = json_next(value)) {
		enum request_param param = request_param_of(json_key(value));

		if (!has_param(fit->provider, param) || fit_is_said(fit, param) ||
		    (param == PARAM_DURATION && fit_is_said(fit, PARAM_FRAMES)))
			continue;
		r = request_param_read(fit->request, param, &spelling, value,
				       fit->problem);
	}
	return r;
}

/*
 * The first value of a list for a special case, where the model's own default may not be
 * allowed.
 */
static const char *first_of(const struct fit *fit, const char *rule)
{
	return fit->is_listed ? json_string(json_first(rules_model(&fit->rules, rule)))
			      : NULL;
}

static bool is_among(const struct fit *fit, const char *word_rule, const char *list_rule)
{
	const char *word = json_string(rules_model(&fit->rules, word_rule));

	return word && rules_list_allows(rules_model(&fit->rules, list_rule), word);
}

static int say_size(struct fit *fit)
{
	int r = 0;

	if (fit_is_draft(fit))
		r = say_word(fit, PARAM_RESOLUTION, first_of(fit, "draft_resolutions"));
	if (!r && fit->references_total &&
	    !is_among(fit, "resolution", "resolutions_with_references"))
		r = say_word(fit, PARAM_RESOLUTION,
			     first_of(fit, "resolutions_with_references"));
	if (!r && fit->first_frames)
		r = say_word(fit, PARAM_RATIO, first_of(fit, "ratios_with_frames"));
	return r;
}

/* Editing a video keeps its shape and length: providers/README.md, 6.2. */
static int say_edit(struct fit *fit)
{
	if (!is_word(fit->request, PARAM_OMNI_REFERENCE_TASK_TYPE, "edit"))
		return 0;
	say_number(fit, PARAM_DURATION, -1);
	return say_word(fit, PARAM_RATIO, "adaptive");
}

/*
 * Audio doubles the price of one model, and the services' defaults differ: always set it.
 */
static void say_switches(struct fit *fit)
{
	say_number(fit, PARAM_WATERMARK, 0);
	if (!fit->drafts &&
	    (fit_can(fit, "audio") || is_ignored(fit, PARAM_GENERATE_AUDIO)))
		say_number(fit, PARAM_GENERATE_AUDIO, 0);
	if (!fit_is_draft(fit))
		say_number(fit, PARAM_RETURN_LAST_FRAME, 1);
}

int fit_complete(struct fit *fit)
{
	int r = say_edit(fit);

	if (!r)
		r = say_size(fit);
	if (!r)
		r = say_required(fit);
	if (!r)
		r = say_word(fit, PARAM_CALLBACK_URL, fit->endpoint->callback_url);
	if (!r)
		say_switches(fit);
	return r;
}
