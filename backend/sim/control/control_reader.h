/*
 * Strict reading of an order: members by name and type. The first error is kept as a
 * sentence; later reads then do nothing. Pure.
 */
#ifndef SEEDANCE_SIM_CONTROL_CONTROL_READER_H
#define SEEDANCE_SIM_CONTROL_CONTROL_READER_H

#include "backend/base/buffer.h"
#include "backend/base/json.h"

struct control_reader {
	const struct json *object;
	struct buffer *complaint; /* empty = no error so far */
};

/* Opens an object that may have only these keys; complaints call it `name`. */
void control_reader_open(struct control_reader *reader, const char *name,
			 const struct json *object, const char *const *known,
			 struct buffer *complaint);
bool control_reader_is_good(const struct control_reader *reader);
void control_complain(const struct control_reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * True if the member is present (null counts as absent) and of the type; then *ret is
 * set.
 */
bool control_read_text(const struct control_reader *reader, const char *key,
		       const char **ret);
bool control_read_integer(const struct control_reader *reader, const char *key,
			  int64_t least, int64_t *ret);
bool control_read_bool(const struct control_reader *reader, const char *key, bool *ret);
bool control_read_object(const struct control_reader *reader, const char *key,
			 const struct json **ret);
/* One of the words; *ret is its index. */
bool control_read_word(const struct control_reader *reader, const char *key,
		       const char *const *words, int *ret);

#endif
