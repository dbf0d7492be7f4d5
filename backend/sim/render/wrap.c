#include "backend/sim/render/wrap.h"

#include <stdbool.h>
#include <string.h>

struct wrapper {
	struct buffer *out;
	size_t columns, lines;
	size_t column, line; /* of the next character */
};

static bool is_blank(const char *at)
{
	return (unsigned char)*at <= ' ' || *at == 0x7f;
}

static size_t character_bytes(const char *at)
{
	size_t bytes = 1;

	while (((unsigned char)at[bytes] & 0xc0) == 0x80)
		bytes++;
	return bytes;
}

/*
 * Chinese, Japanese, Korean and pictographs (U+3000 and above) are twice as wide as
 * letters.
 */
static size_t character_columns(const char *at)
{
	return (unsigned char)*at >= 0xe3 ? 2 : 1;
}

/* The width of the word at `at`, in columns; counting stops soon after a line's width. */
static size_t word_width(const struct wrapper *wrapper, const char *at)
{
	size_t width = 0;

	while (*at && !is_blank(at) && width < wrapper->columns) {
		width += character_columns(at);
		at += character_bytes(at);
	}
	return width;
}

static void break_line(struct wrapper *wrapper)
{
	wrapper->line++;
	wrapper->column = 0;
	if (wrapper->line < wrapper->lines)
		buffer_add(wrapper->out, "\n");
}

static const char *put_word(struct wrapper *wrapper, const char *at)
{
	if (wrapper->column &&
	    wrapper->column + 1 + word_width(wrapper, at) > wrapper->columns)
		break_line(wrapper);
	if (wrapper->column && wrapper->line < wrapper->lines) {
		buffer_add(wrapper->out, " ");
		wrapper->column++;
	}
	while (*at && !is_blank(at) && wrapper->line < wrapper->lines) {
		size_t bytes = character_bytes(at), columns = character_columns(at);

		if (wrapper->column && wrapper->column + columns > wrapper->columns) {
			break_line(wrapper);
			continue;
		}
		buffer_append(wrapper->out, at, bytes);
		wrapper->column += columns;
		at += bytes;
	}
	return at;
}

int wrap_text(const char *text, size_t columns, size_t lines, struct buffer *out)
{
	struct wrapper wrapper = { .out = out, .columns = columns, .lines = lines };

	while (*text && wrapper.line < lines) {
		if (*text == '\n')
			break_line(&wrapper);
		if (is_blank(text))
			text++;
		else
			text = put_word(&wrapper, text);
	}
	return buffer_error(out);
}
