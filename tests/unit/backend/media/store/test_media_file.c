/* backend/media/store/media_file.h against a naive model: one flag a block. */
#include "tests/unit/unit.h"

#include "backend/base/digest.h"
#include "backend/media/store/media_file.h"

#define BLOCK MEDIA_BLOCK_BYTES
#define BLOCKS_MAX 300

/* Sizes around blocks and around the map's words of 64 blocks. */
static const uint64_t sizes[] = {
	0,
	1,
	100,
	BLOCK - 1,
	BLOCK,
	BLOCK + 1,
	3 * BLOCK,
	5 * BLOCK + 7,
	63 * BLOCK + 1,
	64 * BLOCK,
	64 * BLOCK + 1,
	130 * BLOCK - 1,
};

struct model {
	uint64_t size, blocks;
	bool present[BLOCKS_MAX];
};

static int open_directory(void **state)
{
	int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static struct media_file *open_file(int directory, uint64_t size, const char *etag)
{
	struct media_file *file = NULL;

	assert_int_equal(media_file_open(directory, "m", size, etag, &file), 0);
	assert_int_equal(media_file_size(file), size);
	return file;
}

static struct model model_of(uint64_t size)
{
	return (struct model){ .size = size, .blocks = (size + BLOCK - 1) / BLOCK };
}

/* The first offset at or behind that one whose block is (or is not) present. */
static uint64_t model_next(const struct model *model, uint64_t offset, bool wanted)
{
	uint64_t at = offset;

	while (at < model->size && model->present[at / BLOCK] != wanted)
		at = (at / BLOCK + 1) * BLOCK;
	return at < model->size ? at : model->size;
}

static bool model_has(const struct model *model, uint64_t offset, uint64_t size)
{
	for (uint64_t at = offset; at < offset + size && at < model->size; at++)
		if (!model->present[at / BLOCK])
			return false;
	return true;
}

static uint64_t model_kept(const struct model *model)
{
	uint64_t kept = 0;

	for (uint64_t i = 0; i < model->blocks; i++) {
		uint64_t end =
			(i + 1) * BLOCK < model->size ? (i + 1) * BLOCK : model->size;

		kept += model->present[i] ? end - i * BLOCK : 0;
	}
	return kept;
}

static bool model_is_complete(const struct model *model)
{
	for (uint64_t i = 0; i < model->blocks; i++)
		if (!model->present[i])
			return false;
	return true;
}

/* Every byte of a file of its own value, so that a misplaced block is seen. */
static unsigned char byte_at(uint64_t offset)
{
	return (unsigned char)(offset * 31 + offset / BLOCK);
}

static void put(struct media_file *file, struct model *model, uint64_t start,
		uint64_t end)
{
	AUTOFREE unsigned char *bytes = malloc(end - start + 1);
	uint64_t stop = end == model->size ? model->blocks : end / BLOCK;

	for (uint64_t at = start; at < end; at++)
		bytes[at - start] = byte_at(at);
	assert_int_equal(media_file_write(file, start, bytes, end - start), 0);
	media_file_mark(file, start, end);
	for (uint64_t i = start / BLOCK; i < stop; i++)
		model->present[i] = true;
}

static void compare(struct media_file *file, const struct model *model, uint64_t *seed)
{
	uint64_t offset = model->size ? next_random(seed) % (model->size + 2) : 0;
	uint64_t size = next_random(seed) % (3 * BLOCK);

	assert_int_equal(media_file_next_missing(
				 file, offset < model->size ? offset : model->size),
			 model_next(model, offset, false));
	assert_int_equal(media_file_next_present(
				 file, offset < model->size ? offset : model->size),
			 model_next(model, offset, true));
	assert_int_equal(media_file_has(file, offset, size),
			 model_has(model, offset, size));
	assert_int_equal(media_file_is_complete(file), model_is_complete(model));
}

/* How many bytes of [offset, end) are not what they should be;
 * all of them are present. */
static uint64_t count_wrong(struct media_file *file, uint64_t offset, uint64_t end)
{
	struct media_view view;
	uint64_t wrong = 0;

	if (media_file_view(file, offset, (size_t)(end - offset), &view))
		return end - offset;
	for (unsigned i = 0; i < view.count; i++)
		for (size_t at = 0; at < view.parts[i].iov_len; at++)
			wrong += ((unsigned char *)view.parts[i].iov_base)[at] !=
				 byte_at(offset++);
	media_view_clear(&view);
	return wrong + (end - offset);
}

static void compare_bytes(struct media_file *file, const struct model *model)
{
	struct media_view view;

	for (uint64_t i = 0; i < model->blocks; i++) {
		uint64_t end =
			(i + 1) * BLOCK < model->size ? (i + 1) * BLOCK : model->size;

		if (model->present[i])
			assert_int_equal(count_wrong(file, i * BLOCK, end), 0);
		else
			assert_int_equal(media_file_view(file, i * BLOCK, 1, &view),
					 -EAGAIN);
	}
}

static void run_random(int directory, uint64_t size, uint64_t seed)
{
	struct model model = model_of(size);
	struct media_file *file = open_file(directory, size, "tag");

	for (int i = 0; size && i < 200; i++) {
		uint64_t start = next_random(&seed) % model.blocks * BLOCK;
		uint64_t end = start + next_random(&seed) % (4 * BLOCK);

		put(file, &model, start, end < size ? end : size);
		compare(file, &model, &seed);
		if (i % 20 == 19) { /* what is present outlives the program */
			media_file_unref(file);
			assert_int_equal(media_file_look(directory, "m", size, "tag"),
					 model_kept(&model));
			file = open_file(directory, size, "tag");
			compare(file, &model, &seed);
			assert_int_equal(media_file_look(directory, "m", size, "tag"),
					 media_file_kept(file));
		}
	}
	compare_bytes(file, &model);
	media_file_unref(file);
}

static void test_random(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTOCLOSE int directory = open_directory(state);

		run_random(directory, sizes[i], 17 + i);
		unlinkat(directory, "m", 0);
		unlinkat(directory, "m.map", 0);
	}
}

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

/* Only whole blocks count, but the last one is whole at the end of the file. */
static void test_marks_whole_blocks(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct media_file *file = open_file(directory, 2 * BLOCK + 5, NULL);

	media_file_mark(file, 0, BLOCK - 1);
	assert_int_equal(media_file_next_missing(file, 0), 0);
	media_file_mark(file, 0, BLOCK + 10);
	assert_int_equal(media_file_next_missing(file, 0), BLOCK);
	assert_false(media_file_has(file, BLOCK - 1, 2));
	media_file_mark(file, 2 * BLOCK, 2 * BLOCK + 4);
	assert_int_equal(media_file_next_present(file, BLOCK), 2 * BLOCK + 5);
	media_file_mark(file, 2 * BLOCK, 2 * BLOCK + 5);
	assert_int_equal(media_file_next_present(file, BLOCK), 2 * BLOCK);
	assert_false(media_file_is_complete(file));
	media_file_mark(file, BLOCK, 2 * BLOCK);
	assert_true(media_file_is_complete(file));
	assert_int_equal(media_file_kept(file), 2 * BLOCK + 5);
	media_file_unref(file);
}

/* Bytes that are here, whichever blocks they are in. */
static void test_kept(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct model model = model_of(2 * BLOCK + 5);
	struct media_file *file = open_file(directory, model.size, NULL);

	put(file, &model, 2 * BLOCK, model.size);
	assert_int_equal(media_file_kept(file), model_kept(&model));
	put(file, &model, 0, BLOCK);
	assert_int_equal(media_file_kept(file), model_kept(&model));
	put(file, &model, BLOCK, 2 * BLOCK);
	assert_int_equal(media_file_kept(file), model.size);
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

/* Whatever its length, an etag is itself. */
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

/* A file that was cut from outside is not believed. */
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

/* A map of junk, or of another kind, is not believed; nor is half a map. */
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

/* A server may announce any size: an error comes, and nothing is left open. */
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
	assert_int_equal(dup(directory), before); /* the lowest free one is as it was */
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

/* As if the machine had been started anew since the map was written. */
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
	put(file, &model, 2 * BLOCK, 3 * BLOCK); /* not durable, and the map says so */
	assert_false(media_file_is_synced(file));
	media_file_unref(file);
	reboot(directory);
	assert_int_equal(media_file_look(directory, "m", model.size, "a"), 0);
}

/* What is written while a sync goes on is not durable when it ends. */
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

/* The last reference waits for a sync under way; references are counted. */
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

/* --- threads: whoever sees a block's mark sees its bytes --- */

#define THREAD_BLOCKS 200

static void *fill_all(void *context)
{
	struct media_file *file = context;
	struct model model = model_of(media_file_size(file));

	for (uint64_t i = 0; i < model.blocks; i++) {
		uint64_t start =
			(i * 77 % model.blocks) * BLOCK; /* every block, in no order */
		uint64_t end = start + BLOCK < model.size ? start + BLOCK : model.size;

		put(file, &model, start, end);
	}
	return NULL;
}

/* Reads what is marked until all is; returns how many bytes were wrong. */
static void *read_all(void *context)
{
	struct media_file *file = context;
	uint64_t size = media_file_size(file);
	uintptr_t wrong = 0;

	while (!media_file_is_complete(file))
		for (uint64_t at = media_file_next_present(file, 0); at < size;
		     at = media_file_next_present(file, (at / BLOCK + 1) * BLOCK))
			wrong += count_wrong(file, at, at + 1);
	wrong += count_wrong(file, 0, size);
	return (void *)wrong;
}

static void test_threads(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct media_file *file = open_file(directory, THREAD_BLOCKS * BLOCK - 100, NULL);
	pthread_t threads[3];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i ? read_all : fill_all, file),
				 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *wrong = NULL;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(media_file_kept(file), THREAD_BLOCKS * BLOCK - 100);
	media_file_unref(file);
}

static void test_what_is_remembered(void **state)
{
	AUTOCLOSE int directory = open_directory(state);
	struct media_file *file = open_file(directory, 3 * BLOCK, "a");

	assert_int_equal(media_file_check(file), MEDIA_UNCHECKED);
	assert_string_equal(media_file_promise(file), "");
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
	assert_string_equal(media_file_promise(file),
			    "md5=900150983cd24fb0d6963f7d28e17f72");
	media_file_unref(file);
	file = open_file(directory, 3 * BLOCK, "b");
	assert_int_equal(media_file_check(file), MEDIA_UNCHECKED);
	assert_string_equal(media_file_promise(file), "");
	media_file_unref(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new),
		TEST(test_random),
		TEST(test_a_look_trusts_only_what_opening_would),
		TEST(test_files_are_private),
		TEST(test_marks_whole_blocks),
		TEST(test_kept),
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
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
