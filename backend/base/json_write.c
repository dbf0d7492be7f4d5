#include "backend/base/json_write.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static bool needs_comma(const struct buffer *out)
{
	char last = out->size ? out->data[out->size - 1] : '{';

	return last != '{' && last != '[' && last != ':';
}

static void write_character(struct buffer *out, unsigned char c)
{
	static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = strchr(escaped, c);

	if (at)
		buffer_addf(out, "\\%c", letters[at - escaped]);
	else if (c < 0x20 || c == 0x7f)
		buffer_addf(out, "\\u%04x", c);
	else
		buffer_append(out, &c, 1);
}

static void write_quoted(struct buffer *out, const char *text)
{
	buffer_add(out, "\"");
	while (*text) {
		size_t length = text_utf8_length(text);

		if (length > 1)
			buffer_append(out, text, length);
		else if (length == 1)
			write_character(out, (unsigned char)*text);
		else
			buffer_add(out, "\xef\xbf\xbd");
		text += length ? length : 1;
	}
	buffer_add(out, "\"");
}

static void write_key(struct buffer *out, const char *key)
{
	if (needs_comma(out))
		buffer_add(out, ",");
	if (!key)
		return;
	write_quoted(out, key);
	buffer_add(out, ":");
}

void json_write_open(struct buffer *out, const char *key, char bracket)
{
	write_key(out, key);
	buffer_append(out, &bracket, 1);
}

void json_write_close(struct buffer *out, char bracket)
{
	buffer_append(out, &bracket, 1);
}

void json_write_string(struct buffer *out, const char *key, const char *text)
{
	if (!text)
		return;
	write_key(out, key);
	write_quoted(out, text);
}

void json_write_int64(struct buffer *out, const char *key, int64_t number)
{
	write_key(out, key);
	buffer_addf(out, "%" PRId64, number);
}

void json_write_bool(struct buffer *out, const char *key, bool value)
{
	json_write_raw(out, key, value ? "true" : "false");
}

void json_write_null(struct buffer *out, const char *key)
{
	json_write_raw(out, key, "null");
}

void json_write_raw(struct buffer *out, const char *key, const char *raw)
{
	write_key(out, key);
	buffer_add(out, raw);
}

void json_write_value(struct buffer *out, const char *key, const struct json *value)
{
	AUTOFREE char *text = value ? json_print(value) : NULL;

	if (value && !text) {
		out->error = out->error ? out->error : -ENOMEM;
		return;
	}
	json_write_raw(out, key, text ? text : "null");
}
