/*
 * backend/media/length_gauge.h: when the length of an answer that states none is
 * accepted.
 */
#include "tests/unit/unit.h"

#include "backend/media/length_gauge.h"

/* A video of three boxes, of which two are empty. */
static const char movie[] = "\0\0\0\x14"
			    "ftypisom\0\0\2\0isom\0\0\0\x08moov\0\0\0\x08mdat";

static struct length_gauge *gauge_of(int directory, const char *bytes, size_t size)
{
	struct length_gauge *gauge;

	assert_int_equal(length_gauge_create(directory, "video.1", &gauge), 0);
	assert_int_equal(length_gauge_add(gauge, bytes, size / 2), 0);
	assert_int_equal(length_gauge_add(gauge, bytes + size / 2, size - size / 2), 0);
	assert_int_equal(length_gauge_size(gauge), size);
	return gauge;
}

static int64_t size_on_disk(int directory)
{
	struct stat status;

	assert_int_equal(fstatat(directory, "video.1", &status, 0), 0);
	return status.st_size;
}

static void test_what_is_believed(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool is_framed;
		bool is_same_again;
		enum gauged gauged;
	} cases[] = {
		{ movie, sizeof(movie) - 1, true, false, GAUGED_WHOLE },
		{ movie, sizeof(movie) - 1, false, false, GAUGED_UNCONFIRMED },
		{ movie, sizeof(movie) - 3, true, false, GAUGED_PARTLY }, /* in a box */
		{ movie, sizeof(movie) - 3, true, true, GAUGED_INCOMPLETE },
		{ movie, sizeof(movie) - 3, false, false, GAUGED_PARTLY },
		{ movie, sizeof(movie) - 3, false, true, GAUGED_INCOMPLETE },
		{ "what is it?", 11, true, false, GAUGED_UNCONFIRMED },
		{ "what is it?", 11, false, false, GAUGED_UNCONFIRMED },
		{ "", 0, true, false, GAUGED_PARTLY },
		{ "", 0, true, true, GAUGED_PARTLY },
	};
	AUTOCLOSE int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct length_gauge *gauge =
			gauge_of(directory, cases[i].bytes, cases[i].size);

		if (length_gauge_judge(gauge, cases[i].is_framed,
				       cases[i].is_same_again) != cases[i].gauged)
			FAIL_CASE("case %zu", i);
		length_gauge_close(gauge);
		assert_int_equal(size_on_disk(directory), cases[i].size);
	}
	expect_no_failed_case();
}

static void test_what_is_not_whole_takes_no_room(void **state)
{
	AUTOCLOSE int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	length_gauge_abandon(gauge_of(directory, movie, 20));
	assert_int_equal(size_on_disk(directory), 0);
}

/* The map describes a previous version, which is gone. */
static void test_the_map_goes(void **state)
{
	AUTOCLOSE int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTOFREE char *map = path_in(*state, "video.1.map");

	write_whole(map, "x", 1);
	length_gauge_close(gauge_of(directory, movie, 20));
	assert_int_equal(faccessat(directory, "video.1.map", F_OK, 0), -1);
}

static void test_no_place(void **state)
{
	struct length_gauge *gauge;
	AUTOCLOSE int directory = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(length_gauge_create(directory, "missing/video.1", &gauge),
			 -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_believed),
		TEST(test_what_is_not_whole_takes_no_room),
		TEST(test_the_map_goes),
		TEST(test_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
