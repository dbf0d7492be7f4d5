#include "backend/media_file.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/media_stage.h"
#include "backend/promise.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MAP_MAGIC "SDFSMAP2"
#define MAP_HEADER_BYTES 4096u
#define WORD_BITS 64u

/* The first page of the map file. Read and written by one daemon on one machine only. */
struct map_header {
	char magic[8];
	uint64_t size;
	char etag_digest[SHA256_HEX]; /* an etag may have any length */
	char boot_id[40];
	uint32_t is_synced;
	/* What earlier versions wrote has zeros from here on. */
	uint32_t check; /* enum media_check */
	char promise[PROMISE_SIZE];
	uint64_t link; /* that the requests were made with */
	uint32_t requests;
};

/* What is learnt of a file on the way; goes into the header with the next chunk. */
struct facts {
	char promise[PROMISE_SIZE];
	uint64_t link; /* that the requests were made with */
	uint32_t requests;
};

struct media_file {
	atomic_uint references;
	/* Set when opened. */
	uint64_t size, blocks;
	int fd;
	char *bytes;		   /* NULL for an empty file */
	struct map_header *header; /* start of the map's mapping */
	size_t map_bytes;
	_Atomic uint64_t *bits;
	bool is_mapped; /* the map is a file's */
	/* Shared. */
	_Atomic uint64_t present_blocks;
	atomic_int disk_error;
	_Atomic uint64_t begun, done; /* writes */
	struct media_stage stage;     /* has a lock of its own */
	pthread_mutex_t facts_lock;
	struct facts
		facts; /* guarded by facts_lock; only the backend's thread changes it */
	/* The writer's thread only. */
	bool cannot_reserve;
	/* Backend thread only. */
	struct aiocb sync;
	uint64_t synced; /* the writes that were done when it began */
	bool is_syncing;
};

static void read_boot_id(char ret_id[40])
{
	AUTOCLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, ret_id, 39) : 0;

	ret_id[got > 0 ? got : 0] = '\0';
	ret_id[strcspn(ret_id, "\n")] = '\0';
}

static size_t words_of(uint64_t blocks)
{
	return (size_t)((blocks + WORD_BITS - 1) / WORD_BITS);
}

/* Whether the map can be written to without more room on disk. */
static bool has_room(int map_fd, size_t size)
{
	struct stat status;

	if (map_fd < 0 || fstat(map_fd, &status) < 0)
		return false;
	if ((size_t)status.st_size == size && (size_t)status.st_blocks * 512 >= size)
		return true;
	return !posix_fallocate(map_fd, 0, (off_t)size);
}

/* Without a map file, or room for it, in memory that nothing survives in. */
static int map_map(struct media_file *file, int map_fd)
{
	int flags = MAP_SHARED;
	void *mapping;

	file->map_bytes = MAP_HEADER_BYTES + words_of(file->blocks) * sizeof(uint64_t);
	if (!has_room(map_fd, file->map_bytes))
		flags = MAP_PRIVATE | MAP_ANONYMOUS;
	mapping = mmap(NULL, file->map_bytes, PROT_READ | PROT_WRITE, flags,
		       flags == MAP_SHARED ? map_fd : -1, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	file->header = mapping;
	file->is_mapped = flags == MAP_SHARED;
	file->bits = (_Atomic uint64_t *)((char *)mapping + MAP_HEADER_BYTES);
	return 0;
}

static int digest_of(const char *etag, char ret_hex[SHA256_HEX])
{
	struct digest *digest = digest_create();

	if (!digest)
		return -ENOMEM;
	digest_add(digest, etag, strlen(etag));
	digest_finish(digest, ret_hex);
	digest_destroy(digest);
	return 0;
}

static bool header_fits(const struct map_header *header, uint64_t size,
			const char *etag_digest, const char *boot_id)
{
	return !memcmp(header->magic, MAP_MAGIC, sizeof(header->magic)) &&
	       header->size == size &&
	       !strncmp(header->etag_digest, etag_digest, sizeof(header->etag_digest)) &&
	       (header->is_synced ||
		!strncmp(header->boot_id, boot_id, sizeof(header->boot_id)));
}

static void empty_map(struct media_file *file, const char *etag_digest,
		      const char *boot_id)
{
	memset(file->header, 0, file->map_bytes);
	file->header->size = file->size;
	snprintf(file->header->etag_digest, sizeof(file->header->etag_digest), "%s",
		 etag_digest);
	snprintf(file->header->boot_id, sizeof(file->header->boot_id), "%s", boot_id);
	memcpy(file->header->magic, MAP_MAGIC, sizeof(file->header->magic));
}

static void count_present(struct media_file *file)
{
	uint64_t count = 0;

	for (size_t i = 0; i < words_of(file->blocks); i++)
		count += (uint64_t)__builtin_popcountll(file->bits[i]);
	file->present_blocks = count;
}

/* What is there is opened without asking the filesystem for a change, which could wait.
 */
static int open_or_create(int directory, const char *name)
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

	file->fd = open_or_create(directory, name);
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

static bool lacks_room(int r)
{
	return r == -ENOSPC || r == -EDQUOT || r == -EROFS;
}

static int open_map(struct media_file *file, int directory, const char *name)
{
	AUTOFREE char *map_name = text_format("%s.map", name);
	AUTOCLOSE int map_fd = -1;

	if (!map_name)
		return -ENOMEM;
	if (file->fd < 0)
		return map_map(file, -1);
	map_fd = open_or_create(directory, map_name);
	return map_fd < 0 && !lacks_room(map_fd) ? map_fd : map_map(file, map_fd);
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

	if (!lacks_room(r))
		return r;
	go_without(file, r);
	*ret_is_sound = false;
	return 0;
}

static void recall_facts(struct media_file *file)
{
	const struct map_header *header = file->header;

	snprintf(file->facts.promise, PROMISE_SIZE, "%.*s", PROMISE_SIZE - 1,
		 header->promise);
	file->facts.link = header->link;
	file->facts.requests = header->requests;
}

/* Where the disk stands still, so does this: the writer's thread, or the file's end. */
static void put_down_facts(struct media_file *file)
{
	struct map_header *header = file->header;
	struct facts facts;

	{
		SCOPED_LOCK(&file->facts_lock);

		facts = file->facts;
	}
	if (header->link == facts.link && header->requests == facts.requests &&
	    !strncmp(header->promise, facts.promise, PROMISE_SIZE))
		return;
	memcpy(header->promise, facts.promise, PROMISE_SIZE);
	header->link = facts.link;
	header->requests = facts.requests;
}

int media_file_open(int directory, const char *name, uint64_t size, const char *etag,
		    struct media_file **ret_file)
{
	struct media_file *file = calloc(1, sizeof(*file));
	char boot_id[40], etag_digest[SHA256_HEX];
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
		r = open_map(file, directory, name);
	if (!r)
		r = digest_of(etag ? etag : "", etag_digest);
	if (!r && !file->is_mapped && file->fd >= 0)
		go_without(file, -ENOSPC); /* what has no map is not kept */
	if (r) {
		media_file_unref(file);
		return r;
	}
	read_boot_id(boot_id);
	if (!is_sound || !header_fits(file->header, size, etag_digest, boot_id))
		empty_map(file, etag_digest, boot_id);
	count_present(file);
	recall_facts(file);
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
	if (file->header)
		put_down_facts(file);
	pthread_mutex_destroy(&file->facts_lock);
	if (file->bytes)
		munmap(file->bytes, file->size);
	if (file->header)
		munmap(file->header, file->map_bytes);
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

/* Where what is on disk at `offset` ends; `offset` if that byte is not. */
static uint64_t disk_end(const struct media_file *file, uint64_t offset)
{
	return offset_of(file, find_block(file, offset / MEDIA_BLOCK_BYTES, false),
			 offset);
}

uint64_t media_file_next_missing(const struct media_file *file, uint64_t offset)
{
	uint64_t at = offset, before;

	do {
		before = at;
		at = disk_end(file, at);
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

/* What so many present blocks hold; the last one may be a shorter one. */
static uint64_t bytes_of(uint64_t size, uint64_t present_blocks, bool has_last)
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
	return bytes_of(file->size, file->present_blocks,
			file->blocks && has_last_block(file));
}

/* --- views --- */

void media_view_clear(struct media_view *view)
{
	for (unsigned i = 0; i < view->count; i++)
		media_chunk_unref(view->chunks[i]);
	if (view->parts != view->few_parts) {
		free(view->parts);
		free(view->chunks);
	}
}

/* Room for as many parts as there can be. */
static int view_grow(struct media_view *view, size_t size)
{
	unsigned capacity = (unsigned)(size / MEDIA_BLOCK_BYTES + 3);
	AUTOFREE struct iovec *parts = calloc(capacity, sizeof(*parts));
	AUTOFREE struct media_chunk **chunks =
		calloc(capacity, sizeof(struct media_chunk *));

	if (!parts || !chunks)
		return -ENOMEM;
	memcpy(parts, view->parts, view->count * sizeof(*parts));
	memcpy(chunks, view->chunks, view->count * sizeof(struct media_chunk *));
	view->parts = TAKE(parts);
	view->chunks = TAKE(chunks);
	view->capacity = capacity;
	return 0;
}

/* What of [offset, end) lies in one piece. Takes the chunk over. */
static void view_add(struct media_view *view, const char *bytes, uint64_t size,
		     struct media_chunk *chunk)
{
	view->parts[view->count] = (struct iovec){ (void *)bytes, (size_t)size };
	view->chunks[view->count++] = chunk;
}

/* How many bytes were added; 0: that byte is not here. */
static uint64_t view_next(struct media_file *file, uint64_t offset, uint64_t end,
			  struct media_view *view)
{
	uint64_t stop = disk_end(file, offset);
	struct media_chunk *chunk = NULL;

	if (stop == offset)
		chunk = media_stage_find(&file->stage, offset);
	/* It may have come to disk since that was looked at. */
	if (stop == offset && !chunk)
		stop = disk_end(file, offset);
	if (chunk)
		stop = chunk->offset + chunk->size;
	if (stop > end)
		stop = end;
	if (stop > offset)
		view_add(view,
			 chunk ? chunk->bytes + (offset - chunk->offset)
			       : file->bytes + offset,
			 stop - offset, chunk);
	return stop - offset;
}

int media_file_view(struct media_file *file, uint64_t offset, size_t size,
		    struct media_view *ret_view)
{
	struct media_view *view = ret_view;
	uint64_t end = offset + size;
	int r = 0;

	view->parts = view->few_parts;
	view->chunks = view->few_chunks;
	view->count = 0;
	view->capacity = MEDIA_VIEW_PARTS;
	while (offset < end && !r) {
		uint64_t got;

		if (view->count == view->capacity)
			r = view_grow(view, size);
		got = r ? 0 : view_next(file, offset, end, view);
		if (!r && !got)
			r = -EAGAIN;
		offset += got;
	}
	if (r)
		media_view_clear(view);
	return r;
}

/* --- what is on disk of a file that is not open --- */

static bool read_whole(int fd, void *into, size_t size, off_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n =
			pread(fd, (char *)into + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static uint64_t count_bytes(int map_fd, uint64_t size)
{
	uint64_t blocks = (size + MEDIA_BLOCK_BYTES - 1) / MEDIA_BLOCK_BYTES;
	uint64_t words[512], word = 0, present = 0;
	size_t left = words_of(blocks);
	off_t offset = MAP_HEADER_BYTES;

	while (left) {
		size_t count = left < ARRAY_SIZE(words) ? left : ARRAY_SIZE(words);

		if (!read_whole(map_fd, words, count * sizeof(word), offset))
			return 0;
		for (size_t i = 0; i < count; i++)
			present += (uint64_t)__builtin_popcountll(word = words[i]);
		left -= count;
		offset += (off_t)(count * sizeof(word));
	}
	return bytes_of(size, present, blocks && word >> ((blocks - 1) % WORD_BITS) & 1);
}

uint64_t media_file_look(int directory, const char *name, uint64_t size, const char *etag)
{
	AUTOFREE char *map_name = text_format("%s.map", name);
	AUTOCLOSE int map_fd =
		map_name ? openat(directory, map_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
			 : -1;
	char boot_id[40], etag_digest[SHA256_HEX];
	struct map_header header;
	struct stat status;

	if (map_fd < 0 || !read_whole(map_fd, &header, sizeof(header), 0) ||
	    digest_of(etag ? etag : "", etag_digest) ||
	    fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (uint64_t)status.st_size != size)
		return 0;
	read_boot_id(boot_id);
	return header_fits(&header, size, etag_digest, boot_id)
		       ? count_bytes(map_fd, size)
		       : 0;
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

static int write_all(int fd, uint64_t offset, const char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, bytes + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int media_file_write(struct media_file *file, uint64_t offset, const void *bytes,
		     size_t size)
{
	int r;

	if (file->fd < 0)
		return file->disk_error;
	forget_sync(file);
	r = write_all(file->fd, offset, bytes, size);
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
		file->cannot_reserve = !lacks_room(-errno);
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

	put_down_facts(file);
	reserve(file, chunk->offset, chunk->reserve_end);
	r = media_file_write(file, chunk->offset, chunk->bytes, chunk->size);
	if (r) {
		media_stage_keep(&file->stage, chunk);
	} else {
		media_file_mark(file, chunk->offset, chunk->offset + chunk->size);
		media_stage_remove(&file->stage, chunk);
	}
	file->disk_error = r;
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
	for (size_t i = 0; i < words_of(file->blocks); i++)
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

/* --- what is remembered beside the map --- */

enum media_check media_file_check(const struct media_file *file)
{
	return (enum media_check)file->header->check;
}

int media_file_set_check(struct media_file *file, enum media_check check)
{
	int r;

	file->header->check = check;
	r = msync(file->header, file->map_bytes, MS_SYNC) < 0 ? -errno : 0;
	if (r)
		log_warn("event=map_not_durable reason=\"%s\"", strerror(-r));
	return r;
}

const char *media_file_promise(const struct media_file *file)
{
	return file->facts.promise;
}

void media_file_set_promise(struct media_file *file, const char *promise)
{
	SCOPED_LOCK(&file->facts_lock);

	snprintf(file->facts.promise, PROMISE_SIZE, "%s", promise);
}

unsigned media_file_count_requests(struct media_file *file, uint64_t link, unsigned count)
{
	SCOPED_LOCK(&file->facts_lock);
	struct facts *facts = &file->facts;

	if (facts->link != link)
		facts->requests = 0;
	facts->link = link;
	facts->requests += count;
	return facts->requests;
}

unsigned media_file_look_requests(int directory, const char *name, uint64_t link)
{
	AUTOFREE char *map_name = text_format("%s.map", name);
	AUTOCLOSE int map_fd =
		map_name ? openat(directory, map_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
			 : -1;
	struct map_header header;

	if (map_fd < 0 || !read_whole(map_fd, &header, sizeof(header), 0) ||
	    memcmp(header.magic, MAP_MAGIC, sizeof(header.magic)) || header.link != link)
		return 0;
	return header.requests;
}
