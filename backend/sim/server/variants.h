/*
 * Known differences in how a service answers: a test selects among them. Values are
 * numbers, by wire format and position in its table. Any thread.
 */
#ifndef SEEDANCE_SIM_SERVER_VARIANTS_H
#define SEEDANCE_SIM_SERVER_VARIANTS_H

#include <stdint.h>

#define VARIANTS_MAX 8

/* A choice: one of the words (by index), or without words a number up to `most`. */
struct variant {
	const char *name; /* NULL ends a table */
	const char *const *words;
	int64_t otherwise; /* the value if no test selected one */
	int64_t most;
};

struct wire;
struct variants;

int variants_create(struct variants **ret_variants);
void variants_destroy(struct variants *variants);

void variants_get(struct variants *variants, const struct wire *wire,
		  int64_t values[VARIANTS_MAX]);
void variants_set(struct variants *variants, const struct wire *wire,
		  const int64_t values[VARIANTS_MAX]);
/* Resets every choice to its default. */
void variants_reset(struct variants *variants);

#endif
