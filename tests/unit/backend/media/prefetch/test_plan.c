/* backend/media/prefetch/plan.h: when, in which order and in which pieces to prefetch. */
#include "tests/unit/unit.h"

#include "backend/media/prefetch/plan.h"

#define HOUR INT64_C(3600000)
#define MIB (UINT64_C(1) << 20)

static void test_begin(void **state)
{
	static const struct {
		int64_t begin, end, at;
	} cases[] = {
		{ 0, 24 * HOUR, 12 * HOUR },
		{ 100 * HOUR, 124 * HOUR, 112 * HOUR },
		{ 0, 168 * HOUR, 84 * HOUR },
		/* short-lived links: one night before they expire */
		{ 0, 18 * HOUR, 6 * HOUR },
		{ 0, 12 * HOUR, 0 },
		{ 0, HOUR, 0 },
		{ 5000, 10000, 5000 },
		/* already expired when the task succeeded, by this clock */
		{ HOUR, HOUR, HOUR },
		{ HOUR, 0, HOUR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefetch_life life = { cases[i].begin, cases[i].end };

		if (prefetch_begin_ms(&life) != cases[i].at)
			fail_msg("case %zu: %lld", i,
				 (long long)prefetch_begin_ms(&life));
	}
}

static void test_urgent(void **state)
{
	struct prefetch_life life = { HOUR, 11 * HOUR };

	assert_false(prefetch_is_urgent(&life, 0, HOUR));
	assert_false(prefetch_is_urgent(&life, 0, 10 * HOUR - 1));
	assert_true(prefetch_is_urgent(&life, 0, 10 * HOUR));
	assert_true(prefetch_is_urgent(&life, 0, 20 * HOUR));
	assert_false(prefetch_is_urgent(&life, KEEP_REQUESTS_LOW - 1, HOUR));
	assert_true(prefetch_is_urgent(&life, KEEP_REQUESTS_LOW, HOUR));
}

static void test_order(void **state)
{
	static const struct prefetch_rank ranks[] = {
		{ true, 5 }, { true, 9 }, { false, 1 }, { false, 7 }
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranks); i++)
		for (size_t j = 0; j < ARRAY_SIZE(ranks); j++)
			assert_int_equal(prefetch_goes_first(&ranks[i], &ranks[j]),
					 i < j);
}

static void test_pieces(void **state)
{
	static const uint64_t sizes[] = { 1,	      4096,
					  8 * MIB,    8 * MIB + 1,
					  128 * MIB,  128 * MIB + 1,
					  1000 * MIB, UINT64_C(16) << 30 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t piece = prefetch_piece_bytes(sizes[i]);

		assert_true(piece >= 8 * MIB);
		assert_int_equal(piece % MIB, 0);
		assert_true((sizes[i] + piece - 1) / piece <= 16);
	}
	assert_int_equal(prefetch_piece_bytes(128 * MIB), 8 * MIB);
	assert_int_equal(prefetch_piece_bytes(128 * MIB + 1), 9 * MIB);
}

/*
 * A fetch that always fails is tried a few dozen times while the link lives, and rarely
 * afterwards.
 */
static unsigned count_tries(int64_t life_ms, int64_t *ret_first_after_ms)
{
	unsigned tries = 0;

	for (int64_t at_ms = 0; at_ms < life_ms; tries++) {
		at_ms += prefetch_retry_ms(tries + 1, life_ms - at_ms);
		*ret_first_after_ms = at_ms - life_ms;
	}
	return tries;
}

static void test_retries(void **state)
{
	static const int64_t lives[] = { 5000, 60000, HOUR, 24 * HOUR };
	int64_t before_ms = 0, after_ms;

	for (unsigned failures = 0; failures < 40; failures++) {
		int64_t ms = prefetch_retry_ms(failures, INT64_MAX);

		assert_true(ms >= before_ms && ms >= 1000);
		before_ms = ms;
	}
	assert_int_equal(before_ms, 3 * HOUR);
	assert_int_equal(prefetch_retry_ms(40, -5), 3 * HOUR);
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		assert_true(count_tries(lives[i], &after_ms) < 40);
		assert_in_range(after_ms, 0, 2000); /* and right after the link expires */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),	cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_order),	cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_retries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
