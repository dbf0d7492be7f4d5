/*
 * The desktop's thumbnail cache, as the freedesktop thumbnail specification defines it:
 * one PNG per size, named by the digest of the file's URI. Thumbnails of files outside
 * the mount are never touched.
 *
 * All functions block on the cache's disk. Only one thread at a time may use a cache.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_CACHE_H
#define SEEDANCEFS_FS_THUMBNAILS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#define THUMBNAIL_SIZES 4
/* The longer side of each size, in pixels. */
extern const unsigned thumbnail_pixels[THUMBNAIL_SIZES];

struct thumbnail_cache {
	char *path; /* of the directory "thumbnails"; NULL: none */
};

/*
 * $XDG_CACHE_HOME/thumbnails, or ~/.cache/thumbnails. Nothing is created there before it
 * is needed. Returns 0, -ENOENT (the user has no home), -EPERM (the cache is another
 * user's, for example if root runs this with somebody's HOME) or -ENOMEM.
 */
int thumbnail_cache_open(struct thumbnail_cache *ret_cache);
void thumbnail_cache_close(struct thumbnail_cache *cache);

/* A thumbnail, and the file that it shows. */
struct thumbnail {
	const char *file; /* its absolute path */
	const char *mime_type;
	int64_t mtime_s;     /* whole seconds */
	uint64_t size_bytes; /* of the file */
	const void *png;
	size_t png_bytes;
};

/* Result of thumbnail_cache_look(): one bit for each size, and this one. */
#define THUMBNAIL_FAILED (1u << THUMBNAIL_SIZES)
#define THUMBNAIL_ALL ((1u << THUMBNAIL_SIZES) - 1)

/*
 * Which sizes of a file's thumbnail are valid, whichever program made them: they contain
 * the file's URI and time. THUMBNAIL_FAILED: a program noted that it cannot make one.
 * Nothing is decoded.
 */
unsigned thumbnail_cache_look(const struct thumbnail_cache *cache, const char *file,
			      int64_t mtime_s);

/* Adds a thumbnail, or replaces an older one. 0 or -errno. */
int thumbnail_cache_put(const struct thumbnail_cache *cache, size_t size,
			const struct thumbnail *thumbnail);
/* Removes all sizes. Missing ones are no error. */
void thumbnail_cache_remove(const struct thumbnail_cache *cache, const char *file);
/* Moves a file's thumbnails to the file's new path. */
void thumbnail_cache_move(const struct thumbnail_cache *cache, const char *old_file,
			  const char *new_file);

#endif
