/*
 * Data URLs (RFC 2397): their bytes, put into a file. Only base64 is decoded, white space
 * in it is passed over, and the type that it declares is not looked at: the bytes tell.
 */
#ifndef SEEDANCEFS_FS_ORDER_DATA_URL_H
#define SEEDANCEFS_FS_ORDER_DATA_URL_H

#include <stdbool.h>

bool data_url_is(const char *url);

/*
 * Writes the bytes of a data URL at the descriptor's position. Returns 0; -EINVAL with
 * *ret_why, a constant sentence, when it is not one, or not well made; or -errno.
 */
int data_url_decode(const char *url, int to, const char **ret_why);

#endif
