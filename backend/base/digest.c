#include "backend/base/digest.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/random.h>

struct digest {
	EVP_MD_CTX *context;
};

struct digest *digest_create(void)
{
	AUTOFREE struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->context = EVP_MD_CTX_new();
	if (!digest->context)
		return NULL;
	if (EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(digest->context);
		return NULL;
	}
	return TAKE(digest);
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
	EVP_DigestUpdate(digest->context, bytes, size);
}

void digest_finish(struct digest *digest, char ret_hex[SHA256_HEX])
{
	unsigned char bytes[EVP_MAX_MD_SIZE] = { 0 };

	EVP_DigestFinal_ex(digest->context, bytes, NULL);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", bytes[i]);
}

void base64_encode(const void *bytes, size_t size, char *ret_text)
{
	EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)size);
}

int random_bytes(void *ret_bytes, size_t size)
{
	ssize_t got = getrandom(ret_bytes, size, 0);

	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}
