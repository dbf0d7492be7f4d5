/*
 * The dimensions of an image, from its header: a service refuses an image that is too
 * small, too large or too narrow, and the user should know before. Any thread.
 */
#ifndef SEEDANCEFS_BACKEND_FORMATS_IMAGE_SIZE_H
#define SEEDANCEFS_BACKEND_FORMATS_IMAGE_SIZE_H

#include "backend/formats/type.h"

/*
 * Pixels as they are stored, without the rotation that a camera may note. Both are 0 when
 * the header does not tell, and for types that are not supported (HEIC, videos, sounds).
 * Returns 0 or -errno of a read.
 */
int media_size_read(struct media_source source, const struct media_type *type,
		    unsigned *ret_width, unsigned *ret_height);

#endif
