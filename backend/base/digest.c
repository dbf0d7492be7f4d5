#include "backend/base/digest.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

struct digest {
	EVP_MD_CTX *context; /* NULL: a CRC */
	uint64_t crc;
};

static int begin(struct digest *digest, enum digest_kind kind)
{
	if (kind == DIGEST_CRC64)
		return 0;
	digest->context = EVP_MD_CTX_new();
	if (!digest->context)
		return -ENOMEM;
	return EVP_DigestInit_ex(digest->context,
				 kind == DIGEST_MD5 ? EVP_md5() : EVP_sha256(), NULL) == 1
		       ? 0
		       : -ENOTSUP;
}

struct digest *digest_create_of(enum digest_kind kind)
{
	struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest || !begin(digest, kind))
		return digest;
	digest_destroy(digest);
	return NULL;
}

struct digest *digest_create(void)
{
	return digest_create_of(DIGEST_SHA256);
}

void digest_destroy(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
	if (digest->context)
		EVP_DigestUpdate(digest->context, bytes, size);
	else
		digest->crc = lzma_crc64(bytes, size, digest->crc);
}

static void write_hex(const unsigned char *bytes, size_t size, char ret_hex[SHA256_HEX])
{
	for (size_t i = 0; i < size && i < SHA256_BYTES; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", bytes[i]);
}

void digest_finish(struct digest *digest, char ret_hex[SHA256_HEX])
{
	unsigned char bytes[EVP_MAX_MD_SIZE] = { 0 };
	unsigned size = 0;

	if (!digest->context) {
		snprintf(ret_hex, SHA256_HEX, "%016" PRIx64, digest->crc);
		return;
	}
	EVP_DigestFinal_ex(digest->context, bytes, &size);
	write_hex(bytes, size, ret_hex);
}

int hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size,
		char ret_hex[SHA256_HEX])
{
	unsigned char hmac[SHA256_BYTES];

	if (!HMAC(EVP_sha256(), key, (int)key_size, bytes, size, hmac, NULL))
		return -ENOMEM;
	write_hex(hmac, sizeof(hmac), ret_hex);
	return 0;
}

uint32_t crc32_add(uint32_t before, const void *bytes, size_t size)
{
	return lzma_crc32(bytes, size, before);
}

int random_bytes(void *ret_bytes, size_t size)
{
	ssize_t got = getrandom(ret_bytes, size, 0);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}
