/*
 * The Range header (RFC 9110, 14.2): one range of bytes. Pure.
 */
#ifndef SEEDANCE_SIM_SERVER_RANGE_H
#define SEEDANCE_SIM_SERVER_RANGE_H

#include <stdint.h>

enum range_verdict {
	RANGE_NONE, /* absent, malformed, another unit or several ranges: send the
		     * whole body */
	RANGE_GOOD, /* first and last are set and inside the body */
	RANGE_UNSATISFIABLE, /* 416 */
};

struct range {
	uint64_t first, last; /* both inclusive */
};

enum range_verdict range_parse(const char *header, uint64_t size, struct range *ret);

#endif
