/*
 * What a server promises of the bytes of a whole file: the digests that its headers name,
 * as one text that can be kept: "sha-256=HEX", "crc64=HEX" or "md5=HEX". Pure.
 *
 * Only headers that say that they are a digest count; an ETag that looks like one never
 * does.
 */
#ifndef SEEDANCEFS_BACKEND_HTTP_EXPECTED_DIGEST_H
#define SEEDANCEFS_BACKEND_HTTP_EXPECTED_DIGEST_H

#include "backend/base/digest.h"

#include <stdbool.h>

#define PROMISE_SIZE 80 /* of the longest text, with its NUL */

/*
 * Reads a header. `is_whole`: the answer carries the whole file (status 200), which
 * Content-MD5 is about; the others are always about the whole file. Replaces *promise
 * (NULL or owned) if what the header says is stronger. Without memory nothing is
 * promised.
 */
void expected_digest_read(char **expected_digest, const char *name, const char *value,
			  bool is_whole);

/* The parts of such a text. Returns 0 or -EINVAL. */
int expected_digest_parse(const char *expected_digest, enum digest_kind *ret_kind,
			  const char **ret_hex);

#endif
