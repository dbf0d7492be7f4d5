#include "backend/http/content_range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int read_number(const char **at, uint64_t *ret_number)
{
	char *end;

	if (**at < '0' || **at > '9')
		return -EINVAL;
	errno = 0;
	*ret_number = strtoumax(*at, &end, 10);
	*at = end;
	return errno || *ret_number > INT64_MAX ? -EINVAL : 0;
}

/* "*" stands for what the server does not tell. */
static bool skip_unknown(const char **at)
{
	if (**at != '*')
		return false;
	++*at;
	return true;
}

static int read_range(const char **at, struct content_range *range)
{
	if (skip_unknown(at))
		return 0;
	if (read_number(at, &range->first) || *(*at)++ != '-' ||
	    read_number(at, &range->last) || range->last < range->first)
		return -EINVAL;
	range->has_range = true;
	return 0;
}

static int read_total(const char **at, struct content_range *range)
{
	if (skip_unknown(at))
		return 0;
	range->has_total = true;
	return read_number(at, &range->total);
}

int content_range_parse(const char *text, struct content_range *ret_range)
{
	struct content_range range = { 0 };

	if (!text || strncasecmp(text, "bytes ", 6))
		return -EINVAL;
	text += 6;
	text += strspn(text, " ");
	if (read_range(&text, &range) || *text++ != '/' || read_total(&text, &range) ||
	    *text)
		return -EINVAL;
	if (!range.has_range && !range.has_total)
		return -EINVAL;
	if (range.has_range && range.has_total && range.last >= range.total)
		return -EINVAL;
	*ret_range = range;
	return 0;
}
