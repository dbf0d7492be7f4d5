/*
 * Where a service is known to answer in more than one way, a test chooses which: numbers
 * by wire format and position in its table. Any thread.
 */
#ifndef SEEDANCE_SIM_SERVER_VARIANTS_H
#define SEEDANCE_SIM_SERVER_VARIANTS_H

#include <stdint.h>

#define VARIANTS_MAX 8

/* A choice: one of the words (its index), or without words a number up to `most`. */
struct variant {
	const char *name; /* NULL ends a table */
	const char *const *words;
	int64_t otherwise; /* what it is if no test chose */
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
/* Every one as if no test had chosen. */
void variants_reset(struct variants *variants);

#endif
