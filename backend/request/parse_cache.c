#include "backend/request/parse_cache.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct parsed {
	atomic_uint references;
	char digest[SHA256_HEX];
	size_t bytes; /* of the texts that it was read from */
	struct request *request;

	struct parsed *next; /* guarded by the cache's lock */
};

struct parse_cache {
	size_t max_bytes;
	pthread_mutex_t lock;
	/* Guarded by the lock. */
	struct parsed *newest; /* the most recently used comes first */
	size_t bytes;
};

int parse_cache_create(size_t max_bytes, struct parse_cache **ret_cache)
{
	struct parse_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->max_bytes = max_bytes;
	pthread_mutex_init(&cache->lock, NULL);
	*ret_cache = cache;
	return 0;
}

static struct parsed *parsed_ref(struct parsed *parsed)
{
	atomic_fetch_add(&parsed->references, 1);
	return parsed;
}

void parsed_unref(struct parsed *parsed)
{
	if (!parsed || atomic_fetch_sub(&parsed->references, 1) != 1)
		return;
	request_destroy(parsed->request);
	free(parsed);
}

static void unref_all(struct parsed *list)
{
	while (list) {
		struct parsed *next = list->next;

		parsed_unref(list);
		list = next;
	}
}

void parse_cache_destroy(struct parse_cache *cache)
{
	if (!cache)
		return;
	unref_all(cache->newest);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

const struct request *parsed_request(const struct parsed *parsed)
{
	return parsed->request;
}

/* --- the cached results --- */

static void push(struct parse_cache *cache, struct parsed *parsed)
{
	parsed->next = cache->newest;
	cache->newest = parsed;
}

/* The entry, now the newest, with a reference; NULL: there is none. */
static struct parsed *find(struct parse_cache *cache, const char *digest)
{
	SCOPED_LOCK(&cache->lock);

	for (struct parsed **at = &cache->newest; *at; at = &(*at)->next) {
		struct parsed *parsed = *at;

		if (strcmp(parsed->digest, digest))
			continue;
		*at = parsed->next;
		push(cache, parsed);
		return parsed_ref(parsed);
	}
	return NULL;
}

/* Takes out what exceeds the limit, the least recently used first. */
static struct parsed *take_excess(struct parse_cache *cache)
{
	struct parsed **at = &cache->newest;
	struct parsed *excess;
	size_t bytes = 0;

	while (*at && bytes + (*at)->bytes <= cache->max_bytes) {
		bytes += (*at)->bytes;
		at = &(*at)->next;
	}
	excess = *at;
	*at = NULL;
	cache->bytes = bytes;
	return excess;
}

/* If two threads parse the same text, both results are cached until one is evicted. */
static void keep(struct parse_cache *cache, struct parsed *parsed)
{
	struct parsed *excess = NULL;

	if (parsed->bytes > cache->max_bytes)
		return;
	pthread_mutex_lock(&cache->lock);
	push(cache, parsed_ref(parsed));
	cache->bytes += parsed->bytes;
	if (cache->bytes > cache->max_bytes)
		excess = take_excess(cache);
	pthread_mutex_unlock(&cache->lock);
	unref_all(excess);
}

/* --- steps --- */

static int digest_of(const struct parsed *before, enum parse_step step, const char *name,
		     const char *text, size_t size, char ret_hex[SHA256_HEX])
{
	struct digest *digest = digest_create();

	if (!digest)
		return -ENOMEM;
	if (before)
		digest_add(digest, before->digest, SHA256_HEX);
	digest_add(digest, &step, sizeof(step));
	digest_add(digest, name, strlen(name) + 1);
	digest_add(digest, text, size);
	digest_finish(digest, ret_hex);
	digest_destroy(digest);
	return 0;
}

static int apply(const struct parsed *before, enum parse_step step, const char *name,
		 const char *text, size_t size, struct request **ret_request,
		 struct problem *problem)
{
	AUTOREQUEST *request = NULL;
	int r;

	if (step == PARSE_TRIGGER)
		return request_parse(name, text, size, ret_request, problem);
	r = request_copy(before->request, &request);
	if (!r && step == PARSE_PROMPT)
		r = request_parse_text(request, name, text, size, problem);
	else if (!r)
		r = request_parse_defaults(request, name, text, size, problem);
	if (!r)
		*ret_request = TAKE(request);
	return r;
}

static int parse(const struct parsed *before, enum parse_step step, const char *name,
		 const char *text, size_t size, struct parsed **ret_parsed,
		 struct problem *problem)
{
	struct request *request = NULL;
	struct parsed *parsed;
	int r = apply(before, step, name, text, size, &request, problem);

	if (r)
		return r;
	parsed = calloc(1, sizeof(*parsed));
	if (!parsed) {
		request_destroy(request);
		return -ENOMEM;
	}
	atomic_init(&parsed->references, 1);
	parsed->request = request;
	parsed->bytes = sizeof(*request) + size + (before ? before->bytes : 0);
	*ret_parsed = parsed;
	return 0;
}

int parse_cache_read(struct parse_cache *cache, enum parse_step step, const char *name,
		     const char *text, size_t size, struct parsed **chain,
		     struct problem *problem)
{
	char digest[SHA256_HEX];
	struct parsed *parsed;
	int r = digest_of(*chain, step, name, text, size, digest);

	if (r)
		return r;
	parsed = cache ? find(cache, digest) : NULL;
	if (!parsed) {
		r = parse(*chain, step, name, text, size, &parsed, problem);
		if (r)
			return r;
		memcpy(parsed->digest, digest, SHA256_HEX);
		if (cache)
			keep(cache, parsed);
	}
	parsed_unref(*chain);
	*chain = parsed;
	return 0;
}
