/*
 * What the unit tests share: fixtures as files, and directories that vanish.
 *
 * A fixture file holds one case (a JSON object) or a list of them, so that a new case
 * needs no C. A failed assertion leaves the test by longjmp(): what it had allocated is
 * then lost.
 */
#ifndef SEEDANCEFS_TESTS_UNIT_UNIT_H
#define SEEDANCEFS_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/base/json.h"
#include "fs/tree/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_CEILING (8u << 20)

/*
 * A case of a fixture that fails is printed and counted, so that one run shows all of
 * them; the walk over the fixtures fails at its end.
 */
static unsigned failed_cases __attribute__((unused));

#define FAIL_CASE(...)                              \
	do {                                        \
		failed_cases++;                     \
		print_error("ERROR: " __VA_ARGS__); \
		print_error("\n");                  \
	} while (0)

static inline void expect_no_failed_case(void)
{
	unsigned failed = failed_cases;

	failed_cases = 0;
	assert_int_equal(failed, 0);
}

/* A program that counted failed cases fails, though no test of it asked for them. */
static __attribute__((destructor)) void fail_for_failed_cases(void)
{
	if (!failed_cases)
		return;
	fprintf(stderr, "%u cases failed\n", failed_cases);
	_exit(1);
}

/* The bytes of a file, with a NUL behind them. */
static inline char *read_whole(const char *path, size_t *ret_size)
{
	struct buffer bytes = BUFFER_INIT(FILE_CEILING);
	AUTOFCLOSE FILE *file = fopen(path, "re");
	char chunk[4096];
	size_t got;

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_int_equal(buffer_append(&bytes, chunk, got), 0);
	if (ret_size)
		*ret_size = bytes.size;
	return buffer_take(&bytes);
}

static inline void write_whole(const char *path, const void *bytes, size_t size)
{
	AUTOFCLOSE FILE *file = fopen(path, "we");

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(fwrite(bytes, 1, size, file), size);
}

/* A descriptor of a nameless file that holds the bytes. */
static inline int file_of(const void *bytes, size_t size)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fflush(file), 0);
	fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	assert_true(fd >= 0);
	fclose(file);
	return fd;
}

/* Removes what is in a directory, however deep. Takes the descriptor. */
static inline void empty_dir(int fd)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		const char *name = entry->d_name;

		if (!strcmp(name, ".") || !strcmp(name, "..") || !unlinkat(fd, name, 0))
			continue;
		empty_dir(openat(fd, name,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		unlinkat(fd, name, AT_REMOVEDIR);
	}
	if (directory)
		closedir(directory);
}

/* A new directory below $TMPDIR; remove it with drop_dir(). */
static inline char *make_dir(void)
{
	const char *base = getenv("TMPDIR");
	char *path =
		text_format("%s/seedancefs-unit-XXXXXX", base && *base ? base : "/tmp");

	assert_non_null(path);
	assert_non_null(mkdtemp(path));
	return path;
}

static inline void drop_dir(char *path)
{
	empty_dir(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	rmdir(path);
	free(path);
}

static inline char *path_in(const char *directory, const char *name)
{
	char *path = text_format("%s/%s", directory, name);

	assert_non_null(path);
	return path;
}

/* cmocka fixtures: *state is the path of a fresh directory. */
static inline int set_up_dir(void **state)
{
	*state = make_dir();
	return 0;
}

static inline int tear_down_dir(void **state)
{
	drop_dir(*state);
	return 0;
}

/* --- a library's tree, in a directory of its own --- */

static inline int set_up_tree(void **state, struct tree *tree)
{
	AUTOCLOSE int library = -1;

	set_up_dir(state);
	library = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return library < 0 ? -errno : tree_open(tree, library);
}

static inline int tear_down_tree(void **state, struct tree *tree)
{
	tree_close(tree);
	return tear_down_dir(state);
}

static inline void make_folder(const struct tree *tree, const char *path)
{
	assert_int_equal(mkdirat(tree->fd, path, 0755), 0);
}

/* A new file, which holds its path. */
static inline void make_file(const struct tree *tree, const char *path)
{
	int fd = openat(tree->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, path, strlen(path)), strlen(path));
	close(fd);
}

static inline void make_link(const struct tree *tree, const char *target,
			     const char *path)
{
	assert_int_equal(symlinkat(target, tree->fd, path), 0);
}

/* a/b/file, a/c/ and links of every sort. */
static inline void make_tree(const struct tree *tree)
{
	make_folder(tree, "a");
	make_folder(tree, "a/b");
	make_folder(tree, "a/c");
	make_file(tree, "a/b/file");
	make_file(tree, "top");
	make_link(tree, "../b/file", "a/c/link");
	make_link(tree, "link", "a/c/link2");
	make_link(tree, "../b", "a/c/folder");
	make_link(tree, "../../top", "a/c/up");
	make_link(tree, "../../../etc/passwd", "a/c/escape");
	make_link(tree, "/etc/passwd", "a/c/absolute");
	make_link(tree, "/", "a/c/root");
	make_link(tree, "nowhere", "a/c/dangling");
	make_link(tree, "self", "a/c/self");
	make_link(tree, "loop2", "a/c/loop1");
	make_link(tree, "loop1", "a/c/loop2");
	make_link(tree, ".", "a/c/here");
	make_link(tree, "../b/last_frame.png", "a/c/shot");
	make_link(tree, "/mnt/videos/a/b/file", "a/c/from_root");
	make_link(tree, "/mnt/videos", "a/c/the_root");
	make_link(tree, "/mnt/videos2/a/b/file", "a/c/beside");
	make_link(tree, "/mnt/videos/../../etc/passwd", "a/c/out");
}

static inline int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static inline struct json *parse_file(const char *path)
{
	struct json_error error = { 0 };
	struct json *tree = NULL;
	size_t size;
	AUTOFREE char *text = read_whole(path, &size);

	if (json_parse(text, size, &tree, &error))
		fail_msg("%s: line %u, column %u: %s", path, error.line, error.column,
			 error.why);
	return tree;
}

/* Calls `check` with each case of a file; returns their number. */
static inline size_t each_case(const char *path, const char *name,
			       void (*check)(const char *name, const struct json *test))
{
	AUTOJSON *tree = parse_file(path);
	size_t count = 0;

	if (!json_is_array(tree)) {
		check(name, tree);
		return 1;
	}
	for (const struct json *test = json_first(tree); test; test = json_next(test)) {
		AUTOFREE char *place = text_format("%s[%zu]", name, count++);

		check(place, test);
	}
	return count;
}

/* Checks each case of one file of the fixtures. */
static inline void walk_file(const char *file, size_t least,
			     void (*check)(const char *name, const struct json *test))
{
	AUTOFREE char *path = path_in(FIXTURES, file);

	assert_true(each_case(path, file, check) >= least);
	expect_no_failed_case();
}

/* Checks each case of each *.json in a directory of the fixtures. */
static inline void walk_fixtures(const char *directory, size_t least,
				 void (*check)(const char *name, const struct json *test))
{
	AUTOFREE char *path = text_format("%s/%s", FIXTURES, directory);
	struct dirent **names = NULL;
	int files = scandir(path, &names, is_shown, alphasort);
	size_t count = 0;

	for (int i = 0; i < files; i++) {
		AUTOFREE char *file = path_in(path, names[i]->d_name);

		if (text_ends_with(file, ".json"))
			count += each_case(file, names[i]->d_name, check);
		free(names[i]);
	}
	free(names);
	if (count < least)
		fail_msg("%s holds %zu cases; at least %zu are expected", path, count,
			 least);
	expect_no_failed_case();
}

/* The text of a case: a JSON text as it is, another value as JSON. free() it. */
static inline char *text_of(const struct json *value)
{
	if (!value)
		return strdup("");
	return json_string(value) ? strdup(json_string(value)) : json_print(value);
}

/* An optional boolean of a case. */
static inline bool flag_of(const struct json *test, const char *key)
{
	bool value = false;

	json_to_bool(json_get(test, key), &value);
	return value;
}

/* An optional number of a case. */
static inline int64_t number_of(const struct json *test, const char *key,
				int64_t otherwise)
{
	int64_t value = otherwise;

	json_to_int64(json_get(test, key), &value);
	return value;
}

/* Equal texts, or both none; `name` tells the case. */
static inline void expect_text(const char *name, const char *what, const char *found,
			       const char *wanted)
{
	if (!found != !wanted || (found && wanted && strcmp(found, wanted)))
		FAIL_CASE("%s: %s is \"%s\"; expected \"%s\"", name, what,
			  found ? found : "(none)", wanted ? wanted : "(none)");
}

/* That `text` holds each word of the list (or the one word). */
static inline void expect_words(const char *name, const char *text,
				const struct json *words)
{
	const struct json *word = json_is_array(words) ? json_first(words) : words;

	for (; word; word = json_is_array(words) ? json_next(word) : NULL)
		if (!text || !strstr(text, json_string(word)))
			FAIL_CASE("%s: \"%s\" does not hold \"%s\"", name,
				  text ? text : "(none)", json_string(word));
}

/* A small generator of repeatable numbers for random operations. */
static inline uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

#endif
