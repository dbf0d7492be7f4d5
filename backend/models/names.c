/* Checks the merged models: each name must belong to one model. */
#include "backend/models/rules_internal.h"

#include "backend/base/text.h"

#include <errno.h>

struct checker {
	const char *name;
	char **ret_error;
};

/* A name that two models share would turn one into the other. */
static int check_one_name(const struct checker *checker, const struct models *models,
			  const struct json *model, const char *name)
{
	const struct json *found = models_find(models, name);

	if (found == model)
		return 0;
	return text_fail(checker->ret_error, -EINVAL,
			 "%s: models.%s: the name \"%s\" is already used by %s",
			 checker->name, json_key(model), name, json_key(found));
}

static int check_further_names(const struct checker *checker, const struct models *models,
			       const struct json *model, const struct json *list)
{
	int r = 0;

	for (const struct json *item = json_first(list); item && !r;
	     item = json_next(item))
		r = check_one_name(checker, models, model, json_string(item));
	return r;
}

static int check_names_of(const struct checker *checker, const struct models *models,
			  const struct json *model)
{
	const struct json *places = json_get(model, "services");
	int r = check_one_name(checker, models, model, json_key(model));

	if (!r)
		r = check_further_names(checker, models, model, json_get(model, "also"));
	for (const struct json *place = json_first(places); place && !r;
	     place = json_next(place)) {
		r = check_one_name(checker, models, model,
				   json_get_string(place, "name"));
		if (!r)
			r = check_further_names(checker, models, model,
						json_get(place, "also"));
	}
	return r;
}

static int check_default(const struct checker *checker, const struct models *models,
			 const struct json *service)
{
	const char *name = json_get_string(service, "model");
	const struct json *model = models_find(models, name);

	if (model && models_name_at(model, json_key(service)))
		return 0;
	return text_fail(checker->ret_error, -EINVAL,
			 "%s: services.%s.model is \"%s\", but \"models\" has %s",
			 checker->name, json_key(service), name,
			 model ? "no entry for that model at this service"
			       : "no model of that name");
}

int models_check_names(const char *name, const struct models *models, char **ret_error)
{
	const struct checker checker = { name, ret_error };
	int r = 0;

	for (const struct json *model = json_first(models->models); model && !r;
	     model = json_next(model))
		r = check_names_of(&checker, models, model);
	for (const struct json *service = json_first(models->services); service && !r;
	     service = json_next(service))
		r = check_default(&checker, models, service);
	return r;
}
