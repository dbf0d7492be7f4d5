#include "fs/folder/control_word.h"

#include "backend/base/cleanup.h"
#include "backend/backend.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const words[] = { "submit", "retry", "cancel", "adopt", "fetch" };

/* Copies the text with a NUL; false if it does not fit. */
static bool copy_part(char *into, size_t room, const char *from, size_t size)
{
	if (size >= room)
		return false;
	memcpy(into, from, size);
	into[size] = '\0';
	return true;
}

static bool is_state(const char *line, size_t size)
{
	enum task_state state;
	char word[16];

	return copy_part(word, sizeof(word), line, size) &&
	       !task_state_from_word(word, &state);
}

static int parse_word(const char *line, size_t size, struct control_word *control)
{
	size_t length = 0;

	while (length < size && !isspace((unsigned char)line[length]))
		length++;
	if (!copy_part(control->word, sizeof(control->word), line, length))
		return -EINVAL;
	while (length < size && isspace((unsigned char)line[length]))
		length++;
	if (!copy_part(control->argument, sizeof(control->argument), line + length,
		       size - length))
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], control->word))
			return *control->argument && strcmp(control->word, "adopt")
				       ? -EINVAL
				       : 0;
	return -EINVAL;
}

int control_word_parse(const char *text, size_t size, struct control_word *ret_control)
{
	struct control_word control = { 0 };
	const char *end;
	size_t line;
	int r = 0;

	if (memchr(text, '\0', size))
		return -EINVAL;
	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	while (size && isspace((unsigned char)*text))
		text++, size--;
	if (!size)
		return -ENODATA;
	end = memchr(text, '\n', size);
	line = end ? (size_t)(end - text) : size;
	control.is_copy = end || is_state(text, line);
	if (!control.is_copy)
		r = parse_word(text, line, &control);
	if (!r)
		*ret_control = control;
	return r;
}
