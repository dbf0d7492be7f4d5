#include "backend/sim/control/control_reader.h"

#include <string.h>

bool control_reader_is_good(const struct control_reader *reader)
{
	return reader->complaint->size == 0;
}

void control_complain(const struct control_reader *reader, const char *format, ...)
{
	va_list arguments;

	if (!control_reader_is_good(reader))
		return;
	va_start(arguments, format);
	buffer_vaddf(reader->complaint, format, arguments);
	va_end(arguments);
}

void control_reader_open(struct control_reader *reader, const char *name,
			 const struct json *object, const char *const *known,
			 struct buffer *complaint)
{
	const char *unknown;

	*reader = (struct control_reader){ object, complaint };
	if (!json_is_object(object)) {
		control_complain(reader, "%s: not a JSON object", name);
		return;
	}
	unknown = json_unknown_key(object, known);
	if (unknown)
		control_complain(reader, "%s: unknown key: %.100s", name, unknown);
}

static const struct json *member(const struct control_reader *reader, const char *key)
{
	return control_reader_is_good(reader) ? json_get_nonnull(reader->object, key)
					      : NULL;
}

bool control_read_text(const struct control_reader *reader, const char *key,
		       const char **ret)
{
	const struct json *value = member(reader, key);

	if (!value)
		return false;
	if (!json_string(value)) {
		control_complain(reader, "%s: not a string", key);
		return false;
	}
	*ret = json_string(value);
	return true;
}

bool control_read_integer(const struct control_reader *reader, const char *key,
			  int64_t least, int64_t *ret)
{
	const struct json *value = member(reader, key);
	int64_t number;

	if (!value)
		return false;
	if (!json_to_int64(value, &number) || number < least) {
		control_complain(reader, "%s: not a whole number of at least %lld", key,
				 (long long)least);
		return false;
	}
	*ret = number;
	return true;
}

bool control_read_bool(const struct control_reader *reader, const char *key, bool *ret)
{
	const struct json *value = member(reader, key);

	if (!value)
		return false;
	if (!json_is_bool(value)) {
		control_complain(reader, "%s: not true or false", key);
		return false;
	}
	*ret = json_is_true(value);
	return true;
}

bool control_read_object(const struct control_reader *reader, const char *key,
			 const struct json **ret)
{
	const struct json *value = member(reader, key);

	if (!value)
		return false;
	if (!json_is_object(value)) {
		control_complain(reader, "%s: not an object", key);
		return false;
	}
	*ret = value;
	return true;
}

bool control_read_word(const struct control_reader *reader, const char *key,
		       const char *const *words, int *ret)
{
	const char *text = NULL;

	if (!control_read_text(reader, key, &text))
		return false;
	for (int i = 0; words[i]; i++) {
		if (!strcmp(text, words[i])) {
			*ret = i;
			return true;
		}
	}
	control_complain(reader, "%s: unknown value: %.100s", key, text);
	return false;
}
