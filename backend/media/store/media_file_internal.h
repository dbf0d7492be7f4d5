/*
 * Shared by the files of this directory.
 *
 *   media_file.c  the file: opening, present bytes, writing, making durable
 *   block_map.c   the map beside it: present blocks, and stored facts
 *   view.c        the location of the bytes of a range
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STORE_MEDIA_FILE_INTERNAL_H
#define SEEDANCEFS_BACKEND_MEDIA_STORE_MEDIA_FILE_INTERNAL_H

#include "backend/base/digest.h"
#include "backend/media/store/media_file.h"
#include "backend/media/store/stage.h"
#include "backend/http/expected_digest.h"

#include <aio.h>

#define WORD_BITS 64u
#define MAP_HEADER_BYTES 4096u

/* The first page of the map file. Read and written by one daemon on one machine only. */
struct map_header {
	char magic[8];
	uint64_t size;
	char etag_digest[SHA256_HEX]; /* an etag may have any length */
	char boot_id[40];
	uint32_t is_synced;
	/* Earlier versions wrote zeros from here on. */
	uint32_t check; /* enum media_check */
	char expected_digest[EXPECTED_DIGEST_SIZE];
	uint64_t link; /* the link of the counted requests */
	uint32_t requests;
};

/* Facts learnt during the transfer; stored in the header with the next chunk. */
struct facts {
	char expected_digest[EXPECTED_DIGEST_SIZE];
	uint64_t link; /* the link of the counted requests */
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
	bool is_mapped; /* the map is a file, not memory */
	/* Shared. */
	_Atomic uint64_t present_blocks;
	atomic_int disk_error;
	_Atomic uint64_t begun, done; /* numbers of writes */
	struct media_stage stage;     /* has a lock of its own */
	pthread_mutex_t facts_lock;
	struct facts
		facts; /* guarded by facts_lock; only the backend's thread changes it */
	/* Writer's thread only. */
	bool cannot_reserve;
	/* Backend thread only. */
	struct aiocb sync;
	uint64_t synced; /* the number of writes done when it started */
	bool is_syncing;
};

/* --- media_file.c --- */
/* Where the bytes on disk at `offset` end; `offset` if that byte is not on disk. */
uint64_t media_file_disk_end(const struct media_file *file, uint64_t offset);
/* Opens or creates the file; a descriptor or -errno. */
int media_file_open_or_create(int directory, const char *name);
bool media_file_lacks_room(int r);
/* The bytes in so many present blocks; the last block may be shorter. */
uint64_t media_file_bytes_of(uint64_t size, uint64_t present_blocks, bool has_last);

/* --- block_map.c --- */
/* The number of words in the map of so many blocks. */
size_t media_map_words(uint64_t blocks);
/* Opens the map of a file, or one in memory. 0 or -errno. */
int media_map_open(struct media_file *file, int directory, const char *name);
/* Uses the map's contents if they are valid, else empties it. 0 or -ENOMEM. */
int media_map_recall(struct media_file *file, const char *etag, bool is_sound);
/*
 * Stores new facts in the header. May wait for a stalled disk: writer's thread, or at the
 * file's end.
 */
void media_map_put_down(struct media_file *file);
void media_map_close(struct media_file *file);

#endif
