/*
 * Is a text one strict RFC 8259 value in valid UTF-8? (cJSON lets control characters,
 * leading zeros and broken UTF-8 through; the services don't.) Pure; any thread.
 *
 * At most 64 levels deep; \u0000 is refused, because texts are C strings further on.
 */
#ifndef SEEDANCE_SIM_SERVER_JSON_CHECK_H
#define SEEDANCE_SIM_SERVER_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

bool json_check(const char *text, size_t size);

/* How many bytes the UTF-8 sequence at the start of a C string has; 0 if it is none. */
size_t json_check_sequence(const char *text);

#endif
