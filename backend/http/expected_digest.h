/*
 * The digest that a server states for a whole file in its headers, as one text that can
 * be stored: "sha-256=HEX", "crc64=HEX" or "md5=HEX". Pure.
 *
 * Only headers that are defined as digests count; an ETag that looks like one does not.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_EXPECTED_DIGEST_H
#define SEEDANCEFS_BACKEND_HTTP_EXPECTED_DIGEST_H

#include "backend/base/digest.h"

#include <stdbool.h>

#define EXPECTED_DIGEST_SIZE 80 /* bytes of the longest text, including its NUL */

/*
 * Reads a header. `is_whole`: the answer carries the whole file (status 200), as
 * Content-MD5 requires; the other headers always describe the whole file. Replaces
 * *expected_digest (NULL or owned) if the header states a stronger digest. Without memory
 * nothing changes.
 */
void expected_digest_read(char **expected_digest, const char *name, const char *value,
			  bool is_whole);

/* Parses such a text. Returns 0 or -EINVAL. */
int expected_digest_parse(const char *expected_digest, enum digest_kind *ret_kind,
			  const char **ret_hex);

#endif
