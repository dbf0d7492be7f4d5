/*
 * Data URLs (RFC 2397), decoded into a file. Only base64 is supported. White space in it is
 * ignored. The declared type is ignored too: the bytes tell the type.
 */
#ifndef SEEDANCEFS_FS_ORDER_DATA_URL_H
#define SEEDANCEFS_FS_ORDER_DATA_URL_H

#include <stdbool.h>

bool data_url_is(const char *url);

/*
 * Writes the bytes of a data URL at the descriptor's position. Returns 0; -EINVAL with
 * the reason in *ret_why, a constant string, for a malformed URL; or -errno, with NULL
 * there.
 */
int data_url_decode(const char *url, int to, const char **ret_why);

#endif
