#include "fs/order/data_url.h"

#include "backend/base/cleanup.h"
#include "backend/base/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define CHUNK 16384

static const char MARK[] = ";base64";

bool data_url_is(const char *url)
{
	return !strncasecmp(url, "data:", 5);
}

/* Where the base64 begins, or NULL. */
static const char *find_data(const char *url)
{
	const char *comma = strchr(url, ',');
	size_t length = sizeof(MARK) - 1;

	if (!data_url_is(url) || !comma || (size_t)(comma - url) < 5 + length ||
	    strncasecmp(comma - length, MARK, length))
		return NULL;
	return comma + 1;
}

static int value_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Four digits of base64 on the way to three bytes. */
struct group {
	uint32_t bits;
	unsigned digits, padding;
};

/* Takes one character; a whole group's bytes go to `out`, their number to *ret_count. */
static const char *take(struct group *group, char c, unsigned char *out,
			unsigned *ret_count)
{
	int value = value_of(c);

	*ret_count = 0;
	if (c == '=' && group->digits + group->padding >= 2)
		group->padding++;
	else if (value < 0)
		return "there is a character in it that is not base64";
	else if (group->padding)
		return "it goes on behind its end";
	else
		group->digits++;
	group->bits = group->bits << 6 | (value < 0 ? 0 : (uint32_t)value);
	if (group->digits + group->padding < 4)
		return NULL;
	for (unsigned i = 0; i < 3; i++)
		out[i] = (unsigned char)(group->bits >> (16 - 8 * i));
	*ret_count = 3 - group->padding;
	group->bits = group->digits = 0; /* padding stays: nothing may follow it */
	return NULL;
}

int data_url_decode(const char *url, int to, const char **ret_why)
{
	const char *at = find_data(url);
	AUTOFREE unsigned char *out = malloc(CHUNK + 3);
	struct group group = { 0 };
	size_t filled = 0;
	int r = out ? 0 : -ENOMEM;

	*ret_why = at ? NULL : "allowed: data:TYPE;base64,…";
	for (; !r && !*ret_why && *at; at++) {
		unsigned count;

		if (isspace((unsigned char)*at))
			continue;
		if (group.padding && !group.digits)
			*ret_why = "it goes on behind its end";
		else
			*ret_why = take(&group, *at, out + filled, &count);
		if (*ret_why)
			break;
		filled += count;
		if (filled >= CHUNK) {
			r = file_write(to, out, filled);
			filled = 0;
		}
	}
	if (!r && !*ret_why && group.digits)
		*ret_why = "its base64 ends too early";
	if (!r && !*ret_why)
		r = file_write(to, out, filled);
	return r ? r : *ret_why ? -EINVAL : 0;
}
