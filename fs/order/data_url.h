/*
 * Decodes data URLs (RFC 2397) into a file. Supports only base64. Ignores white space in
 * the data, and the declared type: the bytes determine the type.
 */
#ifndef SEEDANCEFS_FS_ORDER_DATA_URL_H
#define SEEDANCEFS_FS_ORDER_DATA_URL_H

#include <stdbool.h>

bool data_url_is(const char *url);

/*
 * Writes the decoded bytes at the descriptor's position. Returns 0; -EINVAL for a
 * malformed URL, with the reason in *ret_why (a constant string); or another -errno, with
 * NULL in *ret_why.
 */
int data_url_decode(const char *url, int to, const char **ret_why);

#endif
