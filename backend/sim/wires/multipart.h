/*
 * A multipart/form-data body, read strictly (RFC 7578): the parts in order, as they came.
 * Pure.
 */
#ifndef SEEDANCE_SIM_WIRES_MULTIPART_H
#define SEEDANCE_SIM_WIRES_MULTIPART_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_PARTS_MAX 64

struct part {
	char *name, *file_name, *content_type; /* the latter two may be NULL */
	const char *bytes;		       /* borrowed from the body */
	size_t size;
};

struct multipart {
	struct part parts[MULTIPART_PARTS_MAX];
	size_t count;
};

/* Is this the value of such a request's Content-Type? */
bool multipart_is_type(const char *content_type);

/*
 * The body must outlive the result. 0; -EINVAL: no boundary in the type, or the body is
 * not made of whole parts; -E2BIG: too many parts; -ENOMEM.
 */
int multipart_read(const char *content_type, const char *body, size_t size,
		   struct multipart **ret);
void multipart_destroy(struct multipart *multipart);

/* [{"name","filename"?,"content_type"?,"bytes","sha256","value"?}, ...]: values that are
 * no files and whose bytes are text are shown. */
void multipart_describe(const struct multipart *multipart, struct buffer *out);

#endif
