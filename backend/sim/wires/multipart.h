/*
 * A multipart/form-data body, read strictly (RFC 7578): the parts in their order. Pure.
 */
#ifndef SEEDANCE_SIM_WIRES_MULTIPART_H
#define SEEDANCE_SIM_WIRES_MULTIPART_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_PARTS_MAX 64

struct part {
	char *name, *file_name, *content_type; /* the last two may be NULL */
	const char *bytes;		       /* borrowed from the body */
	size_t size;
};

struct multipart {
	struct part parts[MULTIPART_PARTS_MAX];
	size_t count;
};

/* Whether this is the Content-Type of such a request. */
bool multipart_is_type(const char *content_type);

/*
 * The body must outlive the result. Returns 0; -EINVAL: the type has no boundary, or the
 * body does not consist of complete parts; -E2BIG: too many parts; -ENOMEM.
 */
int multipart_read(const char *content_type, const char *body, size_t size,
		   struct multipart **ret);
void multipart_destroy(struct multipart *multipart);

/*
 * [{"name","filename"?,"content_type"?,"bytes","sha256","value"?}, ...]: values that are
 * text and not files are shown.
 */
void multipart_describe(const struct multipart *multipart, struct buffer *out);

#endif
