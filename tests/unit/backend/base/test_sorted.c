/* backend/base/sorted.h: every position in arrays of every length. */
#include "tests/unit/unit.h"

#include "backend/base/sorted.h"

#define LENGTH_MAX 20

static int compare(const void *key, const void *item)
{
	return sorted_compare_numbers(*(const uint64_t *)key, *(const uint64_t *)item);
}

static size_t place_of(uint64_t key, const uint64_t *items, size_t count)
{
	return sorted_place(&key, items, count, sizeof(*items), compare);
}

static void test_places(void **state)
{
	uint64_t items[LENGTH_MAX];

	for (size_t i = 0; i < LENGTH_MAX; i++)
		items[i] = 2 * i + 1;
	for (size_t count = 0; count <= LENGTH_MAX; count++)
		for (uint64_t key = 0; key <= 2 * LENGTH_MAX + 1; key++) {
			size_t wanted = key / 2 < count ? key / 2 : count;

			assert_int_equal(place_of(key, items, count), wanted);
		}
}

static void test_equal_items(void **state)
{
	static const uint64_t items[] = { 1, 3, 3, 3, 3, 7 };

	assert_int_equal(place_of(3, items, ARRAY_SIZE(items)), 1);
	assert_int_equal(place_of(4, items, ARRAY_SIZE(items)), 5);
}

static void test_numbers(void **state)
{
	assert_int_equal(sorted_compare_numbers(1, 1), 0);
	assert_true(sorted_compare_numbers(0, UINT64_MAX) < 0);
	assert_true(sorted_compare_numbers(UINT64_MAX, 0) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_equal_items),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
