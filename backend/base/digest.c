#include "backend/base/digest.h"

#include "backend/base/cleanup.h"
#include "backend/base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define FILE_CHUNK 65536

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

int digest_bytes(enum digest_kind kind, const void *bytes, size_t size,
		 char ret_hex[SHA256_HEX])
{
	struct digest *digest = digest_create_of(kind);

	if (!digest)
		return -ENOMEM;
	digest_add(digest, bytes, size);
	digest_finish(digest, ret_hex);
	digest_destroy(digest);
	return 0;
}

static int add_file(struct digest *digest, int fd, uint64_t max_bytes, uint64_t *ret_size)
{
	AUTOFREE char *chunk = malloc(FILE_CHUNK);
	size_t got;

	if (!chunk)
		return -ENOMEM;
	*ret_size = 0;
	do {
		int r = file_read_at(fd, chunk, FILE_CHUNK, *ret_size, &got);

		if (r)
			return r;
		digest_add(digest, chunk, got);
		*ret_size += got;
	} while (got == FILE_CHUNK && *ret_size <= max_bytes);
	return *ret_size <= max_bytes ? 0 : -EFBIG;
}

int digest_file(int fd, uint64_t max_bytes, char ret_hex[SHA256_HEX], uint64_t *ret_size)
{
	struct digest *digest = digest_create();
	int r = digest ? add_file(digest, fd, max_bytes, ret_size) : -ENOMEM;

	if (!r)
		digest_finish(digest, ret_hex);
	digest_destroy(digest);
	return r;
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
