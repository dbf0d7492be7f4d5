#include "backend/sim/server/json.h"

#include "backend/sim/server/json_check.h"

#include <cjson/cJSON.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_WHOLE \
	9007199254740992.0 /* 2^53: beyond it a double skips whole numbers */
#define SHORT_DATA_URL 64  /* data URLs up to this length are kept as they are */

static const cJSON *tree(const struct json *value)
{
	return (const cJSON *)(const void *)value;
}

static const struct json *wrap(const cJSON *value)
{
	return (const struct json *)(const void *)value;
}

struct json *json_parse(const char *text, size_t size)
{
	if (!json_check(text, size))
		return NULL;
	return (struct json *)(void *)cJSON_ParseWithLength(text, size);
}

void json_destroy(struct json *value)
{
	cJSON_Delete((cJSON *)(void *)value);
}

void json_cleanup(struct json **value)
{
	json_destroy(*value);
}

bool json_is_object(const struct json *value)
{
	return cJSON_IsObject(tree(value));
}

bool json_is_array(const struct json *value)
{
	return cJSON_IsArray(tree(value));
}

bool json_is_bool(const struct json *value)
{
	return cJSON_IsBool(tree(value));
}

bool json_is_true(const struct json *value)
{
	return cJSON_IsTrue(tree(value));
}

const struct json *json_get(const struct json *object, const char *key)
{
	const cJSON *member;

	if (!json_is_object(object))
		return NULL;
	member = cJSON_GetObjectItemCaseSensitive(tree(object), key);
	return member && !cJSON_IsNull(member) ? wrap(member) : NULL;
}

const struct json *json_first(const struct json *container)
{
	return container ? wrap(tree(container)->child) : NULL;
}

const struct json *json_next(const struct json *value)
{
	return value ? wrap(tree(value)->next) : NULL;
}

const char *json_key(const struct json *value)
{
	return value ? tree(value)->string : NULL;
}

size_t json_count(const struct json *container)
{
	size_t count = 0;

	for (const struct json *item = json_first(container); item;
	     item = json_next(item))
		count++;
	return count;
}

const char *json_text(const struct json *value)
{
	return cJSON_IsString(tree(value)) ? tree(value)->valuestring : NULL;
}

const char *json_get_text(const struct json *object, const char *key)
{
	return json_text(json_get(object, key));
}

bool json_integer(const struct json *value, int64_t *ret)
{
	double number;

	if (!cJSON_IsNumber(tree(value)))
		return false;
	number = tree(value)->valuedouble;
	if (!(number >= -LARGEST_WHOLE && number <= LARGEST_WHOLE) ||
	    number != floor(number))
		return false;
	*ret = (int64_t)number;
	return true;
}

int64_t json_get_integer(const struct json *object, const char *key, int64_t otherwise)
{
	int64_t number = otherwise;

	json_integer(json_get(object, key), &number);
	return number;
}

bool json_get_true(const struct json *object, const char *key)
{
	return json_is_true(json_get(object, key));
}

static bool is_listed(const char *key, const char *const *known)
{
	for (; *known; known++)
		if (!strcmp(key, *known))
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

static void put_short_text(struct buffer *out, const char *key, const char *text)
{
	AUTOBUFFER shorter = BUFFER_INIT(256);
	size_t length = strlen(text);
	const char *comma = strchr(text, ',');

	if (strncmp(text, "data:", 5) || length <= SHORT_DATA_URL) {
		json_put_text(out, key, text);
		return;
	}
	if (!comma || comma - text > SHORT_DATA_URL)
		comma = text + 4;
	buffer_append(&shorter, text, (size_t)(comma - text) + 1);
	buffer_addf(&shorter, "...(%zu bytes)", length);
	json_put_text(out, key, shorter.data ? shorter.data : "data:");
}

static void put_number(struct buffer *out, const char *key, const struct json *value)
{
	AUTOBUFFER text = BUFFER_INIT(64);
	int64_t whole;

	if (json_integer(value, &whole)) {
		json_put_integer(out, key, whole);
		return;
	}
	buffer_addf(&text, "%.17g", tree(value)->valuedouble);
	json_put_raw(out, key,
		     text.data && isfinite(tree(value)->valuedouble) ? text.data : "0");
}

static void put_container(struct buffer *out, const char *key, const struct json *value,
			  bool shorten)
{
	bool object = json_is_object(value);

	json_open(out, key, object ? '{' : '[');
	for (const struct json *item = json_first(value); item; item = json_next(item))
		json_put_value(out, object ? json_key(item) : NULL, item, shorten);
	json_close(out, object ? '}' : ']');
}

void json_put_value(struct buffer *out, const char *key, const struct json *value,
		    bool shorten)
{
	const char *text = json_text(value);

	if (json_is_object(value) || json_is_array(value))
		put_container(out, key, value, shorten);
	else if (text && shorten)
		put_short_text(out, key, text);
	else if (text)
		json_put_text(out, key, text);
	else if (json_is_bool(value))
		json_put_bool(out, key, json_is_true(value));
	else if (cJSON_IsNumber(tree(value)))
		put_number(out, key, value);
	else
		json_put_null(out, key);
}
