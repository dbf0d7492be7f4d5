/*
 * The desktop's thumbnails of files, as the freedesktop thumbnail specification has them:
 * one PNG a size, named by the digest of the file's address. Thumbnails of files that lie
 * elsewhere are never touched.
 *
 * What is here waits for the disk of the cache. One thread at a time may use a cache.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_CACHE_H
#define SEEDANCEFS_FS_THUMBNAILS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#define THUMBNAIL_SIZES 4
/* The longest side of each size, in pixels. */
extern const unsigned thumbnail_pixels[THUMBNAIL_SIZES];

struct thumbnail_cache {
	char *path; /* of the directory "thumbnails"; NULL: there is none */
};

/*
 * $XDG_CACHE_HOME/thumbnails, or ~/.cache/thumbnails; nothing is made there before it is
 * needed. 0, -ENOENT (who runs this has no home), -EPERM (it would be another user's, as
 * where root runs this with somebody's HOME) or -ENOMEM.
 */
int thumbnail_cache_open(struct thumbnail_cache *ret_cache);
void thumbnail_cache_close(struct thumbnail_cache *cache);

/* A picture, and what it is of. */
struct thumbnail {
	const char *file; /* its absolute path */
	const char *mime_type;
	int64_t mtime_s;     /* whole seconds */
	uint64_t size_bytes; /* the file's */
	const void *png;
	size_t png_bytes;
};

/* What thumbnail_cache_look() tells: a bit for each size, and this one. */
#define THUMBNAIL_FAILED (1u << THUMBNAIL_SIZES)
#define THUMBNAIL_ALL ((1u << THUMBNAIL_SIZES) - 1)

/*
 * Which sizes of a file's thumbnail are valid, whoever made them: they name its address
 * and its time. THUMBNAIL_FAILED: some program noted that it can make none of it. Nothing
 * is decoded.
 */
unsigned thumbnail_cache_look(const struct thumbnail_cache *cache, const char *file,
			      int64_t mtime_s);

/* Puts it there, or in the place of an older one. 0 or -errno. */
int thumbnail_cache_put(const struct thumbnail_cache *cache, size_t size,
			const struct thumbnail *thumbnail);
/* All sizes; those that are not there are no error. */
void thumbnail_cache_remove(const struct thumbnail_cache *cache, const char *file);
/* The file has another path now: its thumbnails go along. */
void thumbnail_cache_move(const struct thumbnail_cache *cache, const char *old_file,
			  const char *new_file);

#endif
