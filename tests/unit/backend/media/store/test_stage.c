/*
 * backend/media/store/stage.h and backend/media/store/writer.h, below a media file: bytes
 * that are being written to the disk.
 */
#include "tests/unit/unit.h"

#include "backend/media/store/media_file.h"
#include "backend/media/store/stage.h"
#include "backend/media/store/writer.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#define BLOCK MEDIA_BLOCK_BYTES
#define CHUNK MEDIA_CHUNK_BYTES

struct bench {
	int directory;
	struct media_pool pool;
	struct media_writer *writer;
	atomic_uint news;
};

static unsigned char byte_at(uint64_t offset)
{
	return (unsigned char)((offset * 2654435761u) >> 13);
}

static void note_news(void *context)
{
	atomic_fetch_add(&((struct bench *)context)->news, 1);
}

static void bench_init(struct bench *bench, void **state)
{
	*bench = (struct bench){ .directory = open(*state,
						   O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	assert_true(bench->directory >= 0);
	media_pool_init(&bench->pool);
	assert_int_equal(media_writer_create(note_news, bench, &bench->writer), 0);
}

static void bench_clear(struct bench *bench)
{
	media_writer_stop(bench->writer);
	media_writer_destroy(bench->writer);
	media_pool_clear(&bench->pool);
	close(bench->directory);
}

/* `directory` may be a negative error code: the file then has no disk space. */
static struct media_file *open_file(int directory, uint64_t size)
{
	struct media_file *file = NULL;

	assert_int_equal(media_file_open(directory, "m", size, NULL, &file), 0);
	return file;
}

static struct media_chunk *make_chunk(struct bench *bench, uint64_t offset, size_t size)
{
	struct media_chunk *chunk = media_chunk_create(&bench->pool, offset, size);

	assert_non_null(chunk);
	for (size_t i = 0; i < size; i++)
		chunk->bytes[i] = (char)byte_at(offset + i);
	chunk->size = size;
	return chunk;
}

static void stage(struct bench *bench, struct media_file *file, uint64_t offset,
		  size_t size)
{
	struct media_chunk *chunk = make_chunk(bench, offset, size);

	media_file_stage(file, chunk);
	media_writer_add(bench->writer, file, chunk);
	media_chunk_unref(chunk);
}

static void assert_bytes(struct media_file *file, uint64_t offset, size_t size)
{
	struct media_view view;
	uint64_t at = offset;

	assert_int_equal(media_file_view(file, offset, size, &view), 0);
	for (unsigned i = 0; i < view.count; i++)
		for (size_t n = 0; n < view.parts[i].iov_len; n++, at++)
			if (((unsigned char *)view.parts[i].iov_base)[n] != byte_at(at))
				fail_msg("byte %llu differs", (unsigned long long)at);
	assert_int_equal(at, offset + size);
	media_view_clear(&view);
}

static void assert_missing(struct media_file *file, uint64_t offset, size_t size)
{
	struct media_view view;

	assert_int_equal(media_file_view(file, offset, size, &view), -EAGAIN);
}

static void test_staged_bytes_are_here(void **state)
{
	struct bench bench;
	struct media_file *file;

	bench_init(&bench, state);
	file = open_file(bench.directory, 10 * BLOCK + 5);
	stage(&bench, file, 2 * BLOCK, 3 * BLOCK);
	assert_int_equal(media_file_next_missing(file, 0), 0);
	assert_int_equal(media_file_next_present(file, 0), 2 * BLOCK);
	assert_int_equal(media_file_next_missing(file, 2 * BLOCK + 1), 5 * BLOCK);
	assert_int_equal(media_file_next_present(file, 5 * BLOCK), 10 * BLOCK + 5);
	assert_true(media_file_has(file, 2 * BLOCK, 3 * BLOCK));
	assert_false(media_file_has(file, 2 * BLOCK, 3 * BLOCK + 1));
	assert_bytes(file, 2 * BLOCK + 7, 2 * BLOCK);
	assert_missing(file, BLOCK, 2 * BLOCK);
	assert_int_equal(media_file_kept(file), 0);
	assert_false(media_file_is_complete(file));
	assert_true(media_file_is_writing(file));
	media_file_unref(file);
	bench_clear(&bench);
}

static void test_a_view_joins_what_lies_on_disk_and_what_does_not(void **state)
{
	struct bench bench;
	struct media_file *file;
	struct media_chunk *chunk;

	bench_init(&bench, state);
	file = open_file(bench.directory, 12 * BLOCK);
	for (uint64_t i = 0; i < 12;
	     i++) { /* alternating: more parts than a view can have */
		chunk = make_chunk(&bench, i * BLOCK, BLOCK);
		media_file_stage(file, chunk);
		if (i % 2)
			media_file_write_chunk(file, chunk);
		media_chunk_unref(chunk);
	}
	assert_int_equal(media_file_kept(file), 6 * BLOCK);
	assert_bytes(file, 0, 12 * BLOCK);
	assert_bytes(file, BLOCK / 2, 11 * BLOCK);
	assert_int_equal(media_file_next_missing(file, 0), 12 * BLOCK);
	media_file_unref(file);
	bench_clear(&bench);
}

static void test_the_writer_brings_all_to_disk(void **state)
{
	struct bench bench;
	struct media_file *file;
	uint64_t size = 20 * CHUNK + 77;

	bench_init(&bench, state);
	file = open_file(bench.directory, size);
	for (uint64_t at = 0; at < size; at += CHUNK)
		stage(&bench, file, at, size - at < CHUNK ? (size_t)(size - at) : CHUNK);
	assert_true(media_writer_is_full(bench.writer));
	assert_int_equal(media_writer_start(bench.writer), 0);
	media_writer_stop(bench.writer);
	assert_false(media_writer_is_full(bench.writer));
	assert_false(media_file_is_writing(file));
	assert_true(media_file_is_complete(file));
	assert_int_equal(media_file_disk_error(file), 0);
	assert_true(bench.news >= 2); /* the queue has space again */
	assert_bytes(file, 0, size);
	media_file_unref(file);
	assert_int_equal(media_file_look(bench.directory, "m", size, NULL), size);
	bench_clear(&bench);
}

/* A view stays valid while its bytes are written to disk, or dropped. */
static void test_a_view_keeps_its_bytes(void **state)
{
	struct bench bench;
	struct media_file *file;
	struct media_chunk *chunk;
	struct media_view view;

	bench_init(&bench, state);
	file = open_file(bench.directory, 4 * CHUNK);
	chunk = make_chunk(&bench, 0, CHUNK);
	media_file_stage(file, chunk);
	assert_int_equal(media_file_view(file, 0, CHUNK, &view), 0);
	media_file_write_chunk(file, chunk);
	media_chunk_unref(chunk);
	chunk = make_chunk(&bench, CHUNK, CHUNK); /* must not get the buffer in use */
	assert_int_equal(view.count, 1);
	for (size_t i = 0; i < CHUNK; i++)
		if (((unsigned char *)view.parts[0].iov_base)[i] != byte_at(i))
			fail_msg("byte %zu differs", i);
	media_view_clear(&view);
	media_chunk_unref(chunk);
	media_file_unref(file);
	bench_clear(&bench);
}

static void test_without_room_the_newest_bytes_are_here(void **state)
{
	struct bench bench;
	struct media_file *file;
	uint64_t held = MEDIA_HOMELESS_BYTES, size = 3 * held;

	bench_init(&bench, state);
	file = open_file(-ENOSPC, size);
	assert_int_equal(media_file_disk_error(file), -ENOSPC);
	assert_int_equal(media_writer_start(bench.writer), 0);
	for (uint64_t at = 0; at < size; at += CHUNK)
		stage(&bench, file, at, CHUNK);
	media_writer_stop(bench.writer);
	assert_int_equal(media_file_homeless(file), held);
	assert_false(media_file_is_writing(file));
	assert_int_equal(media_file_kept(file), 0);
	assert_missing(file, size - held - BLOCK, BLOCK);
	assert_bytes(file, size - held, held);
	assert_int_equal(media_file_next_missing(file, size - held), size);
	media_file_unref(file);
	bench_clear(&bench);
}

/* A full disk cannot be simulated here. A limit on file sizes has the same effect. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_when_there_is_room_again_all_of_it_is_kept(void **state)
{
	struct bench bench;
	struct media_file *file;

	bench_init(&bench, state);
	signal(SIGXFSZ, SIG_IGN);
	file = open_file(bench.directory, 3 * CHUNK);
	limit_files(CHUNK);
	for (uint64_t at = 0; at < 2 * CHUNK; at += CHUNK)
		stage(&bench, file, at, CHUNK);
	assert_int_equal(media_writer_start(bench.writer), 0);
	while (media_file_is_writing(file))
		sched_yield();
	assert_int_equal(media_file_disk_error(file), -EFBIG);
	assert_int_equal(media_file_homeless(file), CHUNK);
	assert_int_equal(media_file_kept(file), CHUNK);
	assert_bytes(file, 0, 2 * CHUNK);
	limit_files(RLIM_INFINITY);
	stage(&bench, file, 2 * CHUNK, CHUNK);
	media_writer_stop(bench.writer);
	assert_int_equal(media_file_disk_error(file), 0);
	assert_int_equal(media_file_homeless(file), 0);
	assert_true(media_file_is_complete(file));
	assert_bytes(file, 0, 3 * CHUNK);
	media_file_unref(file);
	bench_clear(&bench);
}

/* Readers read all present bytes while these are staged, written and staged again. */
struct race {
	struct media_file *file;
	uint64_t size;
	atomic_bool is_over;
};

static void *read_present(void *context)
{
	struct race *race = context;
	uintptr_t wrong = 0;

	while (!race->is_over)
		for (uint64_t at = 0; at < race->size; at += BLOCK) {
			struct media_view view;

			if (media_file_view(race->file, at, BLOCK, &view))
				continue;
			wrong += *(unsigned char *)view.parts[0].iov_base != byte_at(at);
			media_view_clear(&view);
		}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	struct bench bench;
	struct race race = { .size = 16 * CHUNK };
	pthread_t readers[2];

	bench_init(&bench, state);
	race.file = open_file(bench.directory, race.size);
	assert_int_equal(media_writer_start(bench.writer), 0);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_present, &race),
				 0);
	for (int round = 0; round < 3; round++)
		for (uint64_t at = 0; at < race.size; at += CHUNK)
			stage(&bench, race.file, at, CHUNK);
	media_writer_stop(bench.writer);
	race.is_over = true;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		void *wrong;

		pthread_join(readers[i], &wrong);
		assert_null(wrong);
	}
	assert_true(media_file_is_complete(race.file));
	media_file_unref(race.file);
	bench_clear(&bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_dir, tear_down_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_staged_bytes_are_here),
		TEST(test_a_view_joins_what_lies_on_disk_and_what_does_not),
		TEST(test_the_writer_brings_all_to_disk),
		TEST(test_a_view_keeps_its_bytes),
		TEST(test_without_room_the_newest_bytes_are_here),
		TEST(test_when_there_is_room_again_all_of_it_is_kept),
		TEST(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
