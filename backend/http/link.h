/* The expiry of a media link. Pure. */
#ifndef SEEDANCEFS_BACKEND_HTTP_LINK_H
#define SEEDANCEFS_BACKEND_HTTP_LINK_H

#include <stdint.h>

/*
 * When a signed link expires, in seconds since the epoch, from its query: X-Tos-Date with
 * X-Tos-Expires, X-Amz-Date with X-Amz-Expires, or Expires. 0: unknown.
 */
int64_t link_expires_at(const char *url);

#endif
