#include "backend/sim/server/json_check.h"

#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 64

struct cursor {
	const unsigned char *at;
	const unsigned char *end;
};

static bool check_value(struct cursor *c, int depth);

static int peek(const struct cursor *c)
{
	return c->at < c->end ? *c->at : -1;
}

static bool take(struct cursor *c, int wanted)
{
	if (peek(c) != wanted)
		return false;
	c->at++;
	return true;
}

static void skip_space(struct cursor *c)
{
	while (peek(c) == ' ' || peek(c) == '\t' || peek(c) == '\n' || peek(c) == '\r')
		c->at++;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool check_unicode_escape(struct cursor *c)
{
	int code = 0;

	for (int i = 0; i < 4; i++, c->at++) {
		int digit = hex_digit(peek(c));

		if (digit < 0)
			return false;
		code = code * 16 + digit;
	}
	return code != 0;
}

static bool check_escape(struct cursor *c)
{
	int kind = peek(c);

	if (kind < 0 || !strchr("\"\\/bfnrtu", kind))
		return false;
	c->at++;
	return kind != 'u' || check_unicode_escape(c);
}

/* One UTF-8 sequence of two to four bytes:
 * no overlong form, no surrogate, nothing over 10FFFF. */
static bool check_sequence(struct cursor *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t first = *c->at++, code;
	int length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0xc2 || first > 0xf4)
		return false;
	code = first & (0xffu >> (length + 1));
	for (int i = 1; i < length; i++, c->at++) {
		if ((peek(c) & 0xc0) != 0x80 || peek(c) < 0)
			return false;
		code = code << 6 | (*c->at & 0x3f);
	}
	return code >= least[length] && code <= 0x10ffff &&
	       (code < 0xd800 || code > 0xdfff);
}

static bool check_string(struct cursor *c)
{
	if (!take(c, '"'))
		return false;
	while (c->at < c->end) {
		if (take(c, '"'))
			return true;
		if (*c->at < 0x20)
			return false;
		if (take(c, '\\')) {
			if (!check_escape(c))
				return false;
		} else if (*c->at < 0x80) {
			c->at++;
		} else if (!check_sequence(c)) {
			return false;
		}
	}
	return false;
}

static bool check_digits(struct cursor *c)
{
	if (!is_digit(peek(c)))
		return false;
	while (is_digit(peek(c)))
		c->at++;
	return true;
}

static bool check_number(struct cursor *c)
{
	take(c, '-');
	if (!take(c, '0') && !check_digits(c))
		return false;
	if (take(c, '.') && !check_digits(c))
		return false;
	if (take(c, 'e') || take(c, 'E')) {
		if (!take(c, '+'))
			take(c, '-');
		return check_digits(c);
	}
	return true;
}

static bool check_word(struct cursor *c, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length))
		return false;
	c->at += length;
	return true;
}

static bool check_member(struct cursor *c, int depth)
{
	skip_space(c);
	if (!check_string(c))
		return false;
	skip_space(c);
	return take(c, ':') && check_value(c, depth);
}

static bool check_container(struct cursor *c, bool object, int depth)
{
	int bracket = object ? '}' : ']';

	c->at++;
	skip_space(c);
	if (take(c, bracket))
		return true;
	do {
		if (!(object ? check_member(c, depth) : check_value(c, depth)))
			return false;
		skip_space(c);
	} while (take(c, ','));
	return take(c, bracket);
}

static bool check_value(struct cursor *c, int depth)
{
	skip_space(c);
	switch (peek(c)) {
	case '{':
	case '[':
		return depth < DEPTH_MAX && check_container(c, *c->at == '{', depth + 1);
	case '"':
		return check_string(c);
	case 't':
		return check_word(c, "true");
	case 'f':
		return check_word(c, "false");
	case 'n':
		return check_word(c, "null");
	default:
		return check_number(c);
	}
}

bool json_check(const char *text, size_t size)
{
	struct cursor c = { (const unsigned char *)text,
			    (const unsigned char *)text + size };

	if (!check_value(&c, 0))
		return false;
	skip_space(&c);
	return c.at == c.end;
}

size_t json_check_sequence(const char *text)
{
	const unsigned char *start = (const unsigned char *)text;
	struct cursor c = { start, start + strnlen(text, 4) };

	if (c.at == c.end || *c.at < 0x80)
		return c.at == c.end ? 0 : 1;
	return check_sequence(&c) ? (size_t)(c.at - start) : 0;
}
