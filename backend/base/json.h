/*
 * JSON values as trees: strict reading and building. json_write.h writes a text without a
 * tree. json.c is the only file that includes cJSON.
 *
 * Reading. cJSON alone accepts input that is not JSON and keeps duplicate keys. A service
 * may read such a text differently and bill for it. So json_parse() first checks the text
 * against RFC 8259 (json_check.c), with these limits:
 *
 *	valid UTF-8, exactly one value, nothing after it
 *	no \u0000, no unpaired surrogate
 *	at most 64 levels, at most 1000 keys in an object
 *	no key twice in an object
 *
 * Numbers are doubles, except whole numbers of more than 15 digits: the tree keeps their
 * text, and json_print() repeats it.
 *
 * Ownership. A `struct json` is a value in a tree. The owner of the tree frees it with
 * json_free(). A value that is read from a tree lives as long as the tree. Every reading
 * function accepts NULL and treats it as a missing value.
 *
 * One tree is not thread-safe. Different trees are independent.
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

/* The tree of a text; NULL for NULL, when json_parse() fails, and without memory. */
struct json *json_parse_text(const char *text);

/* Reading. Keys are compared exactly. */
const struct json *json_get(const struct json *object, const char *key);
/* The same, but NULL for a null: most services treat null as absent. */
const struct json *json_get_nonnull(const struct json *object, const char *key);
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *item);
const char *json_key(const struct json *item);	  /* NULL in arrays */
const char *json_string(const struct json *json); /* NULL unless a string */
bool json_is_object(const struct json *json);
bool json_is_array(const struct json *json);
bool json_is_null(const struct json *json); /* also true for NULL */
bool json_is_bool(const struct json *json);
bool json_is_true(const struct json *json);
bool json_to_bool(const struct json *json, bool *ret_value);
bool json_to_number(const struct json *json, double *ret_value);
/* Whole numbers up to 9e15: a double holds them exactly. */
bool json_to_int64(const struct json *json, int64_t *ret_value);
const char *json_type(const struct json *json); /* "a string", … */

/* json_string(json_get(object, key)) */
const char *json_get_string(const struct json *object, const char *key);
/* The first key that the NULL-terminated list does not have, or NULL. */
const char *json_unknown_key(const struct json *object, const char *const *known);
/* The whole number, or `otherwise`. */
int64_t json_get_int64(const struct json *object, const char *key, int64_t otherwise);

/*
 * Moves a string out of the tree where a copy would be too long; free() it. The value
 * becomes null. Returns NULL unless the value is a string.
 */
char *json_take_string(struct json *json);

/*
 * Building. Each returns 0 or -ENOMEM. NULL text adds nothing. json_put() and json_push()
 * take `value`, on failure too; a NULL value is -ENOMEM.
 */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_copy(const struct json *json);
int json_put(struct json *object, const char *key, struct json *value);
int json_push(struct json *array, struct json *value);
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
