/*
 * Looks up the rules of models.json for one model at one service.
 *
 * A rule of the model for a service overrides the model's general rule; a rule of the
 * service itself applies in addition. A missing rule restricts nothing. BytePlus speaks
 * Ark's protocol at another address: it inherits Ark's rules, but not its names.
 *
 * Values are borrowed from the models and were checked when they were read. Pure. For
 * models*.c and fit*.c.
 */
#ifndef SEEDANCEFS_BACKEND_MODELS_RULES_INTERNAL_H
#define SEEDANCEFS_BACKEND_MODELS_RULES_INTERNAL_H

#include "backend/base/json.h"
#include "backend/models/models.h"

struct models {
	struct json *services;
	struct json *models;
};

/* The places of a rule: JSON objects, the most specific first. */
struct rules {
	const struct json *place, *place_base; /* the model at the service */
	const struct json *model;	       /* NULL: unlisted */
	const struct json *service, *service_base;
};

/*
 * Checks a complete file by its schema and, after each merge, that every name belongs to
 * one model and that each service's default model exists. 0, -EINVAL or -ENOMEM with
 * *ret_error set.
 */
int models_check_file(const char *name, const struct json *file, char **ret_error);
int models_check_names(const char *name, const struct models *models, char **ret_error);

/* The model (an object; its key is the neutral name) with this name, or NULL. */
const struct json *models_find(const struct models *models, const char *name);
/* The model's name at a service, or NULL. */
const char *models_name_at(const struct json *model, const char *service);
/*
 * The neutral name, or the name at a service, that is nearest to an unlisted one; or
 * NULL.
 */
const char *models_nearest(const struct models *models, const char *name,
			   const char *service);

struct rules rules_of(const struct models *models, const struct json *model,
		      const char *service);

/* One rule: of the model (at the service, else general), and of the service. */
const struct json *rules_model(const struct rules *rules, const char *key);
const struct json *rules_service(const struct rules *rules, const char *key);

bool rules_model_is(const struct rules *rules, const char *key);   /* false if missing */
bool rules_service_is(const struct rules *rules, const char *key); /* false if missing */
int64_t rules_model_number(const struct rules *rules, const char *key, int64_t otherwise);

/* Whether an array of words is missing or contains the word. */
bool rules_list_allows(const struct json *list, const char *word);
/* Whether an array of words exists and contains the word. */
bool rules_list_has(const struct json *list, const char *word);
/* Narrows a range by a rule [least, most], if there is one. */
void rules_narrow(const struct json *range, int64_t *least, int64_t *most);

#endif
