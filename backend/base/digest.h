/*
 * Digests from libcrypto and liblzma, and random bytes from the kernel. Pure except for
 * random_bytes(); any thread.
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

/* The digest of bytes. 0; -ENOMEM, also where libcrypto forbids the kind. */
int digest_bytes(enum digest_kind kind, const void *bytes, size_t size,
		 char ret_hex[SHA256_HEX]);
/*
 * The SHA-256 of a regular file and its length. 0; -EFBIG when it has more than
 * `max_bytes`; or -errno.
 */
int digest_file(int fd, uint64_t max_bytes, char ret_hex[SHA256_HEX], uint64_t *ret_size);

/* The lower-case hexadecimal HMAC-SHA-256 of the bytes. 0 or -ENOMEM. */
int hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
		char ret_hex[SHA256_HEX]);

/* The CRC-32 of PNG and gzip; `before` is that of the preceding bytes, or 0. */
uint32_t crc32_add(uint32_t before, const void *bytes, size_t size);

/* Fills the buffer from the kernel's generator. Returns 0 or -errno. */
int random_bytes(void *ret_bytes, size_t size);

#endif
