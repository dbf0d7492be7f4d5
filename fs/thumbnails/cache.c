#include "fs/thumbnails/cache.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/file.h"
#include "backend/base/text.h"
#include "fs/thumbnails/file_uri.h"
#include "fs/thumbnails/png.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define URI_KEY "Thumb::URI"
#define MTIME_KEY "Thumb::MTime"
#define HEAD_BYTES 2048 /* enough for the texts of most thumbnails */

const unsigned thumbnail_pixels[THUMBNAIL_SIZES] = { 128, 256, 512, 1024 };
static const char *const names[THUMBNAIL_SIZES] = { "normal", "large", "x-large",
						    "xx-large" };

/* --- locations --- */

static bool is_directory(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISDIR(status.st_mode);
}

/*
 * Whether the nearest existing directory above a path belongs to another user. That user
 * could see what is created below it, and prevent changes.
 */
static bool is_of_another(const char *path)
{
	AUTOFREE char *part = strdup(path);
	struct stat status;
	char *slash;

	while (part && stat(part, &status) < 0 && (slash = strrchr(part, '/')) &&
	       slash != part)
		*slash = '\0';
	return part && !stat(part, &status) && status.st_uid &&
	       status.st_uid != geteuid();
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
	if (!ret_cache->path)
		return -ENOMEM;
	if (!is_of_another(ret_cache->path))
		return 0;
	thumbnail_cache_close(ret_cache);
	return -EPERM;
}

void thumbnail_cache_close(struct thumbnail_cache *cache)
{
	free(cache->path);
	cache->path = NULL;
}

/* The file name of a URI's thumbnails; false without MD5. */
static bool name_of(const char *uri, char hex[SHA256_HEX])
{
	return !digest_bytes(DIGEST_MD5, uri, strlen(uri), hex);
}

/* The path of a URI's thumbnail; NULL without memory or MD5. */
static char *path_of(const struct thumbnail_cache *cache, size_t size, const char *uri)
{
	char hex[SHA256_HEX];

	return name_of(uri, hex)
		       ? text_format("%s/%s/%s.png", cache->path, names[size], hex)
		       : NULL;
}

static int read_file(const char *path, struct buffer *content)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? -errno : file_read_all(fd, content);
}

/* --- checking --- */

static bool is_time(const char *text, int64_t mtime_s)
{
	char *end;

	return text && strtoll(text, &end, 10) == mtime_s && end != text &&
	       (!*end || *end == '.');
}

/*
 * Whether these bytes are of a thumbnail of this file. -ENODATA: they do not contain the
 * texts.
 */
static int says(const void *png, size_t size, const char *uri, int64_t mtime_s)
{
	AUTOFREE char *said_uri = thumbnail_png_text(png, size, URI_KEY);
	AUTOFREE char *said_time = thumbnail_png_text(png, size, MTIME_KEY);

	if (!said_uri || !said_time)
		return -ENODATA;
	return !strcmp(said_uri, uri) && is_time(said_time, mtime_s);
}

static bool is_valid(const char *path, const char *uri, int64_t mtime_s)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	AUTOBUFFER whole = BUFFER_INIT(THUMBNAIL_BYTES_MAX);
	char head[HEAD_BYTES];
	ssize_t got = fd >= 0 ? read(fd, head, sizeof(head)) : -1;
	int r = got > 0 ? says(head, (size_t)got, uri, mtime_s) : 0;

	if (r == -ENODATA && got == sizeof(head) && !read_file(path, &whole))
		r = says(whole.data, whole.size, uri, mtime_s);
	return r > 0;
}

/* Each program notes its failures in its own directory. */
static bool has_failed(const struct thumbnail_cache *cache, const char *hex,
		       const char *uri, int64_t mtime_s)
{
	AUTOFREE char *fails = text_format("%s/fail", cache->path);
	DIR *stream = fails ? opendir(fails) : NULL;
	const struct dirent *entry;
	bool is_found = false;

	while (stream && !is_found && (entry = readdir(stream))) {
		AUTOFREE char *path =
			text_format("%s/%s/%s.png", fails, entry->d_name, hex);

		is_found = path && *entry->d_name != '.' && is_valid(path, uri, mtime_s);
	}
	if (stream)
		closedir(stream);
	return is_found;
}

unsigned thumbnail_cache_look(const struct thumbnail_cache *cache, const char *file,
			      int64_t mtime_s)
{
	AUTOFREE char *uri = file_uri(file);
	char hex[SHA256_HEX];
	unsigned found = 0;

	if (!uri || !name_of(uri, hex))
		return 0;
	for (size_t size = 0; size < THUMBNAIL_SIZES; size++) {
		AUTOFREE char *path =
			text_format("%s/%s/%s.png", cache->path, names[size], hex);

		if (path && is_valid(path, uri, mtime_s))
			found |= 1u << size;
	}
	if (found != THUMBNAIL_ALL && has_failed(cache, hex, uri, mtime_s))
		found |= THUMBNAIL_FAILED;
	return found;
}

/* --- writing --- */

/* Makes the missing directories above a path. */
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

/*
 * Writes atomically: nobody sees an incomplete file. mkostemp() creates it with mode
 * 0600.
 */
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
	r = file_write(fd, content->data, content->size);
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
		{ MTIME_KEY, mtime },
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

	/* What cannot be moved is made again by the program that needs it. */
	for (size_t size = 0; old_uri && new_uri && size < THUMBNAIL_SIZES; size++)
		move_one(cache, size, old_uri, new_uri);
}
