/* backend/formats/source.h: the same bytes from a file and from memory. */
#include "tests/unit/unit.h"

#include "backend/formats/source.h"

static void check_source(struct media_source source)
{
	static const struct {
		uint64_t at;
		size_t size;
		const char *bytes;
	} cases[] = {
		{ 0, 5, "hello" }, { 0, 6, "hello" },	   { 1, 3, "ell" },
		{ 4, 1, "o" },	   { 4, UINT16_MAX, "o" }, { 5, 1, "" },
		{ 6, 1, "" },	   { 0, 0, "" },	   { INT32_MAX, 1, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *found = calloc(1, cases[i].size + 1);
		size_t got = 99;

		assert_int_equal(media_source_read(source, cases[i].at, found,
						   cases[i].size, &got),
				 0);
		assert_int_equal(got, strlen(cases[i].bytes));
		assert_string_equal(found, cases[i].bytes);
	}
}

static void test_both(void **state)
{
	AUTOCLOSE int fd = file_of("hello", 5);

	check_source(media_of_file(fd));
	check_source(media_of_bytes("hello", 5));
}

static void test_errors(void **state)
{
	char byte;
	size_t got;

	assert_int_equal(media_source_read(media_of_file(-1), 0, &byte, 1, &got), -EBADF);
	assert_int_equal(media_source_read(media_of_bytes("", 0), 0, &byte, 1, &got), 0);
	assert_int_equal(got, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
