/* backend/base/bytes.h */
#include "tests/unit/unit.h"

#include "backend/base/bytes.h"

static void test_numbers(void **state)
{
	/* At an odd address: no alignment is needed. */
	static const unsigned char bytes[] = { 0, 0x81, 0x92, 0xa3, 0xb4 };
	const unsigned char *at = bytes + 1;
	unsigned char written[4];

	assert_int_equal(bytes_be16(at), 0x8192);
	assert_int_equal(bytes_le16(at), 0x9281);
	assert_int_equal(bytes_le24(at), 0xa39281);
	assert_true(bytes_be32(at) == 0x8192a3b4u);
	assert_true(bytes_le32(at) == 0xb4a39281u);
	bytes_put_be32(written, 0x8192a3b4u);
	assert_memory_equal(written, at, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
