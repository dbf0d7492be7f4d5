#include "backend/providers/form.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* A digest of everything that the body may contain. */
static int make_boundary(struct form *form, const struct request *request)
{
	AUTOFREE char *described = request_describe(request);
	char hex[SHA256_HEX];
	int r = described ? digest_bytes(DIGEST_SHA256, described, strlen(described), hex)
			  : -ENOMEM;

	if (r)
		return r;
	snprintf(form->boundary, sizeof(form->boundary), "seedancefs-%.40s", hex);
	return 0;
}

int form_begin(struct form *form, struct http_request *http,
	       const struct request *request)
{
	int r = make_boundary(form, request);

	form->http = http;
	if (r)
		return r;
	return http_request_add_header(http,
				       "Content-Type: multipart/form-data; boundary=%s",
				       form->boundary);
}

static int add_line(struct form *form, char *line)
{
	AUTOFREE char *text = line;

	return text ? http_request_add_text(form->http, text, strlen(text)) : -ENOMEM;
}

int form_add_text(struct form *form, const char *name, const char *value)
{
	return add_line(form,
			text_format("--%s\r\n"
				    "Content-Disposition: form-data; name=\"%s\"\r\n"
				    "\r\n%s\r\n",
				    form->boundary, name, value));
}

int form_add_number(struct form *form, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return form_add_text(form, name, text);
}

int form_add_file(struct form *form, const char *name, const struct request_content *item)
{
	const char *slash = strchr(item->file.mime, '/');
	int r = add_line(form, text_format("--%s\r\n"
					   "Content-Disposition: form-data; name=\"%s\"; "
					   "filename=\"%s.%s\"\r\n"
					   "Content-Type: %s\r\n\r\n",
					   form->boundary, name, name,
					   slash ? slash + 1 : "bin", item->file.mime));

	if (!r)
		r = http_request_add_file(form->http, item->file.fd, item->file.size);
	return r ? r : http_request_add_text(form->http, "\r\n", 2);
}

int form_end(struct form *form)
{
	return add_line(form, text_format("--%s--\r\n", form->boundary));
}
