/* Checks values against the model and the service. */
#include "backend/models/fit_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define LIST_MAX_BYTES 1024

/* A list of allowed words, and when it applies. */
struct list {
	const struct json *words; /* NULL: any */
	const char *when;	  /* for messages: " with references" */
};

static bool lists_allow(const struct list *lists, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!rules_list_allows(lists[i].words, word))
			return false;
	return true;
}

static const char *reason(const struct list *lists, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++)
		if (!rules_list_allows(lists[i].words, word))
			return lists[i].when;
	return "";
}

/* The words that all of the lists contain. */
static void add_allowed(struct buffer *text, const struct list *lists, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (const struct json *word = json_first(lists[i].words); word;
		     word = json_next(word))
			if (lists_allow(lists, count, json_string(word)))
				buffer_addf(text, "%s%s", text->size ? ", " : "",
					    json_string(word));
		if (lists[i].words)
			return;
	}
}

static int check_lists(struct fit *fit, enum request_param param,
		       const struct list *lists, size_t count)
{
	const char *word = request_word(fit->request, param);
	AUTOBUFFER allowed = BUFFER_INIT(LIST_MAX_BYTES);
	AUTOFREE char *where = NULL;

	if (!word || !fit_sends(fit, param) || lists_allow(lists, count, word))
		return 0;
	where = fit_where(fit);
	add_allowed(&allowed, lists, count);
	return fit_refuse_param(fit, param, "; allowed for %s%s: %s", where,
				reason(lists, count, word),
				allowed.size ? allowed.data : "(none)");
}

/* A rule of the model; NULL if it is unlisted. */
static const struct json *of_model(const struct fit *fit, const char *rule)
{
	return fit->is_listed ? rules_model(&fit->rules, rule) : NULL;
}

static int check_resolution(struct fit *fit)
{
	bool is_draft = fit_is_draft(fit);
	const struct list lists[] = {
		{ of_model(fit, "resolutions"), "" },
		{ rules_service(&fit->rules, "resolutions"), "" },
		{ fit->references_total ? of_model(fit, "resolutions_with_references")
					: NULL,
		  " with references" },
		{ is_draft ? of_model(fit, "draft_resolutions") : NULL,
		  " with \"draft\"" },
	};

	return check_lists(fit, PARAM_RESOLUTION, lists, ARRAY_SIZE(lists));
}

static int check_ratio(struct fit *fit)
{
	const struct list lists[] = {
		{ of_model(fit, "ratios"), "" },
		{ rules_service(&fit->rules, "ratios"), "" },
		{ fit->first_frames ? of_model(fit, "ratios_with_frames") : NULL,
		  " with a first frame" },
	};

	return check_lists(fit, PARAM_RATIO, lists, ARRAY_SIZE(lists));
}

static int check_words(struct fit *fit)
{
	const struct list formats[] = { { of_model(fit, "output_formats"), "" } };
	const struct list types[] = {
		{ of_model(fit, "task_types"), "" },
		{ rules_service(&fit->rules, "task_types"), "" },
	};
	int r = check_lists(fit, PARAM_OUTPUT_FORMAT, formats, ARRAY_SIZE(formats));

	return r ? r
		 : check_lists(fit, PARAM_OMNI_REFERENCE_TASK_TYPE, types,
			       ARRAY_SIZE(types));
}

/* Whether the model may choose the length of the video. */
static bool may_decide(const struct fit *fit)
{
	bool service_may = true;

	json_to_bool(rules_service(&fit->rules, "duration_auto"), &service_may);
	return service_may && fit_can(fit, "duration_auto");
}

static int check_duration(struct fit *fit)
{
	int64_t duration = request_number(fit->request, PARAM_DURATION, 0);
	int64_t least = 1, most = INT64_MAX;
	AUTOFREE char *where = NULL;

	rules_narrow(of_model(fit, "duration"), &least, &most);
	rules_narrow(rules_service(&fit->rules, "duration"), &least, &most);
	if (!fit_sends(fit, PARAM_DURATION) || (duration == -1 && may_decide(fit)) ||
	    (duration >= least && duration <= most))
		return 0;
	where = fit_where(fit);
	if (least > most || most == INT64_MAX)
		return fit_refuse_param(fit, PARAM_DURATION, "; %s does not support it",
					where);
	return fit_refuse_param(fit, PARAM_DURATION,
				"; allowed for %s: %" PRId64 " to %" PRId64 "%s", where,
				least, most,
				may_decide(fit) ? ", or -1 (the model decides)" : "");
}

static int check_range(struct fit *fit, enum request_param param, const char *rule)
{
	int64_t number = request_number(fit->request, param, 0);
	int64_t least = INT64_MIN, most = INT64_MAX;

	rules_narrow(rules_service(&fit->rules, rule), &least, &most);
	if (!fit_sends(fit, param) || (number >= least && number <= most))
		return 0;
	return fit_refuse_param(fit, param, "; allowed at %s: %" PRId64 " to %" PRId64,
				fit->title, least, most);
}

static bool is_flex(const struct fit *fit)
{
	const char *tier = request_word(fit->request, PARAM_SERVICE_TIER);

	return tier && !strcmp(tier, "flex");
}

/* providers/README.md, 6.2; createTask's own sample has both. */
static int check_draft(struct fit *fit)
{
	if (!fit_is_draft(fit))
		return 0;
	if (is_flex(fit) && !fit_can(fit, "draft_flex"))
		return fit_refuse_param(
			fit, PARAM_SERVICE_TIER,
			", and \"draft\" is true; allowed for drafts at %s: \"default\"",
			fit->title);
	return 0;
}

static int check_pairs(struct fit *fit)
{
	if (is_flex(fit) && fit_is_true(fit, PARAM_PRIORITY))
		return fit_refuse_param(fit, PARAM_PRIORITY,
					", and \"service_tier\" is \"flex\"; keep one of "
					"them");
	if (fit_is_true(fit, PARAM_CAMERA_FIXED) && fit->references[CONTENT_IMAGE])
		return fit_refuse_param(
			fit, PARAM_CAMERA_FIXED,
			", and there are reference images; keep one or the other");
	return 0;
}

static int check_edit(struct fit *fit)
{
	const char *type = request_word(fit->request, PARAM_OMNI_REFERENCE_TASK_TYPE);
	const char *ratio = request_word(fit->request, PARAM_RATIO);

	if (!type || strcmp(type, "edit"))
		return 0;
	if (!fit->references[CONTENT_VIDEO])
		return fit_refuse_param(
			fit, PARAM_OMNI_REFERENCE_TASK_TYPE,
			", and there is no reference video to edit; add one");
	if (ratio && strcmp(ratio, "adaptive"))
		return fit_refuse_param(
			fit, PARAM_RATIO,
			"; allowed with the task type \"edit\": \"adaptive\"");
	if (request_number(fit->request, PARAM_DURATION, -1) != -1)
		return fit_refuse_param(fit, PARAM_DURATION,
					"; allowed with the task type \"edit\": -1");
	return 0;
}

static void add_notes(struct fit *fit)
{
	const char *flex = json_string(rules_service(&fit->rules, "flex_note"));
	AUTOFREE char *where = fit_where(fit);

	if (is_flex(fit) && flex)
		request_add_note(fit->request, "%s", flex);
	if (!fit->is_listed)
		return;
	if (request_number(fit->request, PARAM_SEED, -1) != -1 && !fit_can(fit, "seed"))
		request_add_note(fit->request,
				 "\"seed\" may have no effect: %s does not document it",
				 where);
	if (rules_model_number(&fit->rules, "duration_default", 0) == -1 &&
	    !fit_is_said(fit, PARAM_DURATION) && !fit->drafts)
		request_add_note(fit->request,
				 "\"duration\" is not set: %s chooses the length of the "
				 "video, and so its price",
				 where);
}

static int run_checks(struct fit *fit, int (*const checks[])(struct fit *fit),
		      size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = checks[i](fit);
	return r;
}

int fit_check_ranges(struct fit *fit)
{
	static int (*const checks[])(struct fit * fit) = {
		check_duration,
		check_resolution,
		check_ratio,
		check_words,
	};
	int r = check_range(fit, PARAM_SEED, "seed_range");

	if (!r)
		r = check_range(fit, PARAM_EXECUTION_EXPIRES_AFTER, "expires_range");
	return r ? r : run_checks(fit, checks, ARRAY_SIZE(checks));
}

int fit_check_values(struct fit *fit)
{
	static int (*const checks[])(struct fit * fit) = {
		check_draft,
		check_pairs,
		check_edit,
	};
	int r = fit_check_ranges(fit);

	if (!r)
		r = run_checks(fit, checks, ARRAY_SIZE(checks));
	if (!r)
		add_notes(fit);
	return r;
}
