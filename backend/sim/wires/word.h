/* Whether a text contains a word. "#fail" is in "now #fail!", but not in "#failure". */
#ifndef SEEDANCE_SIM_WIRES_WORD_H
#define SEEDANCE_SIM_WIRES_WORD_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static inline bool word_is_in(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (; text && (text = strstr(text, word)); text += length)
		if (!isalnum((unsigned char)text[length]) && text[length] != '_')
			return true;
	return false;
}

#endif
