/*
 * Inline flags: `A kitten yawns. --rs 720p --dur 5` (providers/README.md, 1.1, 4 and
 * 6.2).
 *
 * The services parse them loosely: a mistake silently becomes a default, and is billed.
 * So flags are removed from the end of a prompt, for every service, and checked as
 * strictly as keys.
 *
 * Only the end of a text is parsed, as far back as one flag follows another: `--name
 * value` or `--name=value`. The text before them is prose and may contain any dashes.
 * Unknown names at the front of the run are prose as well ("he waits --then runs") unless
 * the value looks like that of a flag.
 */
#include "backend/request/reader_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define FLAGS_MAX 64

static const struct {
	const char *name;
	enum request_param param;
} names[] = {
	{ "resolution", PARAM_RESOLUTION },
	{ "rs", PARAM_RESOLUTION },
	{ "ratio", PARAM_RATIO },
	{ "rt", PARAM_RATIO },
	{ "duration", PARAM_DURATION },
	{ "dur", PARAM_DURATION },
	{ "frames", PARAM_FRAMES },
	{ "framespersecond", PARAM_FRAMESPERSECOND },
	{ "fps", PARAM_FRAMESPERSECOND },
	{ "seed", PARAM_SEED },
	{ "camerafixed", PARAM_CAMERA_FIXED },
	{ "cf", PARAM_CAMERA_FIXED },
	{ "watermark", PARAM_WATERMARK },
	{ "wm", PARAM_WATERMARK },
};

/* A part of the text. */
struct span {
	const char *at;
	size_t size;
};

struct flag {
	const char *start; /* the dashes */
	struct span name;  /* without the dashes */
	struct span value;
	bool has_value;
	bool is_doubtful; /* a known name inside a word, or after other dashes */
	bool is_odd;	  /* the dashes are not two hyphens */
};

static enum request_param param_of(struct span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == name.size &&
		    !memcmp(names[i].name, name.at, name.size))
			return names[i].param;
	return PARAM_COUNT;
}

static const char *nearest(const char *name)
{
	const char *list[ARRAY_SIZE(names) + 1] = { NULL };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		list[i] = names[i].name;
	return text_nearest(name, list);
}

/* --- words --- */

/* The length of the white space character that ends at `size`; 0 if there is none. */
static size_t gap_before(const char *text, size_t size)
{
	static const char *const wide[] = { "\u00a0", "\u3000" };

	if (!size)
		return 0;
	if (isspace((unsigned char)text[size - 1]))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		size_t length = strlen(wide[i]);

		if (size >= length && !memcmp(text + size - length, wide[i], length))
			return length;
	}
	return 0;
}

/* The last word before `size`; its size is 0 if there is none. */
static struct span last_word(const char *text, size_t size)
{
	size_t gap, start;

	while ((gap = gap_before(text, size)))
		size -= gap;
	start = size;
	while (start && !gap_before(text, start))
		start--;
	return (struct span){ text + start, size - start };
}

/* The name at the start of a text: a letter, then letters, digits, '_', '-'. */
static struct span name_at(const char *at, const char *end)
{
	const char *stop = at;

	if (at < end && isalpha((unsigned char)*at))
		while (stop < end &&
		       (isalnum((unsigned char)*stop) || *stop == '_' || *stop == '-'))
			stop++;
	return (struct span){ at, (size_t)(stop - at) };
}

static bool ends_name(struct span name, const char *end)
{
	return name.size && (name.at + name.size == end || name.at[name.size] == '=');
}

/* --- one flag --- */

/* `--name`, as the entire word, optionally with `=VALUE`. */
static bool begin_plain(struct span word, struct flag *flag)
{
	const char *end = word.at + word.size;

	if (word.size < 3 || memcmp(word.at, "--", 2))
		return false;
	flag->start = word.at;
	flag->name = name_at(word.at + 2, end);
	return ends_name(flag->name, end);
}

/*
 * A known name after a single hyphen, after a dash that a word processor made of two
 * hyphens, or directly after other text: "yawns.--dur".
 */
static bool begin_doubtful(struct span word, struct flag *flag)
{
	static const char *const dashes[] = { "--", "\u2014", "\u2013", "-" };
	const char *end = word.at + word.size;

	for (size_t i = 0; i < ARRAY_SIZE(dashes); i++) {
		size_t length = strlen(dashes[i]);
		size_t left = word.size > length ? word.size - length : 0;

		while (left--) {
			const char *at = word.at + left;

			if (memcmp(at, dashes[i], length) || (left && i))
				continue;
			*flag = (struct flag){ .start = at,
					       .name = name_at(at + length, end),
					       .is_doubtful = true,
					       .is_odd = i > 0 };
			if (ends_name(flag->name, end) &&
			    param_of(flag->name) != PARAM_COUNT)
				return true;
		}
	}
	return false;
}

static bool begin_flag(struct span word, struct flag *flag)
{
	*flag = (struct flag){ 0 };
	return begin_plain(word, flag) || begin_doubtful(word, flag);
}

/* "--dur5": a known name followed by digits. */
static bool is_run_together(struct span name)
{
	size_t letters = 0;

	while (letters < name.size && !isdigit((unsigned char)name.at[letters]))
		letters++;
	return letters < name.size &&
	       param_of((struct span){ name.at, letters }) != PARAM_COUNT;
}

/* Reads the flag at the end of the text of this size. */
static bool read_flag(const char *text, size_t size, struct flag *flag)
{
	struct span word = last_word(text, size), before;
	const char *end = word.at + word.size;

	if (!word.size)
		return false;
	if (begin_flag(word, flag)) {
		const char *behind = flag->name.at + flag->name.size;

		flag->has_value = behind < end;
		if (flag->has_value)
			flag->value =
				(struct span){ behind + 1, (size_t)(end - behind - 1) };
		return flag->has_value || is_run_together(flag->name) ||
		       param_of(flag->name) != PARAM_COUNT;
	}
	before = last_word(text, (size_t)(word.at - text));
	if (!before.size || !begin_flag(before, flag) ||
	    flag->name.at + flag->name.size != before.at + before.size)
		return false;
	flag->value = word;
	flag->has_value = true;
	return true;
}

static bool looks_like_value(struct span value)
{
	static const char *const words[] = { "true", "false", "adaptive" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == value.size &&
		    !strncasecmp(words[i], value.at, value.size))
			return true;
	if (value.size > 1 && (*value.at == '-' || *value.at == '+'))
		value.at++, value.size--;
	return value.size && isdigit((unsigned char)*value.at);
}

/* Whether this is a flag, and not prose. */
static bool is_meant(const struct flag *flag)
{
	if (flag->is_doubtful)
		return flag->has_value && looks_like_value(flag->value);
	if (param_of(flag->name) != PARAM_COUNT || !flag->has_value)
		return true;
	return looks_like_value(flag->value);
}

/* --- all of them --- */

static int refuse_flag(struct reader *reader, const struct flag *flag, const char *near)
{
	AUTOBUFFER known = BUFFER_INIT(1024);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		buffer_addf(&known, "%s--%s", i ? ", " : "", names[i].name);
	return reader_refuse(reader,
			     "unknown flag \"%.*s\" at the end of the prompt; allowed: "
			     "%s (after the text)%s%s%s",
			     (int)(flag->name.at + flag->name.size - flag->start),
			     flag->start, known.data ? known.data : "",
			     near ? "; did you mean \"--" : "", near ? near : "",
			     near ? "\"?" : "");
}

static int set_flag(struct reader *reader, const struct flag *flag)
{
	enum request_param param = param_of(flag->name);
	AUTOFREE char *name = strndup(flag->name.at, flag->name.size);
	AUTOFREE char *label = name ? text_format("--%s", name) : NULL;
	AUTOFREE char *value =
		flag->has_value ? strndup(flag->value.at, flag->value.size) : NULL;

	if (!label || (flag->has_value && !value))
		return -ENOMEM;
	if (flag->is_odd)
		return refuse_flag(reader, flag, name);
	if (param == PARAM_COUNT)
		return refuse_flag(reader, flag, nearest(name));
	if (!value || !*value)
		return reader_refuse(reader, "%s at the end of the prompt has no value",
				     label);
	return reader_set_word(reader, param, label, value);
}

int reader_take_flags(struct reader *reader, const char *text, size_t *size)
{
	struct flag flags[FLAGS_MAX];
	size_t count = 0, end = *size, gap;
	int r = 0;

	while (count < FLAGS_MAX && read_flag(text, end, &flags[count]))
		end = (size_t)(flags[count++].start - text);
	while (count && !is_meant(&flags[count - 1]))
		count--;
	if (!count)
		return 0;
	*size = (size_t)(flags[count - 1].start - text);
	while ((gap = gap_before(text, *size)))
		*size -= gap;
	while (count && !r)
		r = set_flag(reader, &flags[--count]);
	return r;
}
