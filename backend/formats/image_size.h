/*
 * The dimensions of an image, from its header: a service refuses what is too small, too
 * large or too narrow, and it is better known before.
 *
 * Reads through pread(2) on the descriptor, whose position is not moved. Any thread.
 */
#ifndef SEEDANCEFS_BACKEND_FORMATS_IMAGE_SIZE_H
#define SEEDANCEFS_BACKEND_FORMATS_IMAGE_SIZE_H

#include "backend/formats/type.h"

/*
 * Pixels as they are stored: a turn that a camera notes beside them is not looked at. 0
 * and 0 where the header does not tell or is not known (HEIC, videos, sounds). Returns 0
 * or -errno of a read.
 */
int media_size_read(int fd, const struct media_type *type, unsigned *ret_width,
		    unsigned *ret_height);

#endif
