/*
 * Keys of other services' languages: CometAPI's form fields, SenseAudio's keys, the
 * spellings of AceData and xhuoapi (providers/README.md, 1.1, 3.1, 4 and 5.1). Each is
 * equivalent to one of our keys.
 */
#include "backend/request/reader_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SIZE_BYTES 24

/* --- size --- */

static const char *const ratios[] = { "16:9", "9:16", "4:3", "3:4", "1:1", "21:9" };

/* The sizes that the models produce, the same for all: providers/README.md, 6.2. */
static const struct {
	const char *resolution;
	unsigned width, height;
	const char *ratio;
} sizes[] = {
	{ "480p", 864, 480, "16:9" },	 { "480p", 864, 496, "16:9" },
	{ "480p", 854, 480, "16:9" },	 { "480p", 736, 544, "4:3" },
	{ "480p", 752, 560, "4:3" },	 { "480p", 640, 640, "1:1" },
	{ "480p", 960, 416, "21:9" },	 { "480p", 992, 432, "21:9" },
	{ "720p", 1280, 720, "16:9" },	 { "720p", 1248, 704, "16:9" },
	{ "720p", 1120, 832, "4:3" },	 { "720p", 1112, 834, "4:3" },
	{ "720p", 960, 960, "1:1" },	 { "720p", 1504, 640, "21:9" },
	{ "720p", 1470, 630, "21:9" },	 { "1080p", 1920, 1080, "16:9" },
	{ "1080p", 1920, 1088, "16:9" }, { "1080p", 1664, 1248, "4:3" },
	{ "1080p", 1440, 1440, "1:1" },	 { "1080p", 2176, 928, "21:9" },
	{ "1080p", 2206, 946, "21:9" },	 { "4k", 3840, 2160, "16:9" },
};

static const char *upright(const char *ratio)
{
	return !strcmp(ratio, "16:9") ? "9:16" : !strcmp(ratio, "4:3") ? "3:4" : NULL;
}

static void list_sizes(struct buffer *list)
{
	for (size_t i = 0; i < ARRAY_SIZE(ratios); i++)
		buffer_addf(list, "%s, ", ratios[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		buffer_addf(list, "%s%ux%u", i ? ", " : "", sizes[i].width,
			    sizes[i].height);
		if (upright(sizes[i].ratio))
			buffer_addf(list, ", %ux%u", sizes[i].height, sizes[i].width);
	}
}

static int set_size(struct reader *reader, const char *resolution, const char *ratio)
{
	int r = reader_set_word(reader, PARAM_RESOLUTION, "\"size\"", resolution);

	return r ? r : reader_set_word(reader, PARAM_RATIO, "\"size\"", ratio);
}

/* "1280x720", also with the multiplication sign. */
static bool is_size(const char *text, unsigned width, unsigned height)
{
	static const char *const signs[] = { "x", "X", "*", "\u00d7" };
	char form[SIZE_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		snprintf(form, sizeof(form), "%u%s%u", width, signs[i], height);
		if (!strcmp(form, text))
			return true;
	}
	return false;
}

static int read_size(struct reader *reader, const struct json *value)
{
	AUTOBUFFER allowed = BUFFER_INIT(2048);
	AUTOFREE char *found = json_print(value);
	const char *text = json_string(value);

	for (size_t i = 0; text && i < ARRAY_SIZE(ratios); i++)
		if (!strcmp(ratios[i], text))
			return reader_set(reader, PARAM_RATIO, "\"size\"", value);
	for (size_t i = 0; text && i < ARRAY_SIZE(sizes); i++) {
		const char *turned = upright(sizes[i].ratio);

		if (is_size(text, sizes[i].width, sizes[i].height))
			return set_size(reader, sizes[i].resolution, sizes[i].ratio);
		if (turned && is_size(text, sizes[i].height, sizes[i].width))
			return set_size(reader, sizes[i].resolution, turned);
	}
	list_sizes(&allowed);
	return reader_refuse(reader, "\"size\" is %.100s; allowed: %s",
			     found ? found : "?", allowed.data ? allowed.data : "");
}

/* --- the others --- */

/*
 * Requests to services that would block without it always set it: its value here has no
 * effect.
 */
static int read_async(struct reader *reader, const struct json *value)
{
	const char *text = json_string(value);
	bool is_true;

	if (!json_to_bool(value, &is_true) &&
	    (!text || (strcasecmp(text, "true") && strcasecmp(text, "false")))) {
		AUTOFREE char *found = json_print(value);

		return reader_refuse(reader,
				     "\"async\" is %.100s; allowed: true or false",
				     found ? found : "?");
	}
	request_add_note(reader->request, "\"async\" is not sent: tasks are always "
					  "created without waiting for the video");
	return 0;
}

static int read_specific(struct reader *reader, const struct json *holder)
{
	static const char *const known[] = { "generate_audio", "camera_fixed", NULL };
	static const enum request_param params[] = { PARAM_GENERATE_AUDIO,
						     PARAM_CAMERA_FIXED };
	int r = 0;

	if (!json_is_object(holder))
		return reader_refuse(reader,
				     "\"provider_specific\" is %s; allowed: an object",
				     json_type(holder));
	for (const struct json *item = json_first(holder); item && !r;
	     item = json_next(item)) {
		const char *key = json_key(item), *near = text_nearest(key, known);
		AUTOFREE char *label = text_format("\"provider_specific.%s\"", key);
		size_t at = 0;

		while (known[at] && strcmp(known[at], key))
			at++;
		if (!label)
			return -ENOMEM;
		if (known[at])
			r = reader_set(reader, params[at], label, item);
		else
			r = reader_refuse(
				reader,
				"\"provider_specific\": unknown key \"%.100s\"; allowed: "
				"generate_audio, camera_fixed%s%s%s",
				key, near ? "; did you mean \"" : "", near ? near : "",
				near ? "\"?" : "");
	}
	return r;
}

static const struct alias {
	const char *key;
	enum request_param param; /* PARAM_COUNT: `read` handles it */
	int (*read)(struct reader *reader, const struct json *value);
} aliases[] = {
	{ "seconds", PARAM_DURATION, NULL },
	{ "size", PARAM_COUNT, read_size },
	{ "camerafixed", PARAM_CAMERA_FIXED, NULL },
	{ "timeout", PARAM_EXECUTION_EXPIRES_AFTER, NULL },
	{ "input_reference", PARAM_COUNT, reader_read_reference },
	{ "provider_specific", PARAM_COUNT, read_specific },
	{ "async", PARAM_COUNT, read_async },
};

const char *reader_alias_at(size_t n)
{
	return n < ARRAY_SIZE(aliases) ? aliases[n].key : NULL;
}

int reader_read_alias(struct reader *reader, const struct json *value, bool *ret_is_known)
{
	const struct alias *alias = NULL;
	AUTOFREE char *label = text_format("\"%s\"", json_key(value));

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!strcmp(aliases[i].key, json_key(value)))
			alias = &aliases[i];
	*ret_is_known = alias != NULL;
	if (!alias || json_is_null(value))
		return 0;
	if (alias->read)
		return alias->read(reader, value);
	return label ? reader_set(reader, alias->param, label, value) : -ENOMEM;
}
