/*
 * backend/media/store/block_map.c, compared with a model: which blocks of a file are
 * present.
 */
#include "tests/unit/backend/media/store/media_file_fixture.h"

/* The first offset from `offset` on whose block is (or is not) present. */
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

static void run_random(int directory, uint64_t size, uint64_t seed)
{
	struct model model = model_of(size);
	struct media_file *file = open_file(directory, size, "tag");

	for (int i = 0; size && i < 200; i++) {
		uint64_t start = next_random(&seed) % model.blocks * BLOCK;
		uint64_t end = start + next_random(&seed) % (4 * BLOCK);

		put(file, &model, start, end < size ? end : size);
		compare(file, &model, &seed);
		if (i % 20 == 19) { /* present blocks survive a restart */
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

/* Only complete blocks count. The last block is complete at the end of the file. */
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

/* Counts present bytes, whichever blocks contain them. */
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

/* --- threads: a reader that sees a block's mark sees its bytes --- */

#define THREAD_BLOCKS 200

static void *fill_all(void *context)
{
	struct media_file *file = context;
	struct model model = model_of(media_file_size(file));

	for (uint64_t i = 0; i < model.blocks; i++) {
		uint64_t start =
			(i * 77 % model.blocks) * BLOCK; /* every block, in mixed order */
		uint64_t end = start + BLOCK < model.size ? start + BLOCK : model.size;

		put(file, &model, start, end);
	}
	return NULL;
}

/* Reads marked blocks until all are marked. Returns the number of wrong bytes. */
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_random),
		TEST(test_marks_whole_blocks),
		TEST(test_kept),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
