/*
 * Images in requests: decoded from data URLs, recognised by their first bytes and measured
 * as far as their headers tell. Pure.
 */
#ifndef SEEDANCE_SIM_TASKS_IMAGE_H
#define SEEDANCE_SIM_TASKS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#define IMAGE_BYTES_MAX (30u * 1024 * 1024)

struct image {
	unsigned char *bytes; /* owned */
	size_t size;
	const char *suffix; /* "png", "jpeg", ...: a literal */
	int width, height;  /* 0: the header does not tell */
};

void image_clear(struct image *image);

/*
 * "data:image/<format>;base64,<data>", the format in lower case. 0; -EINVAL: not of that
 * form; -EBADMSG: the base64 is broken; -EFBIG: more than IMAGE_BYTES_MAX;
 * -EPROTONOSUPPORT: none of png, jpeg, webp, bmp, tiff, gif; -ENOMEM.
 */
int image_from_data_url(const char *url, struct image *ret);

/* The same for bytes in memory; the image gets a copy. */
int image_from_bytes(const void *bytes, size_t size, struct image *ret);

#endif
