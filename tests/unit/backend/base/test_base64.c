/* backend/base/base64.h: known texts, every way to split a text, and rejected input. */
#include "tests/unit/unit.h"

#include "backend/base/base64.h"

static void test_encode(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb\xef", "//777w==" },
		{ "sevens!", "c2V2ZW5zIQ==" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = strlen(cases[i].bytes);
		AUTOFREE char *text =
			malloc(BASE64_SIZE(size)); /* ASan detects writing past the end */

		base64_encode(cases[i].bytes, size, text);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(strlen(text), BASE64_SIZE(size) - 1);
	}
}

static void test_encode_joins(void **state)
{
	static const char bytes[] = "The quick brown fox jumps over the lazy dog.";
	char whole[BASE64_SIZE(sizeof(bytes))];

	base64_encode(bytes, sizeof(bytes), whole);
	for (size_t cut = 0; cut < sizeof(bytes); cut += 3) {
		char joined[BASE64_SIZE(sizeof(bytes)) + 4];

		base64_encode(bytes, cut, joined);
		base64_encode(bytes + cut, sizeof(bytes) - cut, joined + strlen(joined));
		assert_string_equal(joined, whole);
	}
}

/*
 * Decodes the text in pieces of the given sizes; the last size repeats. 0 or the first
 * error.
 */
static int decode_in_pieces(const char *text, size_t first, size_t then,
			    struct buffer *out)
{
	struct base64_decoder *decoder = base64_decoder_create();
	size_t left = strlen(text), piece = first;
	int r = 0;

	assert_non_null(decoder);
	while (!r && left) {
		size_t size = piece < left ? piece : left, got = 0;
		/* Of the exact size: ASan detects reading and writing past the end. */
		AUTOFREE char *in = malloc(size ? size : 1);
		AUTOFREE char *bytes = malloc(BASE64_DECODED_MAX(size));

		memcpy(in, text, size);
		r = base64_decoder_add(decoder, in, size, bytes, &got);
		assert_true(got <= BASE64_DECODED_MAX(size));
		if (!r)
			assert_int_equal(buffer_append(out, bytes, got), 0);
		text += size;
		left -= size;
		piece = then;
	}
	if (!r)
		r = base64_decoder_finish(decoder);
	base64_decoder_destroy(decoder);
	return r;
}

static void expect_bytes(const struct buffer *found, const unsigned char *wanted,
			 size_t size)
{
	assert_int_equal(found->size, size);
	if (size)
		assert_memory_equal(found->data, wanted, size);
}

/*
 * libcrypto works in blocks of 64 characters. The lengths surround two block boundaries.
 */
static void test_every_length(void **state)
{
	unsigned char bytes[104];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		AUTOFREE char *text = malloc(BASE64_SIZE(size));
		AUTOBUFFER whole = BUFFER_INIT(sizeof(bytes));

		base64_encode(bytes, size, text);
		assert_int_equal(base64_decode(text, strlen(text), &whole), 0);
		expect_bytes(&whole, bytes, size);
		for (size_t piece = 1; piece <= strlen(text); piece++) {
			AUTOBUFFER pieces = BUFFER_INIT(sizeof(bytes));

			assert_int_equal(decode_in_pieces(text, piece, piece, &pieces),
					 0);
			expect_bytes(&pieces, bytes, size);
		}
	}
}

static void test_every_split(void **state)
{
	unsigned char bytes[103];
	char text[BASE64_SIZE(sizeof(bytes))];

	memset(bytes, 0xfb, sizeof(bytes));
	base64_encode(bytes, sizeof(bytes), text);
	for (size_t first = 0; first < sizeof(text); first++)
		for (size_t then = 1; then < sizeof(text); then += 7) {
			AUTOBUFFER out = BUFFER_INIT(sizeof(bytes));

			assert_int_equal(decode_in_pieces(text, first, then, &out), 0);
			expect_bytes(&out, bytes, sizeof(bytes));
		}
}

static const struct {
	const char *text;
	int r;
} refused[] = {
	{ "a", -ENODATA },
	{ "aG", -ENODATA },
	{ "aGV", -ENODATA },
	{ "aGVsbG8", -ENODATA },
	{ "aGVsbA=", -ENODATA },
	{ "aGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsa", -ENODATA },
	{ "=", -EILSEQ },
	{ "a=", -EILSEQ },
	{ "a===", -EILSEQ },
	{ "====", -EILSEQ },
	{ "aGVs=", -EILSEQ },
	{ "aGVs====", -EILSEQ },
	{ "aG=c", -EBADMSG },
	{ "aGU==", -EBADMSG },
	{ "aGU=aGVs", -EBADMSG },
	{ "aA==aGVs", -EBADMSG },
	{ "aA===", -EBADMSG },
	{ "aA==\n", -EBADMSG },
	{ "aA==-", -EBADMSG },
	{ "aA==$", -EBADMSG },
	{ "aGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGVsaGU=aGVs",
	  -EBADMSG },
	{ "-", -EILSEQ },
	{ "aGVs-", -EILSEQ },
	{ "aGVs-aGVs", -EILSEQ },
	{ "aG-s", -EILSEQ },
	{ "aG_s", -EILSEQ },
	{ " aGVs", -EILSEQ },
	{ "aGVs ", -EILSEQ },
	{ "aG\nVs", -EILSEQ },
	{ "aGVs\r\n", -EILSEQ },
	{ "aG\tVs", -EILSEQ },
	{ "aGV$", -EILSEQ },
	{ "aGVs%3D", -EILSEQ },
	{ "aGV\x80", -EILSEQ },
	{ "aGV\xc3\xa4", -EILSEQ },
};

/* The error is the same wherever the text is split. */
static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		size_t length = strlen(refused[i].text);
		AUTOBUFFER whole = BUFFER_INIT(128);
		int r = base64_decode(refused[i].text, length, &whole);

		if (r != refused[i].r)
			FAIL_CASE("%s: %d instead of %d", refused[i].text, r,
				  refused[i].r);
		for (size_t first = 0; first <= length; first++)
			for (size_t then = 1; then <= length; then++) {
				AUTOBUFFER out = BUFFER_INIT(128);

				r = decode_in_pieces(refused[i].text, first, then, &out);
				if (r != refused[i].r)
					FAIL_CASE("%s split at %zu and by %zu: %d "
						  "instead of %d",
						  refused[i].text, first, then, r,
						  refused[i].r);
			}
	}
	expect_no_failed_case();
}

static void test_nul_byte(void **state)
{
	AUTOBUFFER out = BUFFER_INIT(8);

	assert_int_equal(base64_decode("aG\0s", 4, &out), -EILSEQ);
}

/* Longer than a chunk. The buffer's size limit applies. */
static void test_long(void **state)
{
	size_t size = 100001;
	AUTOFREE char *bytes = calloc(1, size);
	AUTOFREE char *text = malloc(BASE64_SIZE(size));
	AUTOBUFFER whole = BUFFER_INIT(size);
	AUTOBUFFER short_of_it = BUFFER_INIT(size - 1);
	AUTOBUFFER pieces = BUFFER_INIT(size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(i * 31);
	base64_encode(bytes, size, text);
	assert_int_equal(base64_decode(text, strlen(text), &whole), 0);
	expect_bytes(&whole, (unsigned char *)bytes, size);
	assert_int_equal(decode_in_pieces(text, 1, 50001, &pieces), 0);
	expect_bytes(&pieces, (unsigned char *)bytes, size);
	assert_int_equal(base64_decode(text, strlen(text), &short_of_it), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),	     cmocka_unit_test(test_encode_joins),
		cmocka_unit_test(test_every_length), cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_refused),	     cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
