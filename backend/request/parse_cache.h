/*
 * Parsed texts, cached by the digest of their content: a save, each look at a waiting
 * folder, and the gallery read the same texts, which may contain megabytes of data URLs.
 *
 * A request is read in steps: its trigger, the prompt beside it, and each defaults.json
 * above it. The digest of a step covers every text before it: if one of them changes, the
 * digest differs, and the old result is not used. Only accepted texts are cached; the
 * least recently used are dropped first.
 *
 * Any thread. Nothing is parsed or copied under the lock.
 */
#ifndef SEEDANCEFS_BACKEND_REQUEST_PARSE_CACHE_H
#define SEEDANCEFS_BACKEND_REQUEST_PARSE_CACHE_H

#include "backend/request/request.h"

struct parse_cache;

/* The result of the steps so far: immutable, counted, any thread. */
struct parsed;

enum parse_step {
	PARSE_TRIGGER,	/* request_parse(); the first step */
	PARSE_PROMPT,	/* request_parse_text() */
	PARSE_DEFAULTS, /* request_parse_defaults() */
};

/*
 * `max_bytes` bounds the total size of the cached texts; a larger text is never cached.
 */
int parse_cache_create(size_t max_bytes, struct parse_cache **ret_cache);
void parse_cache_destroy(struct parse_cache *cache);

/*
 * Takes one more step: replaces *chain (NULL before the first step) by its result
 * together with `text`. Returns 0, -EINVAL with the problem set, or -ENOMEM; on error
 * *chain is unchanged. `cache` may be NULL: then nothing is cached.
 */
int parse_cache_read(struct parse_cache *cache, enum parse_step step, const char *name,
		     const char *text, size_t size, struct parsed **chain,
		     struct problem *problem);

/* Borrowed: lives as long as the caller holds `parsed`. */
const struct request *parsed_request(const struct parsed *parsed);
void parsed_unref(struct parsed *parsed); /* NULL is fine */

static inline void parsed_cleanup(struct parsed **parsed)
{
	parsed_unref(*parsed);
}
#define AUTOPARSED __attribute__((cleanup(parsed_cleanup))) struct parsed

#endif
