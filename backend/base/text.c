#include "backend/base/text.h"

#include "backend/base/buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length of the valid UTF-8 character at p, or 0. Stores its code point. */
static size_t utf8_char(const unsigned char *p, size_t left, uint32_t *ret_code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = p[0] < 0x80	    ? 1
			: (p[0] >> 5) == 6  ? 2
			: (p[0] >> 4) == 14 ? 3
					    : 4;
	uint32_t code;

	if (length == 1) {
		*ret_code = p[0];
		return 1;
	}
	if ((length == 4 && (p[0] >> 3) != 30) || length > left)
		return 0;
	code = p[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return length;
}

bool text_is_utf8(const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	uint32_t code;

	for (size_t i = 0; i < size;) {
		size_t length = utf8_char(p + i, size - i, &code);

		if (!length)
			return false;
		i += length;
	}
	return true;
}

size_t text_utf8_length(const char *text)
{
	size_t left = strnlen(text, 4);
	uint32_t code;

	return left ? utf8_char((const unsigned char *)text, left, &code) : 0;
}

static bool is_unsafe(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x200e ||
	       code == 0x200f || code == 0x061c || code == 0x2028 || code == 0x2029 ||
	       (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static bool is_space(uint32_t code)
{
	return is_unsafe(code) || code == ' ';
}

/* Whether text_clean() would leave nothing of it. */
static bool is_all_space(const unsigned char *p, size_t size)
{
	while (size) {
		uint32_t code;
		size_t length = utf8_char(p, size, &code);

		if (!length || !is_space(code))
			return false;
		p += length;
		size -= length;
	}
	return true;
}

char *text_clean(const char *text, size_t max_bytes)
{
	const unsigned char *p = (const unsigned char *)(text ? text : "");
	size_t left = strlen((const char *)p);
	AUTOBUFFER clean = BUFFER_INIT(max_bytes + 4);
	bool at_space = true;

	while (left) {
		uint32_t code = '?';
		size_t length = utf8_char(p, left, &code);
		size_t step = length ? length : 1;
		bool is_gap = length && is_space(code);
		size_t added = !is_gap ? step : !at_space;

		if (clean.size + added > max_bytes) {
			if (!is_all_space(p, left))
				buffer_add(&clean, "…");
			break;
		}
		if (is_gap)
			buffer_append(&clean, " ", added);
		else
			buffer_append(&clean, length ? (const char *)p : "?", step);
		at_space = is_gap;
		p += step;
		left -= step;
	}
	if (clean.size && clean.data[clean.size - 1] == ' ')
		clean.data[--clean.size] = '\0';
	return buffer_take(&clean);
}

#define WORD_MAX 48

/* Levenshtein distance of two short words; words over WORD_MAX are never near. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t m = strlen(a), n = strlen(b);
	size_t row[WORD_MAX + 1];

	if (m > WORD_MAX || n > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[n];
}

const char *text_nearest(const char *word, const char *const *list)
{
	size_t best = strlen(word) / 3 + 2;
	const char *nearest = NULL;

	for (; *list; list++) {
		size_t distance = edit_distance(word, *list);

		if (distance < best) {
			best = distance;
			nearest = *list;
		}
	}
	return nearest;
}

int text_to_int64(const char *text, int64_t *ret_value)
{
	char *end;
	intmax_t value;

	if (!text || (*text != '-' && (*text < '0' || *text > '9')))
		return -EINVAL;
	errno = 0;
	value = strtoimax(text, &end, 10);
	if (end == text || *end)
		return -EINVAL;
	if (errno)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int text_to_ms(const char *text, int64_t *ret_ms)
{
	int64_t ms = 0;
	int scale = 1000;

	if (!text || *text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		ms = ms * 10 + (*text - '0') * 1000;
		if (ms > INT64_C(1000000000000))
			return -ERANGE;
	}
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++)
			ms += (scale /= 10) * (*text - '0');
	if (*text)
		return -EINVAL;
	*ret_ms = ms;
	return 0;
}

char *text_dup(const char *text)
{
	return text ? strdup(text) : NULL;
}

bool text_is_url_safe(const char *text)
{
	size_t length =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "0123456789._-");

	return length >= 1 && length <= 128 && text[length] == '\0' &&
	       strspn(text, ".") < length;
}

int text_set(char **field, const char *text)
{
	char *copy = text_dup(text);

	if (text && !copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

bool text_starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);

	return length >= tail && !strcmp(text + length - tail, suffix);
}

char *text_vformat(const char *format, va_list arguments)
{
	char *text;

	return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

char *text_format(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = text_vformat(format, arguments);
	va_end(arguments);
	return text;
}

int text_fail(char **ret_line, int error, const char *format, ...)
{
	va_list arguments;

	free(*ret_line);
	va_start(arguments, format);
	*ret_line = text_vformat(format, arguments);
	va_end(arguments);
	return error;
}
