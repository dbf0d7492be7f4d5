/*
 * JSON, strictly read: the only file that includes cJSON.
 *
 * cJSON alone takes much that is not JSON and keeps doubled keys; a service may read such
 * a text otherwise than we did and bill for it. So a text is checked against RFC 8259
 * first (valid UTF-8, no \u0000, no trailing bytes, depth up to 64, no key twice in an
 * object).
 *
 * A `struct json` is a value in a tree; the tree's owner frees it with json_free().
 * Values got from a tree live as long as it does. NULL is accepted wherever a value is
 * read and acts as a missing value. Not thread-safe for one tree.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_JSON_H
#define SEEDANCEFS_BACKEND_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

/* Where and why a text is not acceptable. `why` is a constant string. */
struct json_error {
	const char *why;
	unsigned line;	 /* from 1 */
	unsigned column; /* in bytes, from 1 */
};

/* Returns 0, -EINVAL (see error, which may be NULL) or -ENOMEM. */
int json_parse(const char *text, size_t size, struct json **ret_json,
	       struct json_error *ret_error);
void json_free(struct json *json);

/* Checks a text against the grammar above, without doubled keys; 0 or -EINVAL. */
int json_check(const char *text, size_t size, size_t *ret_offset, const char **ret_why);

/* Reading. Keys are compared exactly. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *item);
const char *json_key(const struct json *item);	  /* NULL in arrays */
const char *json_string(const struct json *json); /* NULL unless a string */
bool json_is_object(const struct json *json);
bool json_is_array(const struct json *json);
bool json_is_null(const struct json *json); /* also true for NULL */
bool json_to_bool(const struct json *json, bool *ret_value);
bool json_to_number(const struct json *json, double *ret_value);
bool json_to_int64(const struct json *json, int64_t *ret_value); /* whole numbers only */
const char *json_type(const struct json *json);			 /* "a string", … */

/* json_string(json_get(object, key)) */
const char *json_get_string(const struct json *object, const char *key);

/*
 * Takes a text out of a tree that is read once, where a copy would be too long; free()
 * it. The value is null afterwards. NULL unless it was a string.
 */
char *json_take_string(struct json *json);

/* Building. Each returns 0 or -ENOMEM; NULL text or value adds nothing. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_copy(const struct json *json);
int json_put(struct json *object, const char *key, struct json *value); /* takes value */
int json_push(struct json *array, struct json *value);			/* takes value */
int json_put_string(struct json *object, const char *key, const char *text);
int json_put_int64(struct json *object, const char *key, int64_t value);
int json_put_bool(struct json *object, const char *key, bool value);

/* The text of a value, on one line or indented; free() it. NULL without memory. */
char *json_print(const struct json *json);
char *json_print_pretty(const struct json *json);

static inline void json_cleanup(struct json **json)
{
	json_free(*json);
}
#define AUTOJSON __attribute__((cleanup(json_cleanup))) struct json

#endif
