/* base/digest.h: known answers, and digests of data in pieces. */
#include "tests/unit/unit.h"

#include "backend/base/digest.h"

static void test_sha256(void **state)
{
	static const struct {
		const char *text;
		size_t times;
		const char *hex;
	} cases[] = {
		{ "", 1,
		  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", 1,
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
		{ "a", 1000000,
		  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest *digest = digest_create();
		char hex[SHA256_HEX];

		for (size_t j = 0; j < cases[i].times; j++)
			digest_add(digest, cases[i].text, strlen(cases[i].text));
		digest_finish(digest, hex);
		digest_destroy(digest);
		assert_string_equal(hex, cases[i].hex);
	}
	digest_destroy(NULL);
}

static void test_other_kinds(void **state)
{
	static const struct {
		enum digest_kind kind;
		const char *text, *hex;
	} cases[] = {
		{ DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e" },
		{ DIGEST_MD5, "123456789", "25f9e794323b453885f5181f1b624d0b" },
		{ DIGEST_CRC64, "", "0000000000000000" },
		{ DIGEST_CRC64, "123456789", "995dc9bbdf1939fa" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest *digest = digest_create_of(cases[i].kind);
		size_t size = strlen(cases[i].text), half = size / 2;
		char hex[SHA256_HEX];

		assert_non_null(digest);
		digest_add(digest, cases[i].text, half);
		digest_add(digest, cases[i].text + half, size - half);
		digest_finish(digest, hex);
		digest_destroy(digest);
		assert_string_equal(hex, cases[i].hex);
	}
}

static void test_bytes(void **state)
{
	char hex[SHA256_HEX];

	assert_int_equal(digest_bytes(DIGEST_MD5, "123456789", 9, hex), 0);
	assert_string_equal(hex, "25f9e794323b453885f5181f1b624d0b");
	assert_int_equal(digest_bytes(DIGEST_SHA256, "abc", 3, hex), 0);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* Around the size of one read, and around the limit. */
static void test_file(void **state)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 131072, 200000 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTOFREE char *bytes = calloc(1, sizes[i] + 1);
		AUTOCLOSE int fd = file_of(bytes, sizes[i]);
		char wanted[SHA256_HEX], found[SHA256_HEX] = "";
		uint64_t size = 99;

		assert_int_equal(digest_bytes(DIGEST_SHA256, bytes, sizes[i], wanted), 0);
		assert_int_equal(digest_file(fd, UINT64_MAX, found, &size), 0);
		assert_int_equal(size, sizes[i]);
		assert_string_equal(found, wanted);
		assert_int_equal(digest_file(fd, sizes[i], found, &size), 0);
		if (sizes[i])
			assert_int_equal(digest_file(fd, sizes[i] - 1, found, &size),
					 -EFBIG);
	}
}

static void test_file_errors(void **state)
{
	char hex[SHA256_HEX];
	uint64_t size;

	assert_int_equal(digest_file(-1, 1, hex, &size), -EBADF);
}

/* RFC 4231, cases 1, 2 and 6. */
static void test_hmac(void **state)
{
	static const struct {
		char byte;
		size_t times;
		const char *key, *text, *hex;
	} cases[] = {
		{ 0x0b, 20, NULL, "Hi There",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ 0, 0, "Jefe", "what do ya want for nothing?",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ (char)0xaa, 131, NULL,
		  "Test Using Larger Than Block-Size Key - Hash Key First",
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char key[131], hex[SHA256_HEX];
		size_t size = cases[i].key ? strlen(cases[i].key) : cases[i].times;

		memset(key, cases[i].byte, sizeof(key));
		assert_int_equal(hmac_sha256(cases[i].key ? cases[i].key : key, size,
					     cases[i].text, strlen(cases[i].text), hex),
				 0);
		assert_string_equal(hex, cases[i].hex);
	}
}

static void test_random_bytes(void **state)
{
	unsigned char a[32] = { 0 }, b[32] = { 0 };

	assert_int_equal(random_bytes(a, sizeof(a)), 0);
	assert_int_equal(random_bytes(b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(random_bytes(a, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),	     cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_bytes),	     cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_errors),  cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
