/*
 * Checks the values of a request by themselves: whether any model supports them, whatever
 * the folder, the defaults and the inputs add.
 */
#include "backend/models/fit_internal.h"

#include <errno.h>

static int judge_as(struct fit *fit, const struct json *model)
{
	fit->is_listed = true;
	fit->model = models_name_at(model, fit->service);
	fit->rules = rules_of(fit->models, model, fit->service);
	return fit_check_ranges(fit);
}

/* Whether any model of the service supports the values. */
static bool can_any(struct fit *fit)
{
	for (const struct json *model = json_first(fit->models->models); model;
	     model = json_next(model)) {
		bool can = models_name_at(model, fit->service) && !judge_as(fit, model);

		problem_clear(fit->problem);
		if (can)
			return true;
	}
	return false;
}

/* A request that completes a draft takes most values from the draft. */
static bool is_of_draft(const struct request *request)
{
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].type == CONTENT_DRAFT_TASK)
			return true;
	return false;
}

int fit_judge(const struct models *models, const struct provider *provider,
	      const struct endpoint *endpoint, struct request *request,
	      struct problem *problem)
{
	struct fit fit = { .models = models,
			   .provider = provider,
			   .endpoint = endpoint,
			   .request = request,
			   .problem = problem };
	const struct json *model;
	const char *name;

	fit_find_service(&fit);
	name = fit_asked_model(&fit);
	model = name ? models_find(models, name) : NULL;
	if (!model) /* an unlisted model supports anything */
		return 0;
	if (is_of_draft(request) || (!request->model && can_any(&fit)))
		return 0;
	if (!models_name_at(model, fit.service))
		return fit_refuse_absent(&fit, model, name);
	return judge_as(&fit, model);
}
