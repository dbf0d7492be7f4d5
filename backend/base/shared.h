/*
 * Immutable memory that many hold: a block with a count of references in front of it.
 *
 * A block is filled by its maker and never changes after a second reference was taken.
 * Taking a reference cannot fail, so a record of such blocks is copied without
 * allocating. Any thread may take and drop references; NULL is fine everywhere. A shared
 * text reads as any other string; only shared_unref() frees it, never free().
 */
#ifndef SEEDANCEFS_BACKEND_BASE_SHARED_H
#define SEEDANCEFS_BACKEND_BASE_SHARED_H

#include <stddef.h>

/* Zeroed bytes with one reference; NULL without memory. */
void *shared_new(size_t size);
const void *shared_ref(const void *block);
void shared_unref(const void *block);

/* A shared copy of a text; NULL for NULL and without memory. */
const char *shared_text(const char *text);

/*
 * Replaces a field that holds a shared text by a shared copy of `text`, which may be NULL
 * or the field's own text. Returns 0, or -ENOMEM with the field as it was.
 */
int shared_text_set(const char **field, const char *text);

#endif
