#include "backend/models/rules_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <string.h>
#include <strings.h>

#define NAMES_MAX 256

static bool list_has_name(const struct json *list, const char *name)
{
	for (const struct json *item = json_first(list); item; item = json_next(item))
		if (!strcasecmp(json_string(item), name))
			return true;
	return false;
}

static bool is_called(const struct json *model, const char *name)
{
	const struct json *places = json_get(model, "services");

	if (!strcasecmp(json_key(model), name) ||
	    list_has_name(json_get(model, "also"), name))
		return true;
	for (const struct json *place = json_first(places); place;
	     place = json_next(place))
		if (!strcasecmp(json_get_string(place, "name"), name) ||
		    list_has_name(json_get(place, "also"), name))
			return true;
	return false;
}

const struct json *models_find(const struct models *models, const char *name)
{
	for (const struct json *model = json_first(models->models); model;
	     model = json_next(model))
		if (is_called(model, name))
			return model;
	return NULL;
}

const char *models_name_at(const struct json *model, const char *service)
{
	return json_get_string(json_get(json_get(model, "services"), service), "name");
}

const char *models_nearest(const struct models *models, const char *name,
			   const char *service)
{
	const char *names[NAMES_MAX + 2] = { NULL };
	size_t count = 0;

	for (const struct json *model = json_first(models->models);
	     model && count < NAMES_MAX; model = json_next(model)) {
		const char *name_there = models_name_at(model, service);

		if (!name_there)
			continue;
		names[count++] = name_there;
		names[count++] = json_key(model);
	}
	return text_nearest(name, names);
}

/* The service whose rules this one inherits, or NULL. */
static const char *base_of(const char *service)
{
	return strcmp(service, "byteplus") ? NULL : "ark";
}

static const struct json *get_or_null(const struct json *object, const char *key)
{
	return key ? json_get(object, key) : NULL;
}

struct rules rules_of(const struct models *models, const struct json *model,
		      const char *service)
{
	const struct json *places = json_get(model, "services");
	const char *base = base_of(service);

	return (struct rules){
		.place = json_get(places, service),
		.place_base = get_or_null(places, base),
		.model = model,
		.service = json_get(models->services, service),
		.service_base = get_or_null(models->services, base),
	};
}

const struct json *rules_model(const struct rules *rules, const char *key)
{
	const struct json *rule = json_get(rules->place, key);

	if (!rule)
		rule = json_get(rules->place_base, key);
	return rule ? rule : json_get(rules->model, key);
}

const struct json *rules_service(const struct rules *rules, const char *key)
{
	const struct json *rule = json_get(rules->service, key);

	return rule ? rule : json_get(rules->service_base, key);
}

static bool is_true(const struct json *rule)
{
	bool value = false;

	return json_to_bool(rule, &value) && value;
}

bool rules_model_is(const struct rules *rules, const char *key)
{
	return is_true(rules_model(rules, key));
}

bool rules_service_is(const struct rules *rules, const char *key)
{
	return is_true(rules_service(rules, key));
}

int64_t rules_model_number(const struct rules *rules, const char *key, int64_t otherwise)
{
	int64_t number = otherwise;

	json_to_int64(rules_model(rules, key), &number);
	return number;
}

bool rules_list_has(const struct json *list, const char *word)
{
	for (const struct json *item = json_first(list); item; item = json_next(item))
		if (!strcmp(json_string(item), word))
			return true;
	return false;
}

bool rules_list_allows(const struct json *list, const char *word)
{
	return !list || rules_list_has(list, word);
}

void rules_narrow(const struct json *range, int64_t *least, int64_t *most)
{
	const struct json *first = json_first(range);
	int64_t number;

	if (json_to_int64(first, &number) && number > *least)
		*least = number;
	if (first && json_to_int64(json_next(first), &number) && number < *most)
		*most = number;
}
