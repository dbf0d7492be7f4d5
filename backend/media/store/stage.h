/*
 * Bytes of one media file that have arrived and are not on disk: queued for it
 * (writer.h), or lacking space. Readers are served from here in the meantime.
 *
 * The bytes are in chunks of complete blocks, reference counted: the stage, the writer
 * and each reader's reply hold references. A chunk that found no space on disk is
 * *homeless* and stays here, up to a limit: the oldest ones are dropped then, and fetched
 * again when somebody reads them.
 *
 * Threads: any; but a chunk is filled only by its creator, before it is added.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STORE_STAGE_H
#define SEEDANCEFS_BACKEND_MEDIA_STORE_STAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_CHUNK_BYTES (512u << 10)
/* The limit for homeless chunks. */
#define MEDIA_HOMELESS_BYTES (4u << 20)

/* Used buffers of full size, for reuse: they are warm in the processor's cache. */
struct media_pool {
	pthread_mutex_t lock;
	struct media_chunk *free; /* guarded by lock */
	unsigned count;
};

struct media_file;

struct media_chunk {
	atomic_uint references;
	/* Set before it is added. */
	struct media_pool *pool;
	uint64_t offset;
	size_t size, capacity; /* bytes in it; maximum bytes */
	uint64_t reserve_end;  /* reserve disk space up to here first; 0: do not */
	char *bytes;
	/* Guarded by the lock of the stage that it is in. */
	struct media_chunk *next;
	bool is_staged, is_homeless;
	/* Belongs to the writer (writer.c) while the chunk is queued. */
	struct media_chunk *next_queued;
	struct media_file *file;
};

struct media_stage {
	pthread_mutex_t lock;
	/* Guarded by lock: oldest first. */
	struct media_chunk *chunks;
	/* Written with the lock held. */
	_Atomic size_t count;
	_Atomic size_t homeless_bytes;
};

void media_pool_init(struct media_pool *pool);
void media_pool_clear(struct media_pool *pool);

/* An empty chunk for at most `capacity` (≤ MEDIA_CHUNK_BYTES) bytes; NULL: no memory. */
struct media_chunk *media_chunk_create(struct media_pool *pool, uint64_t offset,
				       size_t capacity);
struct media_chunk *media_chunk_ref(struct media_chunk *chunk);
void media_chunk_unref(struct media_chunk *chunk);

void media_stage_init(struct media_stage *stage);
void media_stage_clear(struct media_stage *stage);
/* Makes the chunk visible to readers. Takes a reference. */
void media_stage_add(struct media_stage *stage, struct media_chunk *chunk);
/* The chunk's bytes are on disk, and marked there. */
void media_stage_remove(struct media_stage *stage, struct media_chunk *chunk);
/* The disk has no space for it. */
void media_stage_keep(struct media_stage *stage, struct media_chunk *chunk);
/*
 * Takes a homeless chunk, to be written after all; a reference, or NULL. It is no longer
 * homeless.
 */
struct media_chunk *media_stage_take_homeless(struct media_stage *stage);

static inline bool media_stage_is_empty(struct media_stage *stage)
{
	return !atomic_load_explicit(&stage->count, memory_order_acquire);
}

static inline size_t media_stage_homeless(struct media_stage *stage)
{
	return atomic_load_explicit(&stage->homeless_bytes, memory_order_relaxed);
}

/* Whether every chunk in it lacks space, and none is queued for the disk. */
bool media_stage_is_stuck(struct media_stage *stage);

/* Where the staged bytes at `offset` end; `offset` if that byte is not staged. */
uint64_t media_stage_end(struct media_stage *stage, uint64_t offset);
/* The first staged byte at or after `offset`; UINT64_MAX if there is none. */
uint64_t media_stage_next(struct media_stage *stage, uint64_t offset);
/* The chunk with the byte at `offset`: a reference, or NULL. */
struct media_chunk *media_stage_find(struct media_stage *stage, uint64_t offset);

#endif
