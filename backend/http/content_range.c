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

int content_range_parse(const char *text, struct content_range *ret_range)
{
	struct content_range range = { 0 };

	if (!text || strncasecmp(text, "bytes ", 6))
		return -EINVAL;
	text += 6;
	text += strspn(text, " ");
	if (*text == '*') {
		text++;
	} else {
		if (read_number(&text, &range.first) || *text++ != '-' ||
		    read_number(&text, &range.last) || range.last < range.first)
			return -EINVAL;
		range.has_range = true;
	}
	if (*text++ != '/')
		return -EINVAL;
	if (*text == '*') {
		text++;
	} else {
		if (read_number(&text, &range.total))
			return -EINVAL;
		range.has_total = true;
	}
	if (*text || (!range.has_range && !range.has_total) ||
	    (range.has_range && range.has_total && range.last >= range.total))
		return -EINVAL;
	*ret_range = range;
	return 0;
}
