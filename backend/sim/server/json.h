/*
 * JSON: strict reading (the one file that includes cJSON is json.c) and writing as text.
 *
 * Reading. json_parse() takes exactly one RFC 8259 value in valid UTF-8: no trailing
 * bytes, no control characters in strings, no leading zeros, no more than 64 levels. The
 * tree is owned by the caller; everything returned from it is borrowed. Accessors accept
 * NULL and values of another type, and then say "absent": a null counts as absent, as the
 * services have it.
 *
 * Writing. The json_put functions append to a buffer, whose sticky error is checked once
 * at the end. Commas are set by looking at the last byte. `key` is NULL inside arrays.
 *
 * Not thread-safe for one tree; different trees are independent.
 */
#ifndef SEEDANCE_SIM_SERVER_JSON_H
#define SEEDANCE_SIM_SERVER_JSON_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/* NULL if the text is not strict JSON, or without memory. */
struct json *json_parse(const char *text, size_t size);
void json_destroy(struct json *value);
void json_cleanup(struct json **value);
#define AUTOJSON __attribute__((cleanup(json_cleanup))) struct json

bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_bool(const struct json *value);
bool json_is_true(const struct json *value);

/* The member, or NULL if there is none or if it is null. */
const struct json *json_get(const struct json *object, const char *key);

/* Members or elements in order; json_key() is NULL for elements. */
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *value);
const char *json_key(const struct json *value);
size_t json_count(const struct json *container);

/* The text of a string, else NULL. */
const char *json_text(const struct json *value);
const char *json_get_text(const struct json *object, const char *key);

/* Writes *ret only for a whole number within +-2^53. */
bool json_integer(const struct json *value, int64_t *ret);
int64_t json_get_integer(const struct json *object, const char *key, int64_t otherwise);
bool json_get_true(const struct json *object, const char *key);

/* The first member's name that is not in the NULL-terminated list, or NULL. */
const char *json_unknown_key(const struct json *object, const char *const *known);

void json_open(struct buffer *out, const char *key, char bracket);
void json_close(struct buffer *out, char bracket);
void json_put_text(struct buffer *out, const char *key, const char *text);
/* Nothing is written for a NULL. */
void json_put_text_if(struct buffer *out, const char *key, const char *text);
void json_put_integer(struct buffer *out, const char *key, int64_t number);
void json_put_bool(struct buffer *out, const char *key, bool value);
void json_put_null(struct buffer *out, const char *key);
/* `raw` is JSON text already. */
void json_put_raw(struct buffer *out, const char *key, const char *raw);
/* A tree; with `shorten`, data URLs lose their
 * data: "data:image/png;base64,...(1234 bytes)". */
void json_put_value(struct buffer *out, const char *key, const struct json *value,
		    bool shorten);

#endif
