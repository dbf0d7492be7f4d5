/* A recursive descent over bytes. */
#include "backend/base/json_internal.h"

#include "backend/base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 64
#define KEYS_MAX 1000 /* of one object: the search for duplicate keys is quadratic */

struct scan {
	const char *text;
	size_t size;
	size_t at;
	unsigned depth;
	const char *why;
};

static bool scan_value(struct scan *scan);

static bool fail(struct scan *scan, const char *why)
{
	if (!scan->why)
		scan->why = why;
	return false;
}

static int peek(const struct scan *scan)
{
	return scan->at < scan->size ? (unsigned char)scan->text[scan->at] : -1;
}

static bool accept(struct scan *scan, char wanted)
{
	if (peek(scan) != (unsigned char)wanted)
		return false;
	scan->at++;
	return true;
}

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->size && memchr(" \t\r\n", scan->text[scan->at], 4))
		scan->at++;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool scan_digits(struct scan *scan)
{
	if (!is_digit(peek(scan)))
		return fail(scan, "incomplete number");
	while (is_digit(peek(scan)))
		scan->at++;
	return true;
}

static bool scan_number(struct scan *scan)
{
	accept(scan, '-');
	if (accept(scan, '0')) {
		if (is_digit(peek(scan)))
			return fail(scan, "a number cannot have leading zeros");
	} else if (!scan_digits(scan)) {
		return false;
	}
	if (accept(scan, '.') && !scan_digits(scan))
		return false;
	if (accept(scan, 'e') || accept(scan, 'E')) {
		if (!accept(scan, '+'))
			accept(scan, '-');
		return scan_digits(scan);
	}
	return true;
}

static int hex_value(int c)
{
	if (is_digit(c))
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static bool scan_hex4(struct scan *scan, unsigned *ret_code)
{
	unsigned code = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_value(peek(scan));

		if (digit < 0)
			return fail(scan, "\\u needs four hexadecimal digits");
		code = code << 4 | (unsigned)digit;
		scan->at++;
	}
	*ret_code = code;
	return true;
}

static bool scan_unicode_escape(struct scan *scan)
{
	unsigned code, low;

	if (!scan_hex4(scan, &code))
		return false;
	if (code == 0)
		return fail(scan, "\\u0000 is not allowed in a string");
	if (code >= 0xdc00 && code <= 0xdfff)
		return fail(scan, "unpaired \\u surrogate");
	if (code < 0xd800 || code > 0xdbff)
		return true;
	if (!accept(scan, '\\') || !accept(scan, 'u'))
		return fail(scan, "unpaired \\u surrogate");
	if (!scan_hex4(scan, &low))
		return false;
	if (low < 0xdc00 || low > 0xdfff)
		return fail(scan, "unpaired \\u surrogate");
	return true;
}

static bool scan_string(struct scan *scan)
{
	if (!accept(scan, '"'))
		return fail(scan, "expected a string in double quotes");
	for (;;) {
		int c = peek(scan);

		if (c < 0)
			return fail(scan,
				    "unterminated string: the closing \" is missing");
		if (c < 0x20)
			return fail(scan, "line break or control character inside a "
					  "string (write \\n)");
		scan->at++;
		if (c == '"')
			return true;
		if (c != '\\')
			continue;
		c = peek(scan);
		if (c < 0 || !strchr("\"\\/bfnrtu", c) || c == 0)
			return fail(
				scan,
				"unknown escape sequence (write \\\\ for a backslash)");
		scan->at++;
		if (c == 'u' && !scan_unicode_escape(scan))
			return false;
	}
}

static bool scan_word(struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	if (scan->size - scan->at < length || memcmp(scan->text + scan->at, word, length))
		return fail(scan, "expected a value (strings need double quotes)");
	scan->at += length;
	return true;
}

static bool scan_members(struct scan *scan, char close, bool keyed)
{
	unsigned count = 0;

	skip_space(scan);
	if (accept(scan, close))
		return true;
	for (;;) {
		skip_space(scan);
		if (keyed && ++count > KEYS_MAX)
			return fail(scan, "too many keys in an object");
		if (keyed) {
			if (!scan_string(scan))
				return false;
			skip_space(scan);
			if (!accept(scan, ':'))
				return fail(scan, "expected ':' after the key");
		}
		if (!scan_value(scan))
			return false;
		if (accept(scan, close))
			return true;
		if (!accept(scan, ','))
			return fail(scan, keyed ? "expected ',' or '}'"
						: "expected ',' or ']'");
	}
}

static bool scan_container(struct scan *scan, char close, bool keyed)
{
	bool good;

	scan->at++;
	if (++scan->depth > DEPTH_MAX)
		return fail(scan, "nested too deeply");
	good = scan_members(scan, close, keyed);
	scan->depth--;
	return good;
}

static bool scan_scalar(struct scan *scan, int c)
{
	switch (c) {
	case '"':
		return scan_string(scan);
	case 't':
		return scan_word(scan, "true");
	case 'f':
		return scan_word(scan, "false");
	case 'n':
		return scan_word(scan, "null");
	default:
		if (c == '-' || is_digit(c))
			return scan_number(scan);
		return fail(scan,
			    c < 0 ? "unexpected end of file"
				  : "expected a value (strings need double quotes)");
	}
}

static bool scan_value(struct scan *scan)
{
	bool good;
	int c;

	skip_space(scan);
	c = peek(scan);
	if (c == '{' || c == '[')
		good = scan_container(scan, c == '{' ? '}' : ']', c == '{');
	else
		good = scan_scalar(scan, c);
	if (good)
		skip_space(scan);
	return good;
}

int json_check(const char *text, size_t size, size_t *ret_offset, const char **ret_why)
{
	struct scan scan = { .text = text, .size = size };

	if (!text_is_utf8(text, size))
		fail(&scan, "not valid UTF-8");
	else if (scan_value(&scan) && scan.at < scan.size)
		fail(&scan, "unexpected text after the end of the JSON value");
	if (!scan.why)
		return 0;
	*ret_offset = scan.at;
	*ret_why = scan.why;
	return -EINVAL;
}
