/*
 * Content-Range as servers send it: "bytes 0-99/1234". An asterisk stands for a range or
 * a total that the server does not know. Pure.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_CONTENT_RANGE_H
#define SEEDANCEFS_BACKEND_HTTP_CONTENT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct content_range {
	uint64_t first, last; /* inclusive; valid if has_range */
	uint64_t total;	      /* valid if has_total */
	bool has_range, has_total;
};

/* 0 or -EINVAL. NULL text is invalid. */
int content_range_parse(const char *text, struct content_range *ret_range);

#endif
