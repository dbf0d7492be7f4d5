/*
 * What a thumbnail says about its file: texts in the PNG. They come before the picture's
 * data, where every program of the desktop finds them. Pure; any thread. Nothing is
 * decoded here.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_PNG_H
#define SEEDANCEFS_FS_THUMBNAILS_PNG_H

#include "backend/base/buffer.h"

/* A thumbnail is smaller than this; a larger file is rejected. */
#define THUMBNAIL_BYTES_MAX (8u << 20)

struct png_text {
	const char *key;
	const char *value;
};

/*
 * Appends the PNG with these texts after its first chunk. They replace its texts with the
 * same keys. 0, -EINVAL (no PNG), -EFBIG or -ENOMEM.
 */
int thumbnail_png_write(const void *png, size_t size, const struct png_text *texts,
			size_t count, struct buffer *into);

/* A copy of the text of a key; free() it. NULL if there is none. */
char *thumbnail_png_text(const void *png, size_t size, const char *key);

#endif
