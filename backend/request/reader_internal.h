/*
 * Shared by the files that parse requests.
 *
 * A reader parses one text: a trigger, a prompt beside it, or a file of defaults. Every
 * function returns 0, -EINVAL with the problem set, or -ENOMEM.
 */
#ifndef SEEDANCEFS_BACKEND_REQUEST_READER_INTERNAL_H
#define SEEDANCEFS_BACKEND_REQUEST_READER_INTERNAL_H

#include "backend/request/request.h"

struct reader {
	struct request *request;
	struct problem *problem;
	const char *name;   /* of the file, as shown in messages */
	bool is_defaults;   /* rejects keys that belong to a single order */
	const char *prompt; /* the "prompt" key, owned by the tree */
};

/* Sets the problem: the file's name, then the text. Returns -EINVAL or -ENOMEM. */
int reader_refuse(struct reader *reader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Sets a parameter that is written as `label`, for messages: `"seconds"`, `--dur`; NULL:
 * its own key. Repeating the same value is allowed, a different one is rejected.
 */
int reader_set(struct reader *reader, enum request_param param, const char *label,
	       const struct json *value);
int reader_set_word(struct reader *reader, enum request_param param, const char *label,
		    const char *word);

/* Appends a prompt without surrounding white space; its flags become parameters. */
int reader_add_prompt(struct reader *reader, const char *text, size_t size);

/* flags.c: removes the flags from the end of a prompt. */
int reader_take_flags(struct reader *reader, const char *text, size_t *size);

/* content.c: reads `content`, or `input_reference` in its place. */
int reader_read_content(struct reader *reader, const struct json *content);
int reader_read_reference(struct reader *reader, const struct json *value);

/*
 * alias.c: reads a key of another service's language. *ret_is_known tells whether it is
 * one.
 */
int reader_read_alias(struct reader *reader, const struct json *value,
		      bool *ret_is_known);
/* The n-th alias; NULL after the last. */
const char *reader_alias_at(size_t n);

#endif
