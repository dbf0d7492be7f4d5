/*
 * Writes JSON text to a buffer, without a tree (json.h has those).
 *
 * Members are appended in the order of the calls. Commas need no call: the last byte of
 * the buffer tells whether one is needed. So a buffer may also hold members without their
 * object, which json_write_raw() then inserts. Errors stick in the buffer; check once at
 * the end with buffer_error().
 *
 * `key` is NULL inside arrays. Any thread; one buffer is not thread-safe.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_JSON_WRITE_H
#define SEEDANCEFS_BACKEND_BASE_JSON_WRITE_H

#include "backend/base/buffer.h"
#include "backend/base/json.h"

void json_write_open(struct buffer *out, const char *key, char bracket);
void json_write_close(struct buffer *out, char bracket);

/* Bytes that are not UTF-8 become U+FFFD. NULL text writes nothing, not even the key. */
void json_write_string(struct buffer *out, const char *key, const char *text);
void json_write_int64(struct buffer *out, const char *key, int64_t number);
void json_write_bool(struct buffer *out, const char *key, bool value);
void json_write_null(struct buffer *out, const char *key);
/* `raw` must be JSON text. */
void json_write_raw(struct buffer *out, const char *key, const char *raw);
/* A tree as json_print() writes it; NULL is null. */
void json_write_value(struct buffer *out, const char *key, const struct json *value);

#endif
