#include "backend/sim/server/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Parses digits up to the end of the number; false if there are none or too many. */
static bool parse_number(const char **at, uint64_t *ret)
{
	const char *start = *at;
	uint64_t number = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (number > UINT64_MAX / 10 - 1)
			return false;
		number = number * 10 + (uint64_t)(**at - '0');
	}
	*ret = number;
	return *at != start;
}

static enum range_verdict parse_suffix(const char *at, uint64_t size, struct range *ret)
{
	uint64_t length;

	if (!parse_number(&at, &length) || *at)
		return RANGE_NONE;
	if (!length || !size)
		return RANGE_UNSATISFIABLE;
	*ret = (struct range){ length < size ? size - length : 0, size - 1 };
	return RANGE_GOOD;
}

enum range_verdict range_parse(const char *header, uint64_t size, struct range *ret)
{
	uint64_t first, last = UINT64_MAX;

	if (!header || strncasecmp(header, "bytes=", 6))
		return RANGE_NONE;
	header += 6;
	if (*header == '-')
		return parse_suffix(header + 1, size, ret);
	if (!parse_number(&header, &first) || *header++ != '-')
		return RANGE_NONE;
	if (*header && !parse_number(&header, &last))
		return RANGE_NONE;
	if (*header || last < first)
		return RANGE_NONE;
	if (first >= size)
		return RANGE_UNSATISFIABLE;
	*ret = (struct range){ first, last < size ? last : size - 1 };
	return RANGE_GOOD;
}
