#include "backend/base/cleanup.h"
#include "backend/base/file.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/media/store/media_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAP_MAGIC "SDFSMAP2"
#define BOOT_ID_SIZE 40

static void read_boot_id(char ret_id[BOOT_ID_SIZE])
{
	file_read_line("/proc/sys/kernel/random/boot_id", ret_id, BOOT_ID_SIZE);
}

size_t media_map_words(uint64_t blocks)
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

	file->map_bytes =
		MAP_HEADER_BYTES + media_map_words(file->blocks) * sizeof(uint64_t);
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
	etag = etag ? etag : "";
	return digest_bytes(DIGEST_SHA256, etag, strlen(etag), ret_hex);
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

	for (size_t i = 0; i < media_map_words(file->blocks); i++)
		count += (uint64_t)__builtin_popcountll(file->bits[i]);
	file->present_blocks = count;
}

int media_map_open(struct media_file *file, int directory, const char *name)
{
	AUTOFREE char *map_name = text_format("%s.map", name);
	AUTOCLOSE int map_fd = -1;

	if (!map_name)
		return -ENOMEM;
	if (file->fd < 0)
		return map_map(file, -1);
	map_fd = media_file_open_or_create(directory, map_name);
	return map_fd < 0 && !media_file_lacks_room(map_fd) ? map_fd
							    : map_map(file, map_fd);
}

static void recall_facts(struct media_file *file)
{
	const struct map_header *header = file->header;

	snprintf(file->facts.expected_digest, EXPECTED_DIGEST_SIZE, "%.*s",
		 EXPECTED_DIGEST_SIZE - 1, header->expected_digest);
	file->facts.link = header->link;
	file->facts.requests = header->requests;
}

void media_map_put_down(struct media_file *file)
{
	struct map_header *header = file->header;
	struct facts facts;

	{
		SCOPED_LOCK(&file->facts_lock);

		facts = file->facts;
	}
	if (header->link == facts.link && header->requests == facts.requests &&
	    !strncmp(header->expected_digest, facts.expected_digest,
		     EXPECTED_DIGEST_SIZE))
		return;
	memcpy(header->expected_digest, facts.expected_digest, EXPECTED_DIGEST_SIZE);
	header->link = facts.link;
	header->requests = facts.requests;
}

int media_map_recall(struct media_file *file, const char *etag, bool is_sound)
{
	char boot_id[BOOT_ID_SIZE], etag_digest[SHA256_HEX];
	int r = digest_of(etag, etag_digest);

	if (r)
		return r;
	read_boot_id(boot_id);
	if (!is_sound || !header_fits(file->header, file->size, etag_digest, boot_id))
		empty_map(file, etag_digest, boot_id);
	count_present(file);
	recall_facts(file);
	return 0;
}

void media_map_close(struct media_file *file)
{
	if (!file->header)
		return;
	media_map_put_down(file);
	munmap(file->header, file->map_bytes);
}

/* --- of a file that is not open --- */

static bool read_whole(int fd, void *into, size_t size, off_t offset)
{
	size_t got;

	return !file_read_at(fd, into, size, (uint64_t)offset, &got) && got == size;
}

static uint64_t count_bytes(int map_fd, uint64_t size)
{
	uint64_t blocks = (size + MEDIA_BLOCK_BYTES - 1) / MEDIA_BLOCK_BYTES;
	uint64_t words[512], word = 0, present = 0;
	size_t left = media_map_words(blocks);
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
	return media_file_bytes_of(size, present,
				   blocks && word >> ((blocks - 1) % WORD_BITS) & 1);
}

uint64_t media_file_look(int directory, const char *name, uint64_t size, const char *etag)
{
	AUTOFREE char *map_name = text_format("%s.map", name);
	AUTOCLOSE int map_fd =
		map_name ? openat(directory, map_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
			 : -1;
	char boot_id[BOOT_ID_SIZE], etag_digest[SHA256_HEX];
	struct map_header header;
	struct stat status;

	if (map_fd < 0 || !read_whole(map_fd, &header, sizeof(header), 0) ||
	    digest_of(etag, etag_digest) ||
	    fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (uint64_t)status.st_size != size)
		return 0;
	read_boot_id(boot_id);
	return header_fits(&header, size, etag_digest, boot_id)
		       ? count_bytes(map_fd, size)
		       : 0;
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

const char *media_file_expected_digest(const struct media_file *file)
{
	return file->facts.expected_digest;
}

void media_file_set_expected_digest(struct media_file *file, const char *expected_digest)
{
	SCOPED_LOCK(&file->facts_lock);

	snprintf(file->facts.expected_digest, EXPECTED_DIGEST_SIZE, "%s",
		 expected_digest);
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
