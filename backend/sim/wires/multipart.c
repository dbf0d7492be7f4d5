#include "backend/sim/wires/multipart.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/json_write.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70
#define HEAD_MAX 8192
#define VALUE_SHOWN_MAX (64u * 1024)

struct reader {
	const char *at, *end;
	char delimiter[BOUNDARY_MAX + 8]; /* CR LF "--" boundary */
	size_t delimiter_length;
};

bool multipart_is_type(const char *content_type)
{
	static const char type[] = "multipart/form-data";
	size_t length = strlen(type);

	return content_type && !strncasecmp(content_type, type, length) &&
	       strchr("; \t", content_type[length]);
}

static const char *find(const char *at, const char *end, const char *text, size_t length)
{
	return at < end ? memmem(at, (size_t)(end - at), text, length) : NULL;
}

static int read_boundary(struct reader *reader, const char *content_type)
{
	const char *value = strcasestr(content_type, "boundary=");
	size_t length;

	if (!value)
		return -EINVAL;
	value += strlen("boundary=");
	length = *value == '"' ? strcspn(++value, "\"") : strcspn(value, "; \t");
	if (!length || length > BOUNDARY_MAX)
		return -EINVAL;
	reader->delimiter_length =
		(size_t)snprintf(reader->delimiter, sizeof(reader->delimiter),
				 "\r\n--%.*s", (int)length, value);
	return 0;
}

/*
 * The value of `name="value"` in a header line; \" and %22 are not decoded. NULL =
 * absent.
 */
static char *parameter(const char *line, const char *name)
{
	AUTOBUFFER wanted = BUFFER_INIT(64);
	const char *value, *end;

	buffer_addf(&wanted, "; %s=\"", name);
	value = wanted.data ? strcasestr(line, wanted.data) : NULL;
	if (!value)
		return NULL;
	value += wanted.size;
	end = value;
	while (*end && *end != '"')
		end += *end == '\\' && end[1] ? 2 : 1;
	return *end ? strndup(value, (size_t)(end - value)) : NULL;
}

static const char *header_value(const char *line, const char *name)
{
	size_t length = strlen(name);

	if (strncasecmp(line, name, length) || line[length] != ':')
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

static int read_line(const char *line, struct part *part)
{
	const char *disposition = header_value(line, "Content-Disposition");
	const char *type = header_value(line, "Content-Type");

	if (disposition) {
		if (part->name || strncasecmp(disposition, "form-data;", 10))
			return -EINVAL;
		part->name = parameter(disposition, "name");
		part->file_name = parameter(disposition, "filename");
	}
	if (type && !part->content_type) {
		part->content_type = strdup(type);
		return part->content_type ? 0 : -ENOMEM;
	}
	return strchr(line, ':') ? 0 : -EINVAL;
}

/* Reads the lines up to an empty one; *at then points after it. */
static int read_head(const char **at, const char *end, struct part *part)
{
	for (;;) {
		const char *stop = find(*at, end, "\r\n", 2);
		AUTOFREE char *line = NULL;
		int r;

		if (!stop || stop - *at > HEAD_MAX ||
		    memchr(*at, 0, (size_t)(stop - *at)))
			return -EINVAL;
		line = strndup(*at, (size_t)(stop - *at));
		*at = stop + 2;
		if (!line)
			return -ENOMEM;
		if (!*line)
			return part->name && *part->name ? 0 : -EINVAL;
		r = read_line(line, part);
		if (r)
			return r;
	}
}

static int read_part(struct reader *reader, struct part *part)
{
	const char *stop;
	int r = read_head(&reader->at, reader->end, part);

	if (r)
		return r;
	stop = find(reader->at, reader->end, reader->delimiter, reader->delimiter_length);
	if (!stop)
		return -EINVAL;
	part->bytes = reader->at;
	part->size = (size_t)(stop - reader->at);
	reader->at = stop + reader->delimiter_length;
	return 0;
}

static bool takes(struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(reader->end - reader->at) < length ||
	    memcmp(reader->at, text, length))
		return false;
	reader->at += length;
	return true;
}

static int read_parts(struct reader *reader, struct multipart *multipart)
{
	if (!takes(reader, reader->delimiter + 2)) /* without the leading CR LF */
		return -EINVAL;
	while (!takes(reader, "--")) {
		int r;

		if (!takes(reader, "\r\n"))
			return -EINVAL;
		if (multipart->count == MULTIPART_PARTS_MAX)
			return -E2BIG;
		r = read_part(reader, &multipart->parts[multipart->count++]);
		if (r)
			return r;
	}
	takes(reader, "\r\n");
	return reader->at == reader->end ? 0 : -EINVAL;
}

int multipart_read(const char *content_type, const char *body, size_t size,
		   struct multipart **ret)
{
	struct reader reader = { .at = body, .end = body + size };
	struct multipart *multipart = calloc(1, sizeof(*multipart));
	int r = multipart ? read_boundary(&reader, content_type) : -ENOMEM;

	if (!r)
		r = read_parts(&reader, multipart);
	if (r)
		multipart_destroy(multipart);
	else
		*ret = multipart;
	return r;
}

void multipart_destroy(struct multipart *multipart)
{
	if (!multipart)
		return;
	for (size_t i = 0; i < multipart->count; i++) {
		free(multipart->parts[i].name);
		free(multipart->parts[i].file_name);
		free(multipart->parts[i].content_type);
	}
	free(multipart);
}

static void put_value(struct buffer *out, const struct part *part)
{
	AUTOFREE char *value = NULL;

	if (part->file_name || part->size > VALUE_SHOWN_MAX ||
	    memchr(part->bytes, 0, part->size) || !text_is_utf8(part->bytes, part->size))
		return;
	value = strndup(part->bytes, part->size);
	json_write_string(out, "value", value);
}

static void put_digest(struct buffer *out, const struct part *part)
{
	char hex[SHA256_HEX];

	if (!digest_bytes(DIGEST_SHA256, part->bytes, part->size, hex))
		json_write_string(out, "sha256", hex);
}

void multipart_describe(const struct multipart *multipart, struct buffer *out)
{
	json_write_open(out, NULL, '[');
	for (size_t i = 0; i < multipart->count; i++) {
		const struct part *part = &multipart->parts[i];

		json_write_open(out, NULL, '{');
		json_write_string(out, "name", part->name);
		json_write_string(out, "filename", part->file_name);
		json_write_string(out, "content_type", part->content_type);
		json_write_int64(out, "bytes", (int64_t)part->size);
		put_digest(out, part);
		put_value(out, part);
		json_write_close(out, '}');
	}
	json_write_close(out, ']');
}
