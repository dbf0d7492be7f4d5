/*
 * fs/thumbnails/cache.h: which entries of the desktop's cache are valid, and whose cache
 * is used.
 */
#include "fs/thumbnails/cache.h"

#include "tests/unit/unit.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/thumbnails/png.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* One pixel. */
static const unsigned char pixel[] = {
	0x89, 'P', 'N', 'G',  0x0d, 0x0a, 0x1a, 0x0a, 0,    0, 0, 0x0d,
	'I',  'H', 'D', 'R',  0,    0,	  0,	1,    0,    0, 0, 1,
	8,    0,   0,	0,    0,    0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0,
	0x0a, 'I', 'D', 'A',  'T',  0x78, 0x9c, 0x63, 0x60, 0, 0, 0,
	2,    0,   1,	0x48, 0xaf, 0xa4, 0x71, 0,    0,    0, 0, 'I',
	'E',  'N', 'D', 0xae, 0x42, 0x60, 0x82,
};

#define FILE_PATH "/a"
#define MTIME 1700000000

static char home[] = "/tmp/test_thumbnail_cache.XXXXXX";
static struct thumbnail_cache cache;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(home))
		return -1;
	setenv("XDG_CACHE_HOME", home, 1);
	return thumbnail_cache_open(&cache);
}

static int tear_down(void **state)
{
	AUTOFREE char *command = text_format("rm -rf '%s'", home);

	(void)state;
	thumbnail_cache_close(&cache);
	return command ? system(command) : -1;
}

static int put(size_t size, int64_t mtime_s)
{
	const struct thumbnail thumbnail = { .file = FILE_PATH,
					     .mime_type = "video/mp4",
					     .mtime_s = mtime_s,
					     .size_bytes = 3,
					     .png = pixel,
					     .png_bytes = sizeof(pixel) };

	return thumbnail_cache_put(&cache, size, &thumbnail);
}

static void test_what_is_valid(void **state)
{
	(void)state;
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME), 0);
	for (size_t size = 0; size < THUMBNAIL_SIZES; size++) {
		assert_int_equal(put(size, MTIME), 0);
		assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME),
				 (2u << size) - 1);
	}
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME), THUMBNAIL_ALL);
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME + 1), 0);
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH "b", MTIME), 0);
	assert_int_equal(put(1, MTIME - 1), 0);
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME),
			 THUMBNAIL_ALL & ~2u);
	thumbnail_cache_remove(&cache, FILE_PATH);
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME), 0);
}

/*
 * A thumbnail of another program: a long profile before its texts, and a fraction in its
 * time.
 */
static void write_other(const char *directory, const char *name, const char *mtime)
{
	AUTOFREE char *path = text_format("%s/thumbnails/%s/%s", home, directory, name);
	AUTOFREE char *profile = calloc(1, 70001);
	AUTOBUFFER png = BUFFER_INIT(1 << 20);
	struct png_text texts[] = { { "Profile", profile },
				    { "Thumb::URI", "file://" FILE_PATH },
				    { "Thumb::MTime", mtime } };
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	memset(profile, 'x', 70000);
	assert_int_equal(thumbnail_png_write(pixel, sizeof(pixel), texts, 3, &png), 0);
	assert_int_equal(fwrite(png.data, png.size, 1, file), 1);
	fclose(file);
}

/* The path of our own thumbnail. */
static char *name_in(const char *directory)
{
	AUTOFREE char *command =
		text_format("cd '%s'/thumbnails/%s && echo *.png", home, directory);
	FILE *stream = popen(command, "r");
	char name[64];

	assert_non_null(fgets(name, sizeof(name), stream));
	pclose(stream);
	name[strcspn(name, "\n")] = '\0';
	return strdup(name);
}

static void test_what_others_wrote(void **state)
{
	AUTOFREE char *fail = text_format("%s/thumbnails/fail", home);
	AUTOFREE char *program = text_format("%s/some-program-1.0", fail);
	AUTOFREE char *name = NULL;

	(void)state;
	assert_int_equal(put(0, MTIME), 0);
	name = name_in("normal");
	write_other("normal", name, "1700000000.000000");
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME), 1);
	write_other("normal", name, "1700000001");
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME), 0);
	assert_int_equal(mkdir(fail, 0700), 0);
	assert_int_equal(mkdir(program, 0700), 0);
	write_other("fail/some-program-1.0", name, "1700000000");
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME),
			 THUMBNAIL_FAILED);
	assert_int_equal(thumbnail_cache_look(&cache, FILE_PATH, MTIME + 2), 0);
}

/* Root with another user's HOME would create files there that the user cannot change. */
static void test_whose_cache(void **state)
{
	AUTOFREE char *theirs = text_format("%s/theirs", home);
	AUTOFREE char *below = text_format("%s/not/there/yet", theirs);
	struct thumbnail_cache other;

	(void)state;
	assert_int_equal(mkdir(theirs, 0777), 0);
	setenv("XDG_CACHE_HOME", below, 1);
	assert_int_equal(thumbnail_cache_open(&other), 0);
	thumbnail_cache_close(&other);
	if (geteuid())
		return; /* only root can change a directory's owner */
	assert_int_equal(chown(theirs, 65534, 65534), 0);
	assert_int_equal(thumbnail_cache_open(&other), -EPERM);
	setenv("XDG_CACHE_HOME", theirs, 1);
	assert_int_equal(thumbnail_cache_open(&other), -EPERM);
	setenv("XDG_CACHE_HOME", home, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_valid),
		cmocka_unit_test(test_what_others_wrote),
		cmocka_unit_test(test_whose_cache),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
