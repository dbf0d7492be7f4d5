/*
 * Strict reading of the members of a request's JSON body, with a refusal of the first
 * wrong one. An absent member (or null) leaves the value unchanged. Pure.
 */
#ifndef SEEDANCE_SIM_WIRES_FIELDS_H
#define SEEDANCE_SIM_WIRES_FIELDS_H

#include "backend/base/json.h"
#include "backend/sim/wires/refusal.h"

struct fields {
	const struct json *body;
	struct refusal *refusal;
};

bool fields_bool(const struct fields *fields, const char *name, bool *value);
bool fields_integer(const struct fields *fields, const char *name, int64_t least,
		    int64_t most, int64_t *value);
/* The text is borrowed from the body. */
bool fields_text(const struct fields *fields, const char *name, const char **value);
/* Sets the value to the word's index in the NULL-terminated list. */
bool fields_word(const struct fields *fields, const char *name, const char *const *words,
		 int *value);
/* An http or https URL. */
bool fields_url(const struct fields *fields, const char *name, const char **value);

/* The word's index, or `otherwise`. */
int fields_find_word(const char *const *words, const char *word, int otherwise);

#endif
