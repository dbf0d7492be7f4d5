/* backend/http/expected_digest.h: which headers state a digest of the complete file. */
#include "tests/unit/unit.h"

#include "backend/http/expected_digest.h"

#define MD5_ABC_64 "kAFQmDzST7DWlj99KOF/cg=="
#define MD5_ABC "md5=900150983cd24fb0d6963f7d28e17f72"
#define SHA_ABC_64 "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
#define SHA_ABC "sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

struct header {
	const char *name, *value;
};

static const struct {
	struct header headers[3];
	bool is_whole;
	const char *expected_digest;
} cases[] = {
	{ { { "x-tos-hash-crc64ecma", "11051210869376104954" } },
	  false,
	  "crc64=995dc9bbdf1939fa" },
	{ { { "X-OSS-Hash-Crc64ecma", "0" } }, false, "crc64=0000000000000000" },
	{ { { "x-amz-checksum-sha256", SHA_ABC_64 } }, false, SHA_ABC },
	{ { { "Repr-Digest", "sha-256=:" SHA_ABC_64 ":" } }, false, SHA_ABC },
	{ { { "Digest", "MD5=" MD5_ABC_64 ", SHA-256=" SHA_ABC_64 } }, false, SHA_ABC },
	{ { { "Digest", "sha-256=" SHA_ABC_64 ",md5=" MD5_ABC_64 } }, false, SHA_ABC },
	{ { { "x-goog-hash", "crc32c=n03x6A==" }, { "x-goog-hash", "md5=" MD5_ABC_64 } },
	  false,
	  MD5_ABC },
	{ { { "x-goog-hash", "crc32c=n03x6A==,md5=" MD5_ABC_64 } }, false, MD5_ABC },
	{ { { "Content-MD5", MD5_ABC_64 } }, true, MD5_ABC },
	/* the strongest one counts, in any order */
	{ { { "Content-MD5", MD5_ABC_64 }, { "x-tos-hash-crc64ecma", "1" } },
	  true,
	  "crc64=0000000000000001" },
	{ { { "x-tos-hash-crc64ecma", "1" }, { "Content-MD5", MD5_ABC_64 } },
	  true,
	  "crc64=0000000000000001" },
	/* digest of a part */
	{ { { "Content-MD5", MD5_ABC_64 } }, false, NULL },
	{ { { "Content-Digest", "md5=:" MD5_ABC_64 ":" } }, true, NULL },
	/* no digest */
	{ { { "ETag", "\"900150983cd24fb0d6963f7d28e17f72\"" } }, true, NULL },
	{ { { "x-tos-hash-crc64ecma", "-1" } }, false, NULL },
	{ { { "x-tos-hash-crc64ecma", "1x" } }, false, NULL },
	{ { { "x-tos-hash-crc64ecma", "" } }, false, NULL },
	{ { { "x-tos-hash-crc64ecma", "18446744073709551616" } }, false, NULL },
	{ { { "x-amz-checksum-sha256", SHA_ABC_64 "-3" } }, false, NULL },
	{ { { "x-amz-checksum-sha256", "####" } }, false, NULL },
	{ { { "Digest", "sha-256" } }, false, NULL },
	{ { { "Digest", "sha-256=" } }, false, NULL },
	{ { { "Digest", "sha-512=" SHA_ABC_64 } }, false, NULL },
	{ { { "Digest", ",,=,," } }, false, NULL },
	{ { { "Repr-Digest", "sha-256=:AAAA:" } }, false, NULL },
	{ { { "Repr-Digest", "crc64=:AAAAAAAAAAA=:" } }, false, NULL },
};

static void test_promises(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *expected_digest = NULL;

		for (size_t j = 0; j < 3 && cases[i].headers[j].name; j++)
			expected_digest_read(&expected_digest, cases[i].headers[j].name,
					     cases[i].headers[j].value,
					     cases[i].is_whole);
		if (!expected_digest != !cases[i].expected_digest ||
		    (expected_digest &&
		     strcmp(expected_digest, cases[i].expected_digest)))
			fail_msg("case %zu: %s", i,
				 expected_digest ? expected_digest : "none");
	}
}

static void test_parse(void **state)
{
	static const char *const wrong[] = { "",	 "md5=", "md5=90",
					     "crc64=1",	 "x",	 "sha-256=" MD5_ABC,
					     MD5_ABC "0" };
	enum digest_kind kind;
	const char *hex;

	assert_int_equal(expected_digest_parse(SHA_ABC, &kind, &hex), 0);
	assert_int_equal(kind, DIGEST_SHA256);
	assert_int_equal(strlen(hex), 64);
	assert_true(strlen(SHA_ABC) < EXPECTED_DIGEST_SIZE);
	assert_int_equal(expected_digest_parse(MD5_ABC, &kind, &hex), 0);
	assert_int_equal(kind, DIGEST_MD5);
	assert_int_equal(expected_digest_parse("crc64=0000000000000001", &kind, &hex), 0);
	assert_int_equal(kind, DIGEST_CRC64);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(expected_digest_parse(wrong[i], &kind, &hex), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
