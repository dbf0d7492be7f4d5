/*
 * Bytes of one media file that came and are not on disk: on their way there
 * (writer.h), or in want of room. Readers are served from here meanwhile.
 *
 * They lie in chunks of whole blocks, each with one reference count: the stage's, the
 * writer's and each reader's reply hold it. A chunk that found no room on disk stays, as
 * long as there are not too many of them: the oldest ones are forgotten then, and fetched
 * again by whoever reads them.
 *
 * Threads: any, but for filling a chunk, which is its maker's alone before it is added.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STORE_STAGE_H
#define SEEDANCEFS_BACKEND_MEDIA_STORE_STAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_CHUNK_BYTES (512u << 10)
/* What a stage keeps of chunks that found no room. */
#define MEDIA_HOMELESS_BYTES (4u << 20)

/* Used buffers of full size, for the next chunk:
 * they are warm in the processor's cache. */
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
	size_t size, capacity; /* bytes in it; bytes it may take */
	uint64_t reserve_end;  /* ask for room on disk up to here first; 0: do not */
	char *bytes;
	/* Guarded by the lock of the stage that it is in. */
	struct media_chunk *next;
	bool is_staged, is_homeless;
	/* The writer's (writer.c), while it is queued there. */
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
/* Readers find it from now on. Takes a reference. */
void media_stage_add(struct media_stage *stage, struct media_chunk *chunk);
/* Its bytes are on disk, and marked there. */
void media_stage_remove(struct media_stage *stage, struct media_chunk *chunk);
/* There is no room for it on disk. */
void media_stage_keep(struct media_stage *stage, struct media_chunk *chunk);
/* A homeless chunk, to be written after all;
 * a reference, or NULL. It is homeless no more. */
struct media_chunk *media_stage_take_homeless(struct media_stage *stage);

static inline bool media_stage_is_empty(struct media_stage *stage)
{
	return !atomic_load_explicit(&stage->count, memory_order_acquire);
}

static inline size_t media_stage_homeless(struct media_stage *stage)
{
	return atomic_load_explicit(&stage->homeless_bytes, memory_order_relaxed);
}

/* Whether all that is in it wants room: nothing is on its way to the disk. */
bool media_stage_is_stuck(struct media_stage *stage);

/* Where what is staged at `offset` ends; `offset` if that byte is not. */
uint64_t media_stage_end(struct media_stage *stage, uint64_t offset);
/* The first staged byte at or behind `offset`; UINT64_MAX if there is none. */
uint64_t media_stage_next(struct media_stage *stage, uint64_t offset);
/* The chunk that holds the byte at `offset`: a reference, or NULL. */
struct media_chunk *media_stage_find(struct media_stage *stage, uint64_t offset);

#endif
