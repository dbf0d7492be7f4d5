#include "fs/thumbnail_cache.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/text.h"
#include "fs/file_uri.h"
#include "fs/thumbnail_png.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define URI_KEY "Thumb::URI"

const unsigned thumbnail_pixels[THUMBNAIL_SIZES] = { 128, 256, 512, 1024 };
static const char *const names[THUMBNAIL_SIZES] = { "normal", "large", "x-large",
						    "xx-large" };

/* --- where it is --- */

static bool is_directory(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

int thumbnail_cache_open(struct thumbnail_cache *ret_cache)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	*ret_cache = (struct thumbnail_cache){ 0 };
	if (base && *base == '/')
		ret_cache->path = text_format("%s/thumbnails", base);
	else if (home && *home == '/' && home[1] && is_directory(home))
		ret_cache->path = text_format("%s/.cache/thumbnails", home);
	else
		return -ENOENT;
	return ret_cache->path ? 0 : -ENOMEM;
}

void thumbnail_cache_close(struct thumbnail_cache *cache)
{
	free(cache->path);
	cache->path = NULL;
}

/* Where the thumbnail of an address is; NULL without memory, or without MD5. */
static char *path_of(const struct thumbnail_cache *cache, size_t size, const char *uri)
{
	struct digest *digest = digest_create_of(DIGEST_MD5);
	char hex[SHA256_HEX];

	if (!digest)
		return NULL;
	digest_add(digest, uri, strlen(uri));
	digest_finish(digest, hex);
	digest_destroy(digest);
	return text_format("%s/%s/%s.png", cache->path, names[size], hex);
}

/* --- writing --- */

/* Makes the directories above a path, as far as they are missing. */
static int make_parents(const char *path)
{
	AUTOFREE char *part = strdup(path);

	if (!part)
		return -ENOMEM;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t done = write(fd, bytes, size);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done < 0)
			continue;
		bytes += done;
		size -= (size_t)done;
	}
	return 0;
}

/* Nobody sees half of it. mkostemp() makes it 0600. */
static int write_file(const char *path, const struct buffer *content)
{
	AUTOFREE char *scratch = text_format("%s.seedancefs-XXXXXX", path);
	AUTOCLOSE int fd = -1;
	int r = scratch ? make_parents(path) : -ENOMEM;

	if (r)
		return r;
	fd = mkostemp(scratch, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, content->data, content->size);
	if (!r && rename(scratch, path) < 0)
		r = -errno;
	if (r)
		unlink(scratch);
	return r;
}

int thumbnail_cache_put(const struct thumbnail_cache *cache, size_t size,
			const struct thumbnail *thumbnail)
{
	AUTOFREE char *uri = file_uri(thumbnail->file);
	AUTOFREE char *mtime = text_format("%" PRId64, thumbnail->mtime_s);
	AUTOFREE char *bytes = text_format("%" PRIu64, thumbnail->size_bytes);
	AUTOFREE char *path = uri ? path_of(cache, size, uri) : NULL;
	AUTOBUFFER content = BUFFER_INIT(THUMBNAIL_BYTES_MAX);
	const struct png_text texts[] = {
		{ URI_KEY, uri },
		{ "Thumb::MTime", mtime },
		{ "Thumb::Size", bytes },
		{ "Thumb::Mimetype", thumbnail->mime_type },
		{ "Software", "seedancefs" },
	};
	int r;

	if (!path || !mtime || !bytes)
		return -ENOMEM;
	r = thumbnail_png_write(thumbnail->png, thumbnail->png_bytes, texts,
				ARRAY_SIZE(texts), &content);
	return r ? r : write_file(path, &content);
}

/* --- removing and moving --- */

void thumbnail_cache_remove(const struct thumbnail_cache *cache, const char *file)
{
	AUTOFREE char *uri = file_uri(file);

	for (size_t size = 0; uri && size < THUMBNAIL_SIZES; size++) {
		AUTOFREE char *path = path_of(cache, size, uri);

		if (path)
			unlink(path);
	}
}

static int read_file(const char *path, struct buffer *content)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char piece[65536];
	ssize_t got;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		if (buffer_append(content, piece, (size_t)got))
			return buffer_error(content);
	return got < 0 ? -errno : 0;
}

static int move_one(const struct thumbnail_cache *cache, size_t size, const char *old_uri,
		    const char *new_uri)
{
	AUTOFREE char *from = path_of(cache, size, old_uri);
	AUTOFREE char *to = path_of(cache, size, new_uri);
	AUTOBUFFER before = BUFFER_INIT(THUMBNAIL_BYTES_MAX);
	AUTOBUFFER after = BUFFER_INIT(THUMBNAIL_BYTES_MAX);
	const struct png_text text = { URI_KEY, new_uri };
	int r = from && to ? read_file(from, &before) : -ENOMEM;

	if (!r)
		r = thumbnail_png_write(before.data, before.size, &text, 1, &after);
	if (!r)
		r = write_file(to, &after);
	if (from)
		unlink(from);
	return r;
}

void thumbnail_cache_move(const struct thumbnail_cache *cache, const char *old_file,
			  const char *new_file)
{
	AUTOFREE char *old_uri = file_uri(old_file);
	AUTOFREE char *new_uri = file_uri(new_file);

	/* What cannot be moved is made anew by whoever wants it. */
	for (size_t size = 0; old_uri && new_uri && size < THUMBNAIL_SIZES; size++)
		move_one(cache, size, old_uri, new_uri);
}
