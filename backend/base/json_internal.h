/*
 * The grammar of RFC 8259 with the limits of json.h, without a tree. Pure; any thread.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_JSON_INTERNAL_H
#define SEEDANCEFS_BACKEND_BASE_JSON_INTERNAL_H

#include <stddef.h>

/*
 * 0, or -EINVAL with the offset of the error and its reason, a constant string. Does not
 * look for duplicate keys: that needs the decoded keys.
 */
int json_check(const char *text, size_t size, size_t *ret_offset, const char **ret_why);

#endif
