/* backend/media/store/media_file.h: files, their versions, and what survives a crash. */
#include "tests/unit/backend/media/store/media_file_fixture.h"

#include "backend/base/digest.h"

static void test_new(void **state)
{
	AUTOCLOSE int directory = open_directory(state);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct media_file *file = open_file(directory, sizes[i], NULL);

		assert_int_equal(media_file_kept(file), 0);
		assert_int_equal(media_file_is_complete(file), sizes[i] == 0);
		assert_int_equal(media_file_next_missing(file, 0), 0);
		assert_int_equal(media_file_next_present(file, 0), sizes[i]);
		assert_true(media_file_has(file, 0, 0));
		assert_int_equal(media_file_has(file, 0, 1), sizes[i] == 0);
		assert_true(media_file_has(file, sizes[i], 100));
		assert_false(media_file_is_synced(file));
		media_file_unref(file);
	}
}

static void test_a_look_trusts_only_what_opening_would(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct media_file *file;

	assert_int_equal(media_file_look(directory, "m", 3 * BLOCK, "a"), 0);
	file = open_file(directory, 3 * BLOCK, "a");
	media_file_mark(file, 0, 2 * BLOCK);
	media_file_unref(file);
	assert_int_equal(media_file_look(directory, "m", 3 * BLOCK, "a"), 2 * BLOCK);
	assert_int_equal(media_file_look(directory, "m", 3 * BLOCK, "b"), 0);
	assert_int_equal(media_file_look(directory, "m", 3 * BLOCK, NULL), 0);
	assert_int_equal(media_file_look(directory, "m", 2 * BLOCK, "a"), 0);
	assert_int_equal(unlinkat(directory, "m", 0), 0);
	assert_int_equal(media_file_look(directory, "m", 3 * BLOCK, "a"), 0);
	unlinkat(directory, "m.map", 0);
}

static void test_files_are_private(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct media_file *file = open_file(directory, 10000, NULL);
	struct stat status;

	assert_int_equal(fstatat(directory, "m", &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(status.st_size, 10000);
	assert_int_equal(fstatat(directory, "m.map", &status, 0), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	media_file_unref(file);
}

static bool keeps(int directory, uint64_t size, const char *etag)
{
	struct media_file *file = open_file(directory, size, etag);
	bool is_kept = media_file_has(file, 0, 1);

	media_file_mark(file, 0, BLOCK);
	media_file_unref(file);
	return is_kept;
}

static void test_another_version_empties(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct stat status;

	assert_false(keeps(directory, 3 * BLOCK, "a"));
	assert_true(keeps(directory, 3 * BLOCK, "a"));
	assert_false(keeps(directory, 3 * BLOCK, "b"));
	assert_true(keeps(directory, 3 * BLOCK, "b"));
	assert_false(keeps(directory, 3 * BLOCK, NULL));
	assert_true(keeps(directory, 3 * BLOCK, NULL));
	assert_true(keeps(directory, 3 * BLOCK, ""));
	assert_false(keeps(directory, 3 * BLOCK + 1, NULL));
	assert_int_equal(fstatat(directory, "m", &status, 0), 0);
	assert_int_equal(status.st_size, 3 * BLOCK + 1);
	assert_false(keeps(directory, 200 * BLOCK, NULL));
	assert_false(keeps(directory, BLOCK, NULL));
	assert_false(keeps(directory, 200 * BLOCK, NULL));
}

/* An etag of any length identifies its file. */
static void test_long_etag(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	char etag[301];

	for (size_t length = 250; length < sizeof(etag); length += 5) {
		memset(etag, 'x', length);
		etag[length] = '\0';
		assert_false(keeps(directory, 3 * BLOCK, etag));
		if (!keeps(directory, 3 * BLOCK, etag))
			fail_msg("an etag of %zu bytes loses what was fetched", length);
	}
}

/* A file that was truncated from outside is not trusted. */
static void test_cut_from_outside(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	AUTOFREE char *path = path_in(*state, "m");

	keeps(directory, 3 * BLOCK, "a");
	assert_int_equal(truncate(path, 10), 0);
	assert_false(keeps(directory, 3 * BLOCK, "a"));
	keeps(directory, 3 * BLOCK, "a");
	assert_int_equal(unlink(path), 0);
	assert_false(keeps(directory, 3 * BLOCK, "a"));
}

/* A map with junk, of another kind, or truncated is not trusted. */
static void test_damaged_map(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	AUTOFREE char *path = path_in(*state, "m.map");
	char junk[5000];

	memset(junk, 0xff, sizeof(junk));
	keeps(directory, 3 * BLOCK, "a");
	write_whole(path, junk, sizeof(junk));
	assert_false(keeps(directory, 3 * BLOCK, "a"));
	keeps(directory, 3 * BLOCK, "a");
	assert_int_equal(truncate(path, 100), 0);
	assert_false(keeps(directory, 3 * BLOCK, "a"));
	keeps(directory, 3 * BLOCK, "a");
	assert_int_equal(unlink(path), 0);
	assert_false(keeps(directory, 3 * BLOCK, "a"));
}

static void test_links_are_not_followed(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct media_file *file = NULL;

	assert_int_equal(symlinkat("/etc/passwd", directory, "m"), 0);
	assert_int_equal(media_file_open(directory, "m", 10, NULL, &file), -ELOOP);
	assert_null(file);
}

/* A server may state any size: opening fails, and no descriptor stays open. */
static void test_impossible_sizes(void **state)
{
	static const uint64_t impossible[] = { UINT64_MAX, UINT64_C(1) << 63, INT64_MAX,
					       INT64_MAX - BLOCK };
	AUTOCLOSE int directory = open_directory(state);
	int before = dup(directory);

	close(before);
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++) {
		struct media_file *file = NULL;

		assert_true(media_file_open(directory, "m", impossible[i], NULL, &file) <
			    0);
		assert_null(file);
	}
	assert_int_equal(dup(directory), before); /* no descriptor leaked */
	close(before);
}

static void test_sync(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct model model = model_of(2 * BLOCK + 5);
	struct media_file *file = open_file(directory, model.size, "a");
	int r;

	assert_int_equal(media_file_sync_poll(file), 0);
	put(file, &model, 0, model.size);
	assert_true(media_file_is_complete(file));
	assert_int_equal(media_file_sync_begin(file), 0);
	assert_int_equal(media_file_sync_begin(file), 0);
	while ((r = media_file_sync_poll(file)) == -EINPROGRESS)
		;
	assert_int_equal(r, 0);
	assert_true(media_file_is_synced(file));
	assert_int_equal(media_file_sync_begin(file), 0);
	media_file_unref(file);
	file = open_file(directory, model.size, "a");
	assert_true(media_file_is_synced(file) && media_file_is_complete(file));
	media_file_unref(file);
	file = open_file(directory, model.size, "b");
	assert_false(media_file_is_synced(file));
	media_file_unref(file);
}

/* Simulates a restart of the machine after the map was written. */
static void reboot(int directory)
{
	AUTOCLOSE int map = openat(directory, "m.map", O_RDWR | O_CLOEXEC);
	const off_t boot_id = 8 + 8 + SHA256_HEX;

	assert_true(map >= 0);
	assert_int_equal(pwrite(map, "another", 7, boot_id), 7);
}

static void sync_file(struct media_file *file)
{
	assert_int_equal(media_file_sync_begin(file), 0);
	media_file_sync_finish(file);
	assert_true(media_file_is_synced(file));
}

static void test_what_was_made_durable_outlives_the_machine(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct model model = model_of(5 * BLOCK);
	struct media_file *file = open_file(directory, model.size, "a");

	put(file, &model, 0, BLOCK);
	media_file_unref(file);
	reboot(directory);
	file = open_file(directory, model.size, "a");
	assert_int_equal(media_file_kept(file), 0);
	put(file, &model, 0, 2 * BLOCK);
	sync_file(file);
	media_file_unref(file);
	reboot(directory);
	assert_int_equal(media_file_look(directory, "m", model.size, "a"), 2 * BLOCK);
	file = open_file(directory, model.size, "a");
	assert_int_equal(media_file_kept(file), 2 * BLOCK);
	put(file, &model, 2 * BLOCK, 3 * BLOCK); /* not durable; the map says so */
	assert_false(media_file_is_synced(file));
	media_file_unref(file);
	reboot(directory);
	assert_int_equal(media_file_look(directory, "m", model.size, "a"), 0);
}

/* Bytes written during a sync are not durable when it ends. */
static void test_a_sync_does_not_count_what_came_after_it(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct model model = model_of(5 * BLOCK);
	struct media_file *file = open_file(directory, model.size, "a");

	put(file, &model, 0, BLOCK);
	assert_int_equal(media_file_sync_begin(file), 0);
	put(file, &model, BLOCK, 2 * BLOCK);
	media_file_sync_finish(file);
	assert_false(media_file_is_synced(file));
	sync_file(file);
	media_file_unref(file);
}

/* The last reference waits for a sync in progress. References are counted. */
static void test_references(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct model model = model_of(50 * BLOCK);
	struct media_file *file = open_file(directory, model.size, NULL);

	put(file, &model, 0, model.size);
	assert_int_equal(media_file_sync_begin(file), 0);
	assert_ptr_equal(media_file_ref(file), file);
	media_file_unref(file);
	compare_bytes(file, &model);
	media_file_unref(file);
	media_file_unref(NULL);
	assert_null(media_file_ref(NULL));
}

static void test_what_is_remembered(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct media_file *file = open_file(directory, 3 * BLOCK, "a");

	assert_int_equal(media_file_check(file), MEDIA_UNCHECKED);
	assert_string_equal(media_file_expected_digest(file), "");
	media_file_set_expected_digest(file, "md5=900150983cd24fb0d6963f7d28e17f72");
	media_file_set_check(file, MEDIA_WRONG);
	assert_int_equal(media_file_count_requests(file, 5, 1), 1);
	assert_int_equal(media_file_count_requests(file, 7, 1), 1);
	assert_int_equal(media_file_count_requests(file, 7, 2), 3);
	media_file_unref(file);
	assert_int_equal(media_file_look_requests(directory, "m", 7), 3);
	assert_int_equal(media_file_look_requests(directory, "m", 5), 0);
	assert_int_equal(media_file_look_requests(directory, "other", 7), 0);
	file = open_file(directory, 3 * BLOCK, "a");
	assert_int_equal(media_file_check(file), MEDIA_WRONG);
	assert_string_equal(media_file_expected_digest(file),
			    "md5=900150983cd24fb0d6963f7d28e17f72");
	media_file_unref(file);
	file = open_file(directory, 3 * BLOCK, "b");
	assert_int_equal(media_file_check(file), MEDIA_UNCHECKED);
	assert_string_equal(media_file_expected_digest(file), "");
	media_file_unref(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new),
		TEST(test_a_look_trusts_only_what_opening_would),
		TEST(test_files_are_private),
		TEST(test_another_version_empties),
		TEST(test_long_etag),
		TEST(test_cut_from_outside),
		TEST(test_damaged_map),
		TEST(test_links_are_not_followed),
		TEST(test_impossible_sizes),
		TEST(test_sync),
		TEST(test_what_was_made_durable_outlives_the_machine),
		TEST(test_a_sync_does_not_count_what_came_after_it),
		TEST(test_what_is_remembered),
		TEST(test_references),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
