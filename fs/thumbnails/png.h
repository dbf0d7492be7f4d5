/*
 * What a thumbnail says of its file: texts of a PNG, which stand before the picture's
 * data, where every program of the desktop finds them. Pure; any thread. Nothing is
 * decoded here.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_PNG_H
#define SEEDANCEFS_FS_THUMBNAILS_PNG_H

#include "backend/base/buffer.h"

/* A thumbnail is smaller; whatever claims to be larger is none. */
#define THUMBNAIL_BYTES_MAX (8u << 20)

struct png_text {
	const char *key;
	const char *value;
};

/*
 * Appends the PNG with these texts behind its first chunk. A text that it had under the
 * same key goes. 0, -EINVAL (no PNG), -EFBIG or -ENOMEM.
 */
int thumbnail_png_write(const void *png, size_t size, const struct png_text *texts,
			size_t count, struct buffer *into);

/* A copy of the text under a key; NULL when there is none. free() it. */
char *thumbnail_png_text(const void *png, size_t size, const char *key);

#endif
