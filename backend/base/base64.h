/*
 * Base64 (RFC 4648, section 4) from libcrypto: encoding, and a strict streaming decoder.
 *
 * The decoder accepts the 64 characters of the alphabet and the padding of the last group.
 * White space, the URL alphabet, missing padding and text after the padding are errors. A
 * text may be split anywhere between two calls.
 *
 * Any thread; one decoder is not thread-safe.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_BASE64_H
#define SEEDANCEFS_BACKEND_BASE_BASE64_H

#include "backend/base/buffer.h"

#include <stddef.h>

/*
 * The text of `size` bytes without line breaks, NUL-terminated. `ret_text` holds
 * BASE64_SIZE(size) bytes. Texts of pieces may be joined when the sizes of all but the
 * last piece are multiples of 3.
 */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)
void base64_encode(const void *bytes, size_t size, char *ret_text);

struct base64_decoder;

struct base64_decoder *base64_decoder_create(void); /* NULL without memory */
void base64_decoder_destroy(struct base64_decoder *decoder);

/* Most bytes that `size` characters give, with those that wait in the decoder. */
#define BASE64_DECODED_MAX(size) ((size) / 4 * 3 + 48)

/*
 * Decodes the next characters of the text. `bytes` holds BASE64_DECODED_MAX(size). Returns
 * 0; -EILSEQ: a character that is not base64; -EBADMSG: text after the padding. After an
 * error the decoder is of no use.
 */
int base64_decoder_add(struct base64_decoder *decoder, const char *text, size_t size,
		       void *bytes, size_t *ret_size);

/* Whether the text was complete: 0, or -ENODATA when the last group is not. */
int base64_decoder_finish(const struct base64_decoder *decoder);

/*
 * Appends the bytes of a complete text to a buffer. The same errors, or those of the
 * buffer; then some of the bytes may be in the buffer.
 */
int base64_decode(const char *text, size_t size, struct buffer *out);

#endif
