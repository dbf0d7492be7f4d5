#include "backend/media/store/media_file_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/log.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* What is there is opened without asking the filesystem for a change,
 * which could wait. */
int media_file_open_or_create(int directory, const char *name)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW, fd = openat(directory, name, flags);

	if (fd < 0 && errno == ENOENT)
		fd = openat(directory, name, flags | O_CREAT, 0600);
	return fd < 0 ? -errno : fd;
}

static int open_data(struct media_file *file, int directory, const char *name,
		     bool *ret_is_sound)
{
	struct stat status;
	void *mapping;

	file->fd = media_file_open_or_create(directory, name);
	if (file->fd < 0)
		return file->fd;
	if (fstat(file->fd, &status) < 0)
		return -errno;
	*ret_is_sound = (uint64_t)status.st_size == file->size;
	if (!*ret_is_sound && ftruncate(file->fd, (off_t)file->size) < 0)
		return -errno;
	if (!file->size)
		return 0;
	mapping = mmap(NULL, file->size, PROT_READ, MAP_SHARED, file->fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	file->bytes = mapping;
	return 0;
}

bool media_file_lacks_room(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EROFS;
}

static void go_without(struct media_file *file, int error)
{
	if (file->bytes)
		munmap(file->bytes, file->size);
	file->bytes = NULL;
	cleanup_close(&file->fd);
	file->fd = -1;
	file->disk_error = error;
}

/* Without room on disk there is no file. */
static int open_or_go_without(struct media_file *file, int directory, const char *name,
			      bool *ret_is_sound)
{
	int r = directory < 0 ? directory
			      : open_data(file, directory, name, ret_is_sound);

	if (!media_file_lacks_room(r))
		return r;
	go_without(file, r);
	*ret_is_sound = false;
	return 0;
}

int media_file_open(int directory, const char *name, uint64_t size, const char *etag,
		    struct media_file **ret_file)
{
	struct media_file *file = calloc(1, sizeof(*file));
	bool is_sound = false;
	int r;

	if (!file)
		return -ENOMEM;
	atomic_init(&file->references, 1);
	media_stage_init(&file->stage);
	pthread_mutex_init(&file->facts_lock, NULL);
	file->fd = -1;
	file->size = size;
	file->blocks = (size + MEDIA_BLOCK_BYTES - 1) / MEDIA_BLOCK_BYTES;
	r = open_or_go_without(file, directory, name, &is_sound);
	if (!r)
		r = media_map_open(file, directory, name);
	if (!r && !file->is_mapped && file->fd >= 0)
		go_without(file, -ENOSPC); /* what has no map is not kept */
	if (!r)
		r = media_map_recall(file, etag, is_sound);
	if (r) {
		media_file_unref(file);
		return r;
	}
	*ret_file = file;
	return 0;
}

struct media_file *media_file_ref(struct media_file *file)
{
	if (file)
		atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
	return file;
}

/* aio writes into the control block until it is done: it must be waited for. */
static void wait_for_end(struct media_file *file)
{
	const struct aiocb *const list[] = { &file->sync };

	if (!file->is_syncing)
		return;
	while (aio_error(&file->sync) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
}

void media_file_unref(struct media_file *file)
{
	if (!file ||
	    atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1)
		return;
	wait_for_end(file);
	if (file->is_syncing)
		aio_return(&file->sync);
	media_stage_clear(&file->stage);
	media_map_close(file);
	pthread_mutex_destroy(&file->facts_lock);
	if (file->bytes)
		munmap(file->bytes, file->size);
	cleanup_close(&file->fd);
	free(file);
}

uint64_t media_file_size(const struct media_file *file)
{
	return file->size;
}

int media_file_descriptor(const struct media_file *file)
{
	return file->fd < 0 ? -ENODATA : file->fd;
}

/*
 * The first block at or behind `block` whose bit is `wanted`; `blocks` if there is none.
 * Bits behind the last block are never set, and are cut off by the bound.
 */
static uint64_t find_block(const struct media_file *file, uint64_t block, bool wanted)
{
	while (block < file->blocks) {
		uint64_t word = atomic_load_explicit(&file->bits[block / WORD_BITS],
						     memory_order_acquire);

		if (!wanted)
			word = ~word;
		word &= ~UINT64_C(0) << (block % WORD_BITS);
		if (word) {
			block = block / WORD_BITS * WORD_BITS +
				(uint64_t)__builtin_ctzll(word);
			break;
		}
		block = (block / WORD_BITS + 1) * WORD_BITS;
	}
	return block < file->blocks ? block : file->blocks;
}

/* Where a block begins, but not before `offset`, nor behind the end. */
static uint64_t offset_of(const struct media_file *file, uint64_t block, uint64_t offset)
{
	uint64_t start = block * MEDIA_BLOCK_BYTES;

	if (start < offset)
		start = offset;
	return start < file->size ? start : file->size;
}

/* The stage has a lock of its own. */
static struct media_stage *stage_of(const struct media_file *file)
{
	return (struct media_stage *)&file->stage;
}

uint64_t media_file_disk_end(const struct media_file *file, uint64_t offset)
{
	return offset_of(file, find_block(file, offset / MEDIA_BLOCK_BYTES, false),
			 offset);
}

uint64_t media_file_next_missing(const struct media_file *file, uint64_t offset)
{
	uint64_t at = offset, before;

	do {
		before = at;
		at = media_file_disk_end(file, at);
		if (at < file->size)
			at = media_stage_end(stage_of(file), at);
	} while (at != before && at < file->size);
	return at < file->size ? at : file->size;
}

uint64_t media_file_next_present(const struct media_file *file, uint64_t offset)
{
	uint64_t staged = media_stage_next(stage_of(file), offset);
	uint64_t at = offset_of(file, find_block(file, offset / MEDIA_BLOCK_BYTES, true),
				offset);

	return staged < at ? staged : at;
}

bool media_file_has(const struct media_file *file, uint64_t offset, uint64_t size)
{
	if (!size || offset >= file->size)
		return true;
	if (size > file->size - offset)
		size = file->size - offset;
	return media_file_next_missing(file, offset) >= offset + size;
}

bool media_file_is_complete(const struct media_file *file)
{
	return atomic_load_explicit(&file->present_blocks, memory_order_acquire) ==
	       file->blocks;
}

uint64_t media_file_bytes_of(uint64_t size, uint64_t present_blocks, bool has_last)
{
	uint64_t bytes = present_blocks * MEDIA_BLOCK_BYTES;
	uint64_t last = size % MEDIA_BLOCK_BYTES;

	if (last && has_last && present_blocks)
		bytes -= MEDIA_BLOCK_BYTES - last;
	return bytes < size ? bytes : size;
}

static bool has_last_block(const struct media_file *file)
{
	return find_block(file, file->blocks - 1, true) < file->blocks;
}

uint64_t media_file_kept(const struct media_file *file)
{
	/* A block may be marked and not counted yet: hence the bounds. */
	return media_file_bytes_of(file->size, file->present_blocks,
				   file->blocks && has_last_block(file));
}

/* --- writing --- */

/* What is marked from now on is not durable; the map says so before it marks it. */
static void forget_sync(struct media_file *file)
{
	file->begun++;
	if (!__atomic_exchange_n(&file->header->is_synced, 0, __ATOMIC_SEQ_CST))
		return;
	if (msync(file->header, MAP_HEADER_BYTES, MS_SYNC) < 0)
		log_warn("event=map_not_durable reason=\"%s\"", strerror(errno));
}

int media_file_write(struct media_file *file, uint64_t offset, const void *bytes,
		     size_t size)
{
	int r;

	if (file->fd < 0)
		return file->disk_error;
	forget_sync(file);
	r = file_write_at(file->fd, bytes, size, offset);
	file->done++;
	return r;
}

/*
 * Asks for room on disk for bytes that will be written soon: makes writing them cheaper.
 * Where the filesystem cannot, or has no room, writing tells.
 */
static void reserve(struct media_file *file, uint64_t start, uint64_t end)
{
	if (file->fd < 0 || file->cannot_reserve || start >= end)
		return;
	if (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, (off_t)start, (off_t)(end - start)) <
	    0)
		file->cannot_reserve = !media_file_lacks_room(-errno);
}

void media_file_stage(struct media_file *file, struct media_chunk *chunk)
{
	media_stage_add(&file->stage, chunk);
}

void media_file_keep_chunk(struct media_file *file, struct media_chunk *chunk)
{
	media_stage_keep(&file->stage, chunk);
}

void media_file_write_chunk(struct media_file *file, struct media_chunk *chunk)
{
	int r;

	media_map_put_down(file);
	reserve(file, chunk->offset, chunk->reserve_end);
	r = media_file_write(file, chunk->offset, chunk->bytes, chunk->size);
	file->disk_error = r; /* first: who sees the end of it asks how it ended */
	if (r) {
		media_stage_keep(&file->stage, chunk);
	} else {
		media_file_mark(file, chunk->offset, chunk->offset + chunk->size);
		media_stage_remove(&file->stage, chunk);
	}
}

bool media_file_has_room(const struct media_file *file, uint64_t bytes)
{
	struct statvfs status;

	if (file->fd < 0)
		return false;
	return fstatvfs(file->fd, &status) < 0 ||
	       (uint64_t)status.f_bavail * status.f_frsize >= bytes;
}

int media_file_disk_error(const struct media_file *file)
{
	return file->disk_error;
}

struct media_chunk *media_file_take_homeless(struct media_file *file)
{
	return media_stage_take_homeless(&file->stage);
}

size_t media_file_homeless(const struct media_file *file)
{
	return media_stage_homeless(stage_of(file));
}

bool media_file_is_writing(const struct media_file *file)
{
	return !media_stage_is_stuck(stage_of(file));
}

void media_file_mark(struct media_file *file, uint64_t start, uint64_t end)
{
	uint64_t block = start / MEDIA_BLOCK_BYTES;
	uint64_t stop = end >= file->size ? file->blocks : end / MEDIA_BLOCK_BYTES;

	for (; block < stop; block++) {
		uint64_t bit = UINT64_C(1) << (block % WORD_BITS);
		uint64_t before = atomic_fetch_or_explicit(&file->bits[block / WORD_BITS],
							   bit, memory_order_release);

		if (!(before & bit))
			file->present_blocks++;
	}
}

/*
 * One thread of aio's is enough, and it never starts another: a thread that is begun by
 * one that glibc made behind its back is more than ThreadSanitizer survives.
 */
static void limit_aio(void)
{
	aio_init(&(struct aioinit){ .aio_threads = 1, .aio_num = 64 });
}

int media_file_sync_begin(struct media_file *file)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (file->is_syncing || media_file_is_synced(file))
		return 0;
	file->synced = file->done;
	if (file->begun != file->synced)
		return -EAGAIN; /* one is under way */
	pthread_once(&once, limit_aio);
	file->sync = (struct aiocb){ .aio_fildes = file->fd,
				     .aio_sigevent.sigev_notify = SIGEV_NONE };
	if (aio_fsync(O_DSYNC, &file->sync) < 0)
		return -errno;
	file->is_syncing = true;
	return 0;
}

/* The disk failed to take what it had seemed to: nothing of it can be relied on. */
void media_file_forget(struct media_file *file, int error)
{
	log_warn("event=media_not_durable reason=\"%s\"", strerror(error));
	for (size_t i = 0; i < media_map_words(file->blocks); i++)
		atomic_store(&file->bits[i], 0);
	file->present_blocks = 0;
}

int media_file_sync_poll(struct media_file *file)
{
	int r;

	if (!file->is_syncing)
		return 0;
	r = aio_error(&file->sync);
	if (r == EINPROGRESS)
		return -EINPROGRESS;
	aio_return(&file->sync);
	file->is_syncing = false;
	if (r) {
		media_file_forget(file, r);
		return -r;
	}
	if (file->begun != file->synced)
		return -EAGAIN; /* more was written meanwhile */
	__atomic_store_n(&file->header->is_synced, 1, __ATOMIC_SEQ_CST);
	if (file->begun != file->synced) {
		__atomic_store_n(&file->header->is_synced, 0, __ATOMIC_SEQ_CST);
		return -EAGAIN;
	}
	return msync(file->header, file->map_bytes, MS_ASYNC) < 0 ? -errno : 0;
}

void media_file_sync_finish(struct media_file *file)
{
	wait_for_end(file);
	media_file_sync_poll(file);
}

bool media_file_is_synced(const struct media_file *file)
{
	return __atomic_load_n(&file->header->is_synced, __ATOMIC_SEQ_CST);
}
