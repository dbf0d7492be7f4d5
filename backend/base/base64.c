#include "backend/base/base64.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

#define CHUNK 4096

struct base64_decoder {
	EVP_ENCODE_CTX *context;
	unsigned digits, padding; /* of the last group, up to 4 together */
};

void base64_encode(const void *bytes, size_t size, char *ret_text)
{
	EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)size);
}

struct base64_decoder *base64_decoder_create(void)
{
	struct base64_decoder *decoder = calloc(1, sizeof(*decoder));

	if (!decoder)
		return NULL;
	decoder->context = EVP_ENCODE_CTX_new();
	if (!decoder->context) {
		free(decoder);
		return NULL;
	}
	EVP_DecodeInit(decoder->context);
	return decoder;
}

void base64_decoder_destroy(struct base64_decoder *decoder)
{
	if (!decoder)
		return;
	EVP_ENCODE_CTX_free(decoder->context);
	free(decoder);
}

static bool is_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/*
 * libcrypto is laxer than RFC 4648: it skips white space, takes '-' for the end of the
 * text, and forgets between two calls that the padding ended it. It gets only what
 * passes here.
 */
static int check_character(struct base64_decoder *decoder, char c)
{
	if (decoder->digits + decoder->padding == 4) {
		if (decoder->padding)
			return -EBADMSG;
		decoder->digits = 0;
	}
	if (c == '=' && decoder->digits >= 2) {
		decoder->padding++;
		return 0;
	}
	if (!is_digit(c))
		return -EILSEQ;
	if (decoder->padding)
		return -EBADMSG;
	decoder->digits++;
	return 0;
}

static int decode_chunk(struct base64_decoder *decoder, const char *text, size_t size,
			unsigned char *bytes, size_t *ret_size)
{
	int got = 0;

	for (size_t i = 0; i < size; i++) {
		int r = check_character(decoder, text[i]);

		if (r)
			return r;
	}
	if (EVP_DecodeUpdate(decoder->context, bytes, &got, (const unsigned char *)text,
			     (int)size) < 0)
		return -EILSEQ;
	*ret_size = (size_t)got;
	return 0;
}

/* In chunks, since libcrypto counts in int. */
int base64_decoder_add(struct base64_decoder *decoder, const char *text, size_t size,
		       void *bytes, size_t *ret_size)
{
	unsigned char *to = bytes;

	while (size) {
		size_t chunk = size < CHUNK ? size : CHUNK, got;
		int r = decode_chunk(decoder, text, chunk, to, &got);

		if (r)
			return r;
		text += chunk;
		size -= chunk;
		to += got;
	}
	*ret_size = (size_t)(to - (unsigned char *)bytes);
	return 0;
}

/* libcrypto decodes whole groups at the end of each call: nothing is left in it. */
int base64_decoder_finish(const struct base64_decoder *decoder)
{
	return (decoder->digits + decoder->padding) % 4 ? -ENODATA : 0;
}

static int decode_into(struct base64_decoder *decoder, const char *text, size_t size,
		       struct buffer *out)
{
	unsigned char bytes[BASE64_DECODED_MAX(CHUNK)];

	while (size) {
		size_t chunk = size < CHUNK ? size : CHUNK, got;
		int r = base64_decoder_add(decoder, text, chunk, bytes, &got);

		if (!r)
			r = buffer_append(out, bytes, got);
		if (r)
			return r;
		text += chunk;
		size -= chunk;
	}
	return base64_decoder_finish(decoder);
}

int base64_decode(const char *text, size_t size, struct buffer *out)
{
	struct base64_decoder *decoder = base64_decoder_create();
	int r = decoder ? decode_into(decoder, text, size, out) : -ENOMEM;

	base64_decoder_destroy(decoder);
	return r;
}
