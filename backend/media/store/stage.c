#include "backend/media/store/stage.h"

#include "backend/base/cleanup.h"

#define POOL_MOST 6

/* --- buffers --- */

void media_pool_init(struct media_pool *pool)
{
	*pool = (struct media_pool){ 0 };
	pthread_mutex_init(&pool->lock, NULL);
}

static void chunk_free(struct media_chunk *chunk)
{
	free(chunk->bytes);
	free(chunk);
}

void media_pool_clear(struct media_pool *pool)
{
	while (pool->free) {
		struct media_chunk *chunk = pool->free;

		pool->free = chunk->next;
		chunk_free(chunk);
	}
	pthread_mutex_destroy(&pool->lock);
}

static struct media_chunk *take_used(struct media_pool *pool)
{
	SCOPED_LOCK(&pool->lock);
	struct media_chunk *chunk = pool->free;

	if (chunk) {
		pool->free = chunk->next;
		pool->count--;
	}
	return chunk;
}

/* False when there are enough of them. */
static bool give_back(struct media_pool *pool, struct media_chunk *chunk)
{
	SCOPED_LOCK(&pool->lock);

	if (pool->count >= POOL_MOST)
		return false;
	chunk->next = pool->free;
	pool->free = chunk;
	pool->count++;
	return true;
}

static struct media_chunk *chunk_allocate(size_t capacity)
{
	AUTOFREE struct media_chunk *chunk = malloc(sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->bytes = malloc(capacity);
	return chunk->bytes ? TAKE(chunk) : NULL;
}

/* Small ones, of a slow transfer, have a buffer of their own size. */
struct media_chunk *media_chunk_create(struct media_pool *pool, uint64_t offset,
				       size_t capacity)
{
	bool is_large = capacity > MEDIA_CHUNK_BYTES / 2;
	struct media_chunk *chunk = is_large ? take_used(pool) : NULL;

	if (!chunk)
		chunk = chunk_allocate(is_large ? MEDIA_CHUNK_BYTES : capacity);
	if (!chunk)
		return NULL;
	*chunk = (struct media_chunk){ .pool = is_large ? pool : NULL,
				       .offset = offset,
				       .capacity = capacity,
				       .bytes = chunk->bytes };
	atomic_init(&chunk->references, 1);
	return chunk;
}

struct media_chunk *media_chunk_ref(struct media_chunk *chunk)
{
	atomic_fetch_add_explicit(&chunk->references, 1, memory_order_relaxed);
	return chunk;
}

void media_chunk_unref(struct media_chunk *chunk)
{
	if (!chunk ||
	    atomic_fetch_sub_explicit(&chunk->references, 1, memory_order_acq_rel) != 1)
		return;
	if (!chunk->pool || !give_back(chunk->pool, chunk))
		chunk_free(chunk);
}

/* --- the stage --- */

void media_stage_init(struct media_stage *stage)
{
	*stage = (struct media_stage){ 0 };
	pthread_mutex_init(&stage->lock, NULL);
}

/* Takes a chunk out; the lock is held, the stage's reference is the caller's now. */
static void unlink_chunk(struct media_stage *stage, struct media_chunk *chunk)
{
	struct media_chunk **at = &stage->chunks;

	while (*at != chunk)
		at = &(*at)->next;
	*at = chunk->next;
	chunk->is_staged = false;
	if (chunk->is_homeless)
		stage->homeless_bytes -= chunk->size;
	chunk->is_homeless = false;
	stage->count--;
}

void media_stage_clear(struct media_stage *stage)
{
	while (stage->chunks) {
		struct media_chunk *chunk = stage->chunks;

		unlink_chunk(stage, chunk);
		media_chunk_unref(chunk);
	}
	pthread_mutex_destroy(&stage->lock);
}

void media_stage_add(struct media_stage *stage, struct media_chunk *chunk)
{
	SCOPED_LOCK(&stage->lock);
	struct media_chunk **at = &stage->chunks;

	while (*at)
		at = &(*at)->next;
	*at = media_chunk_ref(chunk);
	chunk->next = NULL;
	chunk->is_staged = true;
	stage->count++;
}

void media_stage_remove(struct media_stage *stage, struct media_chunk *chunk)
{
	bool was_staged;

	{
		SCOPED_LOCK(&stage->lock);

		was_staged = chunk->is_staged;
		if (was_staged)
			unlink_chunk(stage, chunk);
	}
	if (was_staged)
		media_chunk_unref(chunk);
}

/* The oldest homeless chunk when there are too many, taken out; else NULL. */
static struct media_chunk *take_surplus(struct media_stage *stage)
{
	SCOPED_LOCK(&stage->lock);
	struct media_chunk *chunk = stage->chunks;

	if (stage->homeless_bytes <= MEDIA_HOMELESS_BYTES)
		return NULL;
	while (chunk && !chunk->is_homeless)
		chunk = chunk->next;
	if (chunk)
		unlink_chunk(stage, chunk);
	return chunk;
}

void media_stage_keep(struct media_stage *stage, struct media_chunk *chunk)
{
	struct media_chunk *surplus;

	{
		SCOPED_LOCK(&stage->lock);

		if (chunk->is_staged && !chunk->is_homeless) {
			chunk->is_homeless = true;
			stage->homeless_bytes += chunk->size;
		}
	}
	while ((surplus = take_surplus(stage)))
		media_chunk_unref(surplus);
}

struct media_chunk *media_stage_take_homeless(struct media_stage *stage)
{
	SCOPED_LOCK(&stage->lock);
	struct media_chunk *chunk = stage->chunks;

	while (chunk && !chunk->is_homeless)
		chunk = chunk->next;
	if (!chunk)
		return NULL;
	chunk->is_homeless = false;
	stage->homeless_bytes -= chunk->size;
	return media_chunk_ref(chunk);
}

bool media_stage_is_stuck(struct media_stage *stage)
{
	SCOPED_LOCK(&stage->lock);

	for (const struct media_chunk *chunk = stage->chunks; chunk; chunk = chunk->next)
		if (!chunk->is_homeless)
			return false;
	return true;
}

/* The chunk with that byte; the lock is held. */
static struct media_chunk *find(struct media_stage *stage, uint64_t offset)
{
	struct media_chunk *chunk = stage->chunks;

	while (chunk && (offset < chunk->offset || offset >= chunk->offset + chunk->size))
		chunk = chunk->next;
	return chunk;
}

uint64_t media_stage_end(struct media_stage *stage, uint64_t offset)
{
	if (media_stage_is_empty(stage))
		return offset;
	SCOPED_LOCK(&stage->lock);
	const struct media_chunk *chunk;

	while ((chunk = find(stage, offset)))
		offset = chunk->offset + chunk->size;
	return offset;
}

uint64_t media_stage_next(struct media_stage *stage, uint64_t offset)
{
	uint64_t next = UINT64_MAX;

	if (media_stage_is_empty(stage))
		return next;
	SCOPED_LOCK(&stage->lock);

	for (const struct media_chunk *chunk = stage->chunks; chunk;
	     chunk = chunk->next) {
		uint64_t start = chunk->offset > offset ? chunk->offset : offset;

		if (start < chunk->offset + chunk->size && start < next)
			next = start;
	}
	return next;
}

struct media_chunk *media_stage_find(struct media_stage *stage, uint64_t offset)
{
	if (media_stage_is_empty(stage))
		return NULL;
	SCOPED_LOCK(&stage->lock);
	struct media_chunk *chunk = find(stage, offset);

	return chunk ? media_chunk_ref(chunk) : NULL;
}
