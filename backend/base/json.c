#include "backend/base/json.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_internal.h"
#include "backend/base/text.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static cJSON *inner(struct json *json)
{
	return (cJSON *)json;
}

static const cJSON *view(const struct json *json)
{
	return (const cJSON *)json;
}

static struct json *outer(cJSON *item)
{
	return (struct json *)item;
}

static void locate(const char *text, size_t offset, struct json_error *error)
{
	error->line = 1;
	error->column = 1;
	for (size_t i = 0; i < offset; i++) {
		error->column++;
		if (text[i] == '\n') {
			error->line++;
			error->column = 1;
		}
	}
}

/* A duplicate key in any object of the tree, or NULL. */
static const cJSON *find_duplicate_key(const cJSON *item)
{
	for (const cJSON *child = item->child; child; child = child->next) {
		const cJSON *deeper = find_duplicate_key(child);

		if (deeper)
			return deeper;
		if (!cJSON_IsObject(item))
			continue;
		if (cJSON_GetObjectItemCaseSensitive(item, child->string) != child)
			return child;
	}
	return NULL;
}

/*
 * cJSON keeps numbers as doubles and prints 15 digits. Longer whole numbers are ids: they
 * keep their text as a raw value, which this file treats as a number.
 */
#define EXACT_DIGITS 15

static bool is_number(const struct json *json)
{
	return cJSON_IsNumber(view(json)) || cJSON_IsRaw(view(json));
}

struct numbers {
	const char *at, *end; /* of a checked text */
};

static const char *skip_string(const char *at)
{
	for (at++; *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at + 1;
}

/* The next number in the text. The tree has the same numbers in the same order. */
static const char *next_number(struct numbers *numbers, size_t *ret_length)
{
	const char *at = numbers->at, *start;

	while (at < numbers->end && *at != '-' && !isdigit((unsigned char)*at))
		at = *at == '"' ? skip_string(at) : at + 1;
	start = at;
	while (at < numbers->end && (isdigit((unsigned char)*at) || strchr("+-.eE", *at)))
		at++;
	numbers->at = at;
	*ret_length = (size_t)(at - start);
	return start;
}

static bool is_long_and_whole(const char *number, size_t length)
{
	size_t sign = length && *number == '-';

	for (size_t i = sign; i < length; i++)
		if (!isdigit((unsigned char)number[i]))
			return false;
	return length - sign > EXACT_DIGITS;
}

static int keep_number(cJSON *item, struct numbers *numbers)
{
	size_t length;
	const char *number = next_number(numbers, &length);

	if (!is_long_and_whole(number, length))
		return 0;
	item->valuestring = strndup(number, length);
	if (!item->valuestring)
		return -ENOMEM;
	item->type = cJSON_Raw;
	return 0;
}

static int keep_long_numbers(cJSON *item, struct numbers *numbers)
{
	int r = cJSON_IsNumber(item) ? keep_number(item, numbers) : 0;

	for (cJSON *child = item->child; child && !r; child = child->next)
		r = keep_long_numbers(child, numbers);
	return r;
}

int json_parse(const char *text, size_t size, struct json **ret_json,
	       struct json_error *ret_error)
{
	struct json_error ignored, *error = ret_error ? ret_error : &ignored;
	struct numbers numbers = { text, text + size };
	size_t offset = 0;
	cJSON *tree;

	if (json_check(text, size, &offset, &error->why)) {
		locate(text, offset, error);
		return -EINVAL;
	}
	tree = cJSON_ParseWithLength(text, size);
	if (!tree)
		return -ENOMEM;
	if (find_duplicate_key(tree)) {
		cJSON_Delete(tree);
		*error = (struct json_error){ "duplicate key in an object", 1, 1 };
		return -EINVAL;
	}
	if (keep_long_numbers(tree, &numbers)) {
		cJSON_Delete(tree);
		return -ENOMEM;
	}
	*ret_json = outer(tree);
	return 0;
}

struct json *json_parse_text(const char *text)
{
	struct json *json = NULL;

	return text && !json_parse(text, strlen(text), &json, NULL) ? json : NULL;
}

void json_free(struct json *json)
{
	cJSON_Delete(inner(json));
}

const struct json *json_get(const struct json *object, const char *key)
{
	if (!json_is_object(object))
		return NULL;
	return outer(cJSON_GetObjectItemCaseSensitive(view(object), key));
}

const struct json *json_get_nonnull(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return json_is_null(value) ? NULL : value;
}

const struct json *json_first(const struct json *container)
{
	return container ? outer(view(container)->child) : NULL;
}

const struct json *json_next(const struct json *item)
{
	return item ? outer(view(item)->next) : NULL;
}

const char *json_key(const struct json *item)
{
	return item ? view(item)->string : NULL;
}

const char *json_string(const struct json *json)
{
	return cJSON_GetStringValue(view(json));
}

char *json_take_string(struct json *json)
{
	cJSON *item = inner(json);
	char *text = cJSON_GetStringValue(item);

	if (!text)
		return NULL;
	item->valuestring = NULL;
	item->type = cJSON_NULL;
	return text;
}

const char *json_get_string(const struct json *object, const char *key)
{
	return json_string(json_get(object, key));
}

bool json_is_object(const struct json *json)
{
	return cJSON_IsObject(view(json));
}

bool json_is_array(const struct json *json)
{
	return cJSON_IsArray(view(json));
}

bool json_is_null(const struct json *json)
{
	return !json || cJSON_IsNull(view(json));
}

bool json_is_bool(const struct json *json)
{
	return cJSON_IsBool(view(json));
}

bool json_is_true(const struct json *json)
{
	return cJSON_IsTrue(view(json));
}

bool json_to_bool(const struct json *json, bool *ret_value)
{
	if (!json_is_bool(json))
		return false;
	*ret_value = json_is_true(json);
	return true;
}

bool json_to_number(const struct json *json, double *ret_value)
{
	if (!is_number(json))
		return false;
	*ret_value = view(json)->valuedouble;
	return true;
}

bool json_to_int64(const struct json *json, int64_t *ret_value)
{
	double value;

	if (!json_to_number(json, &value) || value != floor(value) || fabs(value) > 9e15)
		return false;
	*ret_value = (int64_t)value;
	return true;
}

int64_t json_get_int64(const struct json *object, const char *key, int64_t otherwise)
{
	int64_t value = otherwise;

	json_to_int64(json_get(object, key), &value);
	return value;
}

static bool is_listed(const char *key, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(key, *list))
			return true;
	return false;
}

const char *json_unknown_key(const struct json *object, const char *const *known)
{
	for (const struct json *item = json_first(object); item; item = json_next(item))
		if (!is_listed(json_key(item), known))
			return json_key(item);
	return NULL;
}

const char *json_type(const struct json *json)
{
	if (json_is_null(json))
		return json ? "null" : "nothing";
	if (cJSON_IsString(view(json)))
		return "a string";
	if (is_number(json))
		return "a number";
	if (json_is_bool(json))
		return json_is_true(json) ? "true" : "false";
	return cJSON_IsArray(view(json)) ? "an array" : "an object";
}

struct json *json_new_object(void)
{
	return outer(cJSON_CreateObject());
}

struct json *json_new_array(void)
{
	return outer(cJSON_CreateArray());
}

struct json *json_copy(const struct json *json)
{
	return json ? outer(cJSON_Duplicate(view(json), true)) : NULL;
}

int json_put(struct json *object, const char *key, struct json *value)
{
	if (value && object && cJSON_AddItemToObject(inner(object), key, inner(value)))
		return 0;
	json_free(value);
	return -ENOMEM;
}

int json_push(struct json *array, struct json *value)
{
	if (value && array && cJSON_AddItemToArray(inner(array), inner(value)))
		return 0;
	json_free(value);
	return -ENOMEM;
}

int json_put_string(struct json *object, const char *key, const char *text)
{
	return text ? json_put(object, key, outer(cJSON_CreateString(text))) : 0;
}

int json_put_int64(struct json *object, const char *key, int64_t value)
{
	AUTOFREE char *text = text_format("%" PRId64, value);
	cJSON *item;

	if (!text)
		return -ENOMEM;
	if (!is_long_and_whole(text, strlen(text)))
		return json_put(object, key, outer(cJSON_CreateNumber((double)value)));
	item = cJSON_CreateRaw(text);
	if (item)
		item->valuedouble = (double)value;
	return json_put(object, key, outer(item));
}

int json_put_bool(struct json *object, const char *key, bool value)
{
	return json_put(object, key, outer(cJSON_CreateBool(value)));
}

char *json_print(const struct json *json)
{
	return cJSON_PrintUnformatted(view(json));
}

char *json_print_pretty(const struct json *json)
{
	return cJSON_Print(view(json));
}
