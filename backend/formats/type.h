/*
 * What a file is by its content, and whether it is whole by its structure: PNG to IEND,
 * JPEG to EOI, RIFF and ISO boxes to the length that they announce. A copier that is
 * still at work, or that was cut off, leaves a file that is not whole.
 * Any thread.
 */
#ifndef SEEDANCEFS_BACKEND_FORMATS_TYPE_H
#define SEEDANCEFS_BACKEND_FORMATS_TYPE_H

#include "backend/formats/source.h"

#include <stdbool.h>
#include <stdint.h>

enum media_kind {
	MEDIA_UNKNOWN,
	MEDIA_IMAGE,
	MEDIA_VIDEO,
	MEDIA_AUDIO,
};

struct media_type {
	enum media_kind kind;
	const char *mime; /* constant, lower case: "image/png" */
};

/* Returns 0 or -errno of a read. An unknown type is not an error:
 * kind is MEDIA_UNKNOWN. */
int media_type_read(struct media_source source, struct media_type *ret_type);

/* Whether the file is whole. Types without a checkable structure always are.
 * 0 or -errno. */
int media_type_check_whole(struct media_source source, uint64_t size,
			   const struct media_type *type, bool *ret_whole);

const char *media_kind_word(enum media_kind kind); /* "an image", … */

#endif
