/*
 * A multipart/form-data body (RFC 7578): fields and files, in the order of the calls.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_FORM_H
#define SEEDANCEFS_BACKEND_PROVIDERS_FORM_H

#include "backend/providers/provider.h"

#define FORM_BOUNDARY_CHARS 64

struct form {
	struct http_request *http; /* borrowed: the body is built in it */
	char boundary[FORM_BOUNDARY_CHARS];
};

/*
 * Starts the body and adds its Content-Type. The boundary is derived from the request's
 * content, so that equal requests have equal bytes, and none of them contains the
 * boundary by accident. Each returns 0 or -ENOMEM.
 */
int form_begin(struct form *form, struct http_request *http,
	       const struct request *request);
/* `name` is plain ASCII. The value is sent unchanged, without quotes. */
int form_add_text(struct form *form, const char *name, const char *value);
int form_add_number(struct form *form, const char *name, int64_t value);
/* For an item with a file, which is named NAME.EXTENSION after its type. */
int form_add_file(struct form *form, const char *name,
		  const struct request_content *item);
int form_end(struct form *form);

#endif
