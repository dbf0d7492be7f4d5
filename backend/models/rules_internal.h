/*
 * The rules of models.json as they are looked up: one model at one service.
 *
 * A rule of the model may be said again for a service, and then holds instead; what a
 * service says of itself holds beside it. A rule that nobody says restricts nothing.
 * BytePlus is Ark's wire at another address: it takes over Ark's rules, not its names.
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

/* Where a rule stands: one more JSON object each, the most special first. */
struct rules {
	const struct json *place, *place_base; /* the model at the service */
	const struct json *model;	       /* NULL: nobody lists it */
	const struct json *service, *service_base;
};

/*
 * Checks a whole file by its schema; and, as often as models were put together, that
 * names belong to one model and that each service's default model is there. 0, -EINVAL
 * or -ENOMEM with *ret_error set.
 */
int models_check_file(const char *name, const struct json *file, char **ret_error);
int models_check_names(const char *name, const struct models *models, char **ret_error);

/* The model (an object; its key is the neutral name)
 * that any name stands for, or NULL. */
const struct json *models_find(const struct models *models, const char *name);
/* The model's name at a service, or NULL. */
const char *models_name_at(const struct json *model, const char *service);
/*
 * The neutral name, or the name at a service, that is nearest to one that nobody lists;
 * or NULL.
 */
const char *models_nearest(const struct models *models, const char *name,
			   const char *service);

struct rules rules_of(const struct models *models, const struct json *model,
		      const char *service);

/* One rule: of the model (at the service, else everywhere), and of the service. */
const struct json *rules_model(const struct rules *rules, const char *key);
const struct json *rules_service(const struct rules *rules, const char *key);

bool rules_model_is(const struct rules *rules, const char *key);   /* false if unsaid */
bool rules_service_is(const struct rules *rules, const char *key); /* false if unsaid */
int64_t rules_model_number(const struct rules *rules, const char *key, int64_t otherwise);

/* Whether a list of words is unsaid or holds the word. */
bool rules_list_allows(const struct json *list, const char *word);
/* Whether a list of words is said and holds the word. */
bool rules_list_has(const struct json *list, const char *word);
/* Narrows a range by a rule [least, most], when it is said. */
void rules_narrow(const struct json *range, int64_t *least, int64_t *most);

#endif
