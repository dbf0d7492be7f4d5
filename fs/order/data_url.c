#include "fs/order/data_url.h"

#include "backend/base/base64.h"
#include "backend/base/file.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define RUN_MAX 16384

static const char MARK[] = ";base64";

bool data_url_is(const char *url)
{
	return !strncasecmp(url, "data:", 5);
}

/* The start of the base64, or NULL. */
static const char *find_data(const char *url)
{
	const char *comma = strchr(url, ',');
	size_t length = sizeof(MARK) - 1;

	if (!data_url_is(url) || !comma || (size_t)(comma - url) < 5 + length ||
	    strncasecmp(comma - length, MARK, length))
		return NULL;
	return comma + 1;
}

/* Copies the next characters of the data without white space, and moves *at past them. */
static size_t take_run(const char **at, char run[RUN_MAX])
{
	size_t size = 0;

	for (; **at && size < RUN_MAX; ++*at)
		if (!isspace((unsigned char)**at))
			run[size++] = **at;
	return size;
}

static int decode_run(struct base64_decoder *decoder, const char *run, size_t size,
		      int to)
{
	unsigned char bytes[BASE64_DECODED_MAX(RUN_MAX)];
	size_t got;
	int r = base64_decoder_add(decoder, run, size, bytes, &got);

	return r ? r : file_write(to, bytes, got);
}

static int decode(struct base64_decoder *decoder, const char *data, int to)
{
	char run[RUN_MAX];
	size_t size;

	while ((size = take_run(&data, run))) {
		int r = decode_run(decoder, run, size, to);

		if (r)
			return r;
	}
	return base64_decoder_finish(decoder);
}

static const char *explain(int r)
{
	switch (r) {
	case -EILSEQ:
		return "a character that is not base64";
	case -EBADMSG:
		return "text after the end of the base64 data";
	case -ENODATA:
		return "incomplete base64 data";
	default:
		return NULL;
	}
}

int data_url_decode(const char *url, int to, const char **ret_why)
{
	const char *data = find_data(url);
	struct base64_decoder *decoder;
	int r;

	*ret_why = "allowed: data:TYPE;base64,…";
	if (!data)
		return -EINVAL;
	decoder = base64_decoder_create();
	r = decoder ? decode(decoder, data, to) : -ENOMEM;
	base64_decoder_destroy(decoder);
	*ret_why = explain(r);
	return *ret_why ? -EINVAL : r;
}
