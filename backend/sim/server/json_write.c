#include "backend/sim/server/json.h"

#include "backend/sim/server/json_check.h"

#include <inttypes.h>
#include <string.h>

static bool needs_comma(const struct buffer *out)
{
	char last = out->size ? out->data[out->size - 1] : '{';

	return last != '{' && last != '[' && last != ':';
}

static void put_character(struct buffer *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		buffer_addf(out, "\\%c", c);
	else if (c == '\n')
		buffer_add(out, "\\n");
	else if (c < 0x20 || c == 0x7f)
		buffer_addf(out, "\\u%04x", c);
	else
		buffer_append(out, &c, 1);
}

/* What is not UTF-8 (a path from outside may not be) is replaced,
 * so that JSON stays JSON. */
static void put_string(struct buffer *out, const char *text)
{
	buffer_add(out, "\"");
	while (*text) {
		size_t length = json_check_sequence(text);

		if (length > 1)
			buffer_append(out, text, length);
		else if (length == 1)
			put_character(out, (unsigned char)*text);
		else
			buffer_add(out, "\xef\xbf\xbd");
		text += length ? length : 1;
	}
	buffer_add(out, "\"");
}

static void put_key(struct buffer *out, const char *key)
{
	if (needs_comma(out))
		buffer_add(out, ",");
	if (!key)
		return;
	put_string(out, key);
	buffer_add(out, ":");
}

void json_open(struct buffer *out, const char *key, char bracket)
{
	put_key(out, key);
	buffer_append(out, &bracket, 1);
}

void json_close(struct buffer *out, char bracket)
{
	buffer_append(out, &bracket, 1);
}

void json_put_text(struct buffer *out, const char *key, const char *text)
{
	put_key(out, key);
	put_string(out, text);
}

void json_put_text_if(struct buffer *out, const char *key, const char *text)
{
	if (text)
		json_put_text(out, key, text);
}

void json_put_integer(struct buffer *out, const char *key, int64_t number)
{
	put_key(out, key);
	buffer_addf(out, "%" PRId64, number);
}

void json_put_bool(struct buffer *out, const char *key, bool value)
{
	json_put_raw(out, key, value ? "true" : "false");
}

void json_put_null(struct buffer *out, const char *key)
{
	json_put_raw(out, key, "null");
}

void json_put_raw(struct buffer *out, const char *key, const char *raw)
{
	put_key(out, key);
	buffer_add(out, raw);
}
