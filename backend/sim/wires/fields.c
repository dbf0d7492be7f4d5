#include "backend/sim/wires/fields.h"

#include <string.h>

bool fields_bool(const struct fields *fields, const char *name, bool *value)
{
	const struct json *json = json_get_nonnull(fields->body, name);

	if (!json)
		return true;
	if (!json_is_bool(json))
		return refuse_invalid(fields->refusal, name, "expected a boolean");
	*value = json_is_true(json);
	return true;
}

bool fields_integer(const struct fields *fields, const char *name, int64_t least,
		    int64_t most, int64_t *value)
{
	const struct json *json = json_get_nonnull(fields->body, name);
	int64_t number;

	if (!json)
		return true;
	if (!json_to_int64(json, &number))
		return refuse_invalid(fields->refusal, name, "expected an integer");
	if (number < least || number > most)
		return refuse_invalid(fields->refusal, name,
				      "must be between %lld and %lld", (long long)least,
				      (long long)most);
	*value = number;
	return true;
}

bool fields_text(const struct fields *fields, const char *name, const char **value)
{
	const struct json *json = json_get_nonnull(fields->body, name);

	if (!json)
		return true;
	if (!json_string(json))
		return refuse_invalid(fields->refusal, name, "expected a string");
	*value = json_string(json);
	return true;
}

int fields_find_word(const char *const *words, const char *word, int otherwise)
{
	for (int i = 0; word && words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return otherwise;
}

bool fields_word(const struct fields *fields, const char *name, const char *const *words,
		 int *value)
{
	const char *text = NULL;
	int index;

	if (!fields_text(fields, name, &text))
		return false;
	if (!text)
		return true;
	index = fields_find_word(words, text, -1);
	if (index < 0)
		return refuse_invalid(fields->refusal, name, "unknown value");
	*value = index;
	return true;
}

bool fields_url(const struct fields *fields, const char *name, const char **value)
{
	const char *text = NULL;

	if (!fields_text(fields, name, &text))
		return false;
	if (!text)
		return true;
	if (strncmp(text, "http://", 7) && strncmp(text, "https://", 8))
		return refuse_invalid(fields->refusal, name, "expected an http(s) URL");
	*value = text;
	return true;
}
