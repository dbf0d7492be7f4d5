#include "backend/http/expected_digest.h"

#include "backend/base/base64.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* The weakest first. */
static const struct kind {
	const char *head;
	enum digest_kind kind;
	size_t bytes;
} kinds[] = {
	{ "md5=", DIGEST_MD5, 16 },
	{ "crc64=", DIGEST_CRC64, 8 },
	{ "sha-256=", DIGEST_SHA256, SHA256_BYTES },
};

static const struct kind *kind_of(const char *expected_digest)
{
	for (size_t i = 0; expected_digest && i < ARRAY_SIZE(kinds); i++)
		if (text_starts_with(expected_digest, kinds[i].head))
			return &kinds[i];
	return NULL;
}

int expected_digest_parse(const char *expected_digest, enum digest_kind *ret_kind,
			  const char **ret_hex)
{
	const struct kind *kind = kind_of(expected_digest);
	const char *hex = kind ? expected_digest + strlen(kind->head) : "";

	if (!kind || strlen(hex) != 2 * kind->bytes ||
	    strspn(hex, "0123456789abcdef") != 2 * kind->bytes)
		return -EINVAL;
	*ret_kind = kind->kind;
	*ret_hex = hex;
	return 0;
}

static void take(char **expected_digest, const struct kind *kind, const char *hex)
{
	const struct kind *before = kind_of(*expected_digest);

	if (before && before > kind)
		return;
	free(*expected_digest);
	*expected_digest = text_format("%s%s", kind->head, hex);
}

static void take_base64(char **expected_digest, const struct kind *kind, const char *text)
{
	AUTOBUFFER bytes = BUFFER_INIT(SHA256_BYTES);
	char hex[SHA256_HEX];

	if (base64_decode(text, strlen(text), &bytes) || bytes.size != kind->bytes)
		return;
	for (size_t i = 0; i < kind->bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes.data[i]);
	take(expected_digest, kind, hex);
}

/* The object stores of Alibaba and Volcengine: CRC-64/XZ as a decimal number. */
static void take_crc(char **expected_digest, const char *value)
{
	char hex[17], *end;
	uint64_t crc;

	if (!isdigit((unsigned char)*value) || strlen(value) > 20)
		return;
	errno = 0;
	crc = strtoull(value, &end, 10);
	if (*end || errno)
		return;
	snprintf(hex, sizeof(hex), "%016" PRIx64, crc);
	take(expected_digest, &kinds[1], hex);
}

/* An item of Repr-Digest, Digest or x-goog-hash: "sha-256=:base64:", "md5=base64". */
static void take_item(char **expected_digest, char *item)
{
	char *value;
	size_t size;

	while (isspace((unsigned char)*item))
		item++;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t head = strlen(kinds[i].head);

		if (strncasecmp(item, kinds[i].head, head))
			continue;
		value = item + head;
		value += *value == ':';
		size = strcspn(value, ": \t;");
		value[size] = '\0';
		if (kinds[i].kind != DIGEST_CRC64)
			take_base64(expected_digest, &kinds[i], value);
	}
}

static void take_list(char **expected_digest, const char *value)
{
	AUTOFREE char *copy = strdup(value);
	char *rest = copy, *item;

	while (rest && (item = strsep(&rest, ",")))
		take_item(expected_digest, item);
}

void expected_digest_read(char **expected_digest, const char *name, const char *value,
			  bool is_whole)
{
	if (!strcasecmp(name, "x-tos-hash-crc64ecma") ||
	    !strcasecmp(name, "x-oss-hash-crc64ecma"))
		take_crc(expected_digest, value);
	else if (!strcasecmp(name, "x-amz-checksum-sha256"))
		take_base64(expected_digest, &kinds[2], value);
	else if (!strcasecmp(name, "x-goog-hash") || !strcasecmp(name, "digest") ||
		 !strcasecmp(name, "repr-digest"))
		take_list(expected_digest, value);
	else if (is_whole && !strcasecmp(name, "content-md5"))
		take_base64(expected_digest, &kinds[0], value);
}
