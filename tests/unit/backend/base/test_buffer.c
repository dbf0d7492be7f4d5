/* base/buffer.h: the size limit applies, and the first error persists. */
#include "tests/unit/unit.h"

#include "backend/base/buffer.h"

static void test_buffer(void **state)
{
	AUTOBUFFER buffer = BUFFER_INIT(1000);

	assert_null(buffer.data);
	assert_int_equal(buffer_add(&buffer, "a"), 0);
	assert_int_equal(buffer_append(&buffer, "b\0c", 3), 0);
	assert_int_equal(buffer_addf(&buffer, "%d-%s", 42, "x"), 0);
	assert_int_equal(buffer_append(&buffer, NULL, 0), 0);
	assert_int_equal(buffer.size, 8);
	assert_memory_equal(buffer.data, "ab\0c42-x", 9);
	buffer_clear(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.size, 0);
	assert_int_equal(buffer.ceiling, 1000);
	assert_int_equal(buffer_add(&buffer, "again"), 0);
}

static void test_buffer_ceiling(void **state)
{
	for (size_t ceiling = 0; ceiling < 200; ceiling++) {
		AUTOBUFFER buffer = BUFFER_INIT(ceiling);

		for (size_t i = 0; i < ceiling; i++)
			assert_int_equal(buffer_append(&buffer, "x", 1), 0);
		assert_int_equal(buffer_append(&buffer, "x", 1), -EFBIG);
		assert_int_equal(buffer.size, ceiling);
		assert_int_equal(buffer_error(&buffer), -EFBIG);
	}
}

static void test_buffer_error_sticks(void **state)
{
	AUTOBUFFER buffer = BUFFER_INIT(10);

	assert_int_equal(buffer_add(&buffer, "12345"), 0);
	assert_int_equal(buffer_add(&buffer, "1234567"), -EFBIG);
	assert_int_equal(buffer_add(&buffer, "1"), -EFBIG);
	assert_int_equal(buffer_addf(&buffer, "%d", 1), -EFBIG);
	assert_int_equal(buffer_append(&buffer, "", 0), -EFBIG);
	assert_string_equal(buffer.data, "12345");
	assert_null(buffer_take(&buffer));
	assert_int_equal(buffer_error(&buffer), 0); /* a new buffer */
	assert_int_equal(buffer_add(&buffer, "1"), 0);
}

static void test_buffer_huge(void **state)
{
	AUTOBUFFER buffer = BUFFER_INIT(100);

	assert_int_equal(buffer_add(&buffer, "a"), 0);
	assert_int_equal(buffer_append(&buffer, "b", SIZE_MAX), -EFBIG);
	assert_int_equal(buffer.size, 1);
}

static void test_buffer_take(void **state)
{
	AUTOBUFFER buffer = BUFFER_INIT(100);
	AUTOFREE char *empty = buffer_take(&buffer);
	AUTOFREE char *text = NULL;

	assert_string_equal(empty, "");
	buffer_add(&buffer, "text");
	text = buffer_take(&buffer);
	assert_string_equal(text, "text");
	assert_int_equal(buffer.size, 0);
	assert_null(buffer.data);
}

static void test_buffer_formats_to_the_ceiling(void **state)
{
	AUTOBUFFER buffer = BUFFER_INIT(64);

	assert_int_equal(buffer_addf(&buffer, "%064d", 1), 0);
	assert_int_equal(buffer.size, 64);
	assert_int_equal(buffer_addf(&buffer, "%d", 1), -EFBIG);
	buffer_clear(&buffer);
	assert_int_equal(buffer_addf(&buffer, "%065d", 1), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_buffer_ceiling),
		cmocka_unit_test(test_buffer_error_sticks),
		cmocka_unit_test(test_buffer_huge),
		cmocka_unit_test(test_buffer_take),
		cmocka_unit_test(test_buffer_formats_to_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
