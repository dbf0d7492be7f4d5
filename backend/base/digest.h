/*
 * SHA-256, base64 and random bytes, from libcrypto and the kernel. The only file that
 * includes libcrypto's headers. Pure but for random_bytes(); any thread.
 */
#ifndef SEEDANCEFS_BASE_DIGEST_H
#define SEEDANCEFS_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_HEX (2 * SHA256_BYTES + 1) /* with the terminating NUL */

struct digest; /* a SHA-256 under way */

struct digest *digest_create(void); /* NULL without memory */
void digest_destroy(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t size);
/* Writes the lower-case hexadecimal digest of all that was added; add nothing afterwards.
 */
void digest_finish(struct digest *digest, char ret_hex[SHA256_HEX]);

/*
 * Base64 of `size` bytes without line breaks, NUL-terminated. `ret_text` holds at least
 * BASE64_SIZE(size) bytes. Pieces may be joined when all but the last are multiples of 3
 * bytes.
 */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)
void base64_encode(const void *bytes, size_t size, char *ret_text);

/* Fills the buffer from the kernel's generator. Returns 0 or -errno. */
int random_bytes(void *ret_bytes, size_t size);

#endif
