#include "backend/sim/server/shorten.h"

#include "backend/base/json_write.h"

#include <string.h>

#define SHORT_DATA_URL 64 /* data URLs up to this length stay complete */

static void write_text(struct buffer *out, const char *key, const char *text)
{
	AUTOBUFFER shorter = BUFFER_INIT(256);
	size_t length = strlen(text);
	const char *comma = strchr(text, ',');

	if (strncmp(text, "data:", 5) || length <= SHORT_DATA_URL) {
		json_write_string(out, key, text);
		return;
	}
	if (!comma || comma - text > SHORT_DATA_URL)
		comma = text + 4;
	buffer_append(&shorter, text, (size_t)(comma - text) + 1);
	buffer_addf(&shorter, "...(%zu bytes)", length);
	json_write_string(out, key, shorter.data ? shorter.data : "data:");
}

void shorten_write(struct buffer *out, const char *key, const struct json *value)
{
	bool is_object = json_is_object(value);

	if (json_string(value)) {
		write_text(out, key, json_string(value));
		return;
	}
	if (!is_object && !json_is_array(value)) {
		json_write_value(out, key, value);
		return;
	}
	json_write_open(out, key, is_object ? '{' : '[');
	for (const struct json *item = json_first(value); item; item = json_next(item))
		shorten_write(out, json_key(item), item);
	json_write_close(out, is_object ? '}' : ']');
}
