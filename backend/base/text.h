/*
 * Small, pure operations on text: cleaning outside input before people see it, and
 * finding the nearest known spelling. No locale, no state, any thread.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_TEXT_H
#define SEEDANCEFS_BACKEND_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A copy of text that is safe to show on one line of a terminal: control characters (C0,
 * DEL, C1), bidirectional controls and invalid UTF-8 become spaces or '?', runs of white
 * space become one space, and a text over max_bytes is cut at a character and ends with
 * "…". NULL gives "". Returns NULL only without memory; free() it.
 */
char *text_clean(const char *text, size_t max_bytes);

/* Whether the bytes are valid UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const void *bytes, size_t size);

/* Bytes of the first character; 0 if it is not valid UTF-8 or the text is empty. */
size_t text_utf8_length(const char *text);

/*
 * The word of the NULL-terminated list that is nearest to `word` by edits; NULL if none
 * is near enough to be a likely slip.
 */
const char *text_nearest(const char *word, const char *const *list);

/* Parses a whole decimal number; nothing may follow it. Returns 0, -EINVAL or -ERANGE. */
int text_to_int64(const char *text, int64_t *ret_value);

/* Parses seconds with an optional decimal part ("0.25")
 * into milliseconds; not negative. */
int text_to_ms(const char *text, int64_t *ret_ms);

/* strdup() that passes NULL through as NULL. */
char *text_dup(const char *text);
/* Replaces an owned text by a copy (or by NULL). 0, or -ENOMEM with *field as it was. */
int text_set(char **field, const char *text);

/*
 * Whether the text can be part of a URL unchanged: [A-Za-z0-9._-]{1,128}, not all dots.
 * Required of task ids.
 */
bool text_is_url_safe(const char *text);

bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* vasprintf()/asprintf() that return NULL without memory. */
char *text_vformat(const char *format, va_list arguments)
	__attribute__((format(printf, 1, 0)));
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * For failures that people read: sets *ret_line (freed first; free() it) to one complete
 * line, and returns `error`.
 */
int text_fail(char **ret_line, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
