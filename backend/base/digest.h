/*
 * Digests, base64 and random bytes, from libcrypto, liblzma and the kernel. The only file
 * that includes those libraries' headers. Pure but for random_bytes(); any thread.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_DIGEST_H
#define SEEDANCEFS_BACKEND_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_HEX (2 * SHA256_BYTES + 1) /* with the terminating NUL */

enum digest_kind {
	DIGEST_SHA256,
	DIGEST_MD5,   /* 32 digits */
	DIGEST_CRC64, /* CRC-64/XZ: 16 digits */
};

struct digest; /* one under way */

struct digest *digest_create(void); /* a SHA-256; NULL without memory */
/* NULL without memory, and where libcrypto's configuration forbids it (MD5). */
struct digest *digest_create_of(enum digest_kind kind);
void digest_destroy(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t size);
/* Writes the lower-case hexadecimal digest of all that was added;
 * add nothing afterwards. */
void digest_finish(struct digest *digest, char ret_hex[SHA256_HEX]);

/* The lower-case hexadecimal HMAC-SHA-256 of the bytes. 0 or -ENOMEM. */
int hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
		char ret_hex[SHA256_HEX]);

/*
 * Base64 of `size` bytes without line breaks, NUL-terminated. `ret_text` holds at least
 * BASE64_SIZE(size) bytes. Pieces may be joined when all but the last are multiples of 3
 * bytes.
 */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)
void base64_encode(const void *bytes, size_t size, char *ret_text);

/* The bytes of a base64 text, exactly `size` of them: 0 or -EINVAL. */
int base64_decode(const char *text, size_t size, unsigned char *ret_bytes);

/* The CRC-32 of PNG and gzip; `before` is that of what stands in front, or 0. */
uint32_t crc32_add(uint32_t before, const void *bytes, size_t size);

/* Fills the buffer from the kernel's generator. Returns 0 or -errno. */
int random_bytes(void *ret_bytes, size_t size);

#endif
