/* Determines the model and this service's name for it. */
#include "backend/models/fit_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

#define LIST_MAX_BYTES 4096

const char *fit_asked_model(const struct fit *fit)
{
	if (fit->request->model)
		return fit->request->model;
	if (fit->endpoint->model)
		return fit->endpoint->model;
	return json_get_string(json_get(fit->models->services, fit->service), "model");
}

static int set_model(struct fit *fit, const char *name)
{
	char *copy;

	if (fit->request->model && !strcmp(fit->request->model, name))
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(fit->request->model);
	fit->request->model = copy;
	return 0;
}

int fit_refuse_absent(struct fit *fit, const struct json *model, const char *name)
{
	AUTOBUFFER names = BUFFER_INIT(LIST_MAX_BYTES);
	bool is_neutral = !strcmp(json_key(model), name);

	fit_add_names(fit, &names);
	return fit_refuse(fit,
			  "\"model\"%s is \"%.200s\"%s%s%s, which is not available at "
			  "%s; allowed: %s",
			  fit->request->model ? "" : " (from the configuration)", name,
			  is_neutral ? "" : " (", is_neutral ? "" : json_key(model),
			  is_neutral ? "" : ")", fit->title,
			  names.size ? names.data : "(none)");
}

static int pass_unlisted(struct fit *fit, const char *name)
{
	const char *near = models_nearest(fit->models, name, fit->service);

	fit->rules = rules_of(fit->models, NULL, fit->service);
	request_add_note(fit->request,
			 "the model %.200s is not in models.json: only the rules that "
			 "apply to all models at %s were checked%s%s%s",
			 name, fit->title, near ? "; did you mean \"" : "",
			 near ? near : "", near ? "\"?" : "");
	return set_model(fit, name);
}

int fit_model(struct fit *fit)
{
	const char *name = fit_asked_model(fit);
	const struct json *model;
	const char *name_there;

	if (!name)
		return fit_refuse(fit,
				  "\"model\" is missing, and models.json has no default "
				  "model for %s",
				  fit->title);
	model = models_find(fit->models, name);
	if (!model)
		return pass_unlisted(fit, name);
	name_there = models_name_at(model, fit->service);
	if (!name_there)
		return fit_refuse_absent(fit, model, name);
	fit->is_listed = true;
	fit->model = name_there;
	fit->rules = rules_of(fit->models, model, fit->service);
	return set_model(fit, name_there);
}
