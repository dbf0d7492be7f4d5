/*
 * What the tests of media files share: a file, and a naive model of it: one flag a block.
 */
#ifndef SEEDANCEFS_TESTS_UNIT_BACKEND_MEDIA_STORE_MEDIA_FILE_FIXTURE_H
#define SEEDANCEFS_TESTS_UNIT_BACKEND_MEDIA_STORE_MEDIA_FILE_FIXTURE_H

#include "tests/unit/unit.h"

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

static inline int open_directory(void **state)
{
	int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline struct media_file *open_file(int directory, uint64_t size, const char *etag)
{
	struct media_file *file = NULL;

	assert_int_equal(media_file_open(directory, "m", size, etag, &file), 0);
	assert_int_equal(media_file_size(file), size);
	return file;
}

static inline struct model model_of(uint64_t size)
{
	return (struct model){ .size = size, .blocks = (size + BLOCK - 1) / BLOCK };
}

/* Every byte of a file of its own value, so that a misplaced block is seen. */
static inline unsigned char byte_at(uint64_t offset)
{
	return (unsigned char)(offset * 31 + offset / BLOCK);
}

static inline void put(struct media_file *file, struct model *model, uint64_t start,
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

/* How many bytes of [offset, end) are not what they should be;
 * all of them are present. */
static inline uint64_t count_wrong(struct media_file *file, uint64_t offset, uint64_t end)
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

static inline void compare_bytes(struct media_file *file, const struct model *model)
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

#endif
