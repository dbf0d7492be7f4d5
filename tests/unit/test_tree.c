/* fs: resolve.h and mark.h on a real tree below a temporary directory. */
#include "tests/unit/unit.h"

#include "fs/mark.h"
#include "fs/names.h"
#include "fs/resolve.h"

#include <sys/xattr.h>

static struct tree tree;

static int set_up(void **state)
{
	int library, r;

	set_up_dir(state);
	library = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = tree_open(&tree, library);
	close(library);
	return r;
}

static int tear_down(void **state)
{
	tree_close(&tree);
	return tear_down_dir(state);
}

static void make_folder(const char *path)
{
	assert_int_equal(mkdirat(tree.fd, path, 0755), 0);
}

static void make_file(const char *path)
{
	int fd = openat(tree.fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	close(fd);
}

static void make_link(const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, tree.fd, path), 0);
}

/* a/b/file, a/c/ and links of every sort. */
static void make_tree(void)
{
	make_folder("a");
	make_folder("a/b");
	make_folder("a/c");
	make_file("a/b/file");
	make_file("top");
	make_link("../b/file", "a/c/link");
	make_link("link", "a/c/link2");
	make_link("../b", "a/c/folder");
	make_link("../../top", "a/c/up");
	make_link("../../../etc/passwd", "a/c/escape");
	make_link("/etc/passwd", "a/c/absolute");
	make_link("/", "a/c/root");
	make_link("nowhere", "a/c/dangling");
	make_link("self", "a/c/self");
	make_link("loop2", "a/c/loop1");
	make_link("loop1", "a/c/loop2");
	make_link(".", "a/c/here");
}

static void test_resolve(void **state)
{
	static const struct {
		const char *from, *path;
		int result;
		const char *wanted;
	} cases[] = {
		{ "a/b", "file", 0, "a/b/file" },
		{ "a/b", "./file", 0, "a/b/file" },
		{ "a/b", ".//file", 0, "a/b/file" },
		{ "a/b", "../b/file", 0, "a/b/file" },
		{ "a/b", "../c", 0, "a/c" },
		{ "a/b", "../c/", 0, "a/c" },
		{ "a/b", "..", 0, "a" },
		{ "a/b", "../..", 0, "" },
		{ "a/b", "../../top", 0, "top" },
		{ "a/b", ".", 0, "a/b" },
		{ "a/b", "", 0, "a/b" },
		{ "", "top", 0, "top" },
		{ "", "a/b/file", 0, "a/b/file" },
		{ "a/c", "link", 0, "a/b/file" },
		{ "a/c", "link2", 0, "a/b/file" },
		{ "a/c", "folder/file", 0, "a/b/file" },
		{ "a/c", "folder/../c/link", 0, "a/b/file" },
		{ "a/c", "folder/..", 0, "a" },
		{ "a/c", "up", 0, "top" },
		{ "a/c", "here/here/here/link", 0, "a/b/file" },
		{ "a/b", "missing", -ENOENT, NULL },
		{ "a/b", "missing/file", -ENOENT, NULL },
		{ "a/missing", "file", -ENOENT, NULL },
		{ "a/b", "file/x", -ENOTDIR, NULL },
		{ "a/c", "dangling", -ENOENT, NULL },
		{ "a/b", "../../..", -EXDEV, NULL },
		{ "a/b", "../../../tree/top", -EXDEV, NULL },
		{ "", "..", -EXDEV, NULL },
		{ "a/b", "/a/b/file", -EXDEV, NULL },
		{ "a/b", "/", -EXDEV, NULL },
		{ "a/c", "escape", -EXDEV, NULL },
		{ "a/c", "absolute", -EXDEV, NULL },
		{ "a/c", "root/etc/passwd", -EXDEV, NULL },
		{ "a/c", "self", -ELOOP, NULL },
		{ "a/c", "loop1", -ELOOP, NULL },
		{ "a/c", "loop1/x", -ELOOP, NULL },
	};

	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTOFREE char *name =
			text_format("%s + %s", cases[i].from, cases[i].path);
		AUTOFREE char *path = NULL;
		int r = resolve_path(&tree, cases[i].from, cases[i].path, &path);

		if (r != cases[i].result)
			FAIL_CASE("%s: %d; expected %d", name, r, cases[i].result);
		expect_text(name, "path", path, cases[i].wanted);
	}
	expect_no_failed_case();
}

/* A chain of links ends somewhere; forty are enough for anybody. */
static void test_resolve_chain(void **state)
{
	AUTOFREE char *path = NULL;
	AUTOFREE char *none = NULL;

	make_file("l0");
	for (int i = 1; i <= 60; i++) {
		AUTOFREE char *target = text_format("l%d", i - 1);
		AUTOFREE char *name = text_format("l%d", i);

		make_link(target, name);
	}
	assert_int_equal(resolve_path(&tree, "", "l40", &path), 0);
	assert_string_equal(path, "l0");
	assert_int_equal(resolve_path(&tree, "", "l60", &none), -ELOOP);
	assert_null(none);
}

/* Folders nested so deeply that their path is longer than the kernel takes at once. */
static void test_resolve_long_path(void **state)
{
	AUTOBUFFER from = BUFFER_INIT(100000);
	AUTOFREE char *path = NULL;
	AUTOFREE char *back = NULL;
	char name[201];
	int fd = dup(tree.fd);

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 30; i++) {
		int next;

		assert_int_equal(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
		buffer_addf(&from, "%s%s", i ? "/" : "", name);
	}
	close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	close(fd);
	assert_true(from.size > 6000);
	assert_int_equal(resolve_path(&tree, from.data, "file", &path), 0);
	assert_int_equal(strlen(path), from.size + 5);
	assert_int_equal(resolve_path(&tree, from.data, "..", &back), 0);
	assert_int_equal(strlen(back), from.size - sizeof(name));
}

static void test_resolve_hostile_paths(void **state)
{
	AUTOBUFFER up = BUFFER_INIT(100000);
	AUTOBUFFER huge = BUFFER_INIT(200000);
	AUTOFREE char *path = NULL;

	for (int i = 0; i < 5000; i++)
		buffer_add(&up, "../");
	assert_int_equal(resolve_path(&tree, "", up.data, &path), -EXDEV);
	for (int i = 0; i < 100000; i++)
		buffer_add(&huge, "x");
	assert_true(resolve_path(&tree, "", huge.data, &path) < 0);
	assert_null(path);
}

/* --- tree --- */

static void test_tree_does_not_follow(void **state)
{
	int fd;

	make_tree();
	assert_int_equal(tree_openat(&tree, "a/c/link", O_RDONLY), -ELOOP);
	assert_int_equal(tree_openat(&tree, "a/c/folder/file", O_RDONLY), -ELOOP);
	assert_int_equal(tree_openat(&tree, "../tree/top", O_RDONLY), -EXDEV);
	assert_int_equal(tree_openat(&tree, "missing", O_RDONLY), -ENOENT);
	fd = tree_openat(&tree, "", O_PATH);
	assert_true(fd >= 0);
	close(fd);
	fd = tree_openat(&tree, "a/c/absolute", O_PATH);
	assert_true(fd >= 0);
	close(fd);
}

static void test_tree_reopen(void **state)
{
	int path_fd, fd;
	char byte;

	make_tree();
	path_fd = tree_openat(&tree, "top", O_PATH);
	assert_int_equal(read(path_fd, &byte, 1), -1);
	fd = tree_reopen(path_fd, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(path_fd);
	assert_true(tree_reopen(path_fd, O_RDONLY) < 0);
}

/* --- mark --- */

#define LIBRARY "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define XATTR MARK_XATTR_PREFIX "task"

static int open_folder(const char *path, int flags)
{
	int fd = openat(tree.fd, path, flags | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_mark(void **state)
{
	uint64_t number = 5;
	int fd, path_fd;

	make_folder("f");
	fd = open_folder("f", O_RDONLY);
	path_fd = open_folder("f", O_PATH);
	assert_int_equal(mark_read(fd, LIBRARY, &number), -ENODATA);
	assert_int_equal(number, 5);
	assert_int_equal(mark_write(path_fd, LIBRARY, UINT64_MAX), 0);
	assert_int_equal(mark_read(fd, LIBRARY, &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(mark_write(fd, LIBRARY, 7), 0);
	assert_int_equal(mark_read(path_fd, LIBRARY, &number), 0);
	assert_int_equal(number, 7);
	close(fd);
	close(path_fd);
}

/* It stays with the directory through renames, and is not another library's. */
static void test_mark_belongs(void **state)
{
	uint64_t number = 0;
	int fd;

	make_folder("f");
	make_folder("g");
	fd = open_folder("f", O_RDONLY);
	assert_int_equal(mark_write(fd, LIBRARY, 7), 0);
	close(fd);
	assert_int_equal(renameat(tree.fd, "f", tree.fd, "g/f"), 0);
	fd = open_folder("g/f", O_PATH);
	assert_int_equal(mark_read(fd, LIBRARY, &number), 0);
	assert_int_equal(number, 7);
	assert_int_equal(mark_read(fd, OTHER, &number), -ENODATA);
	close(fd);
	fd = open_folder("g", O_PATH);
	assert_int_equal(mark_read(fd, LIBRARY, &number), -ENODATA);
	close(fd);
}

static void test_mark_of_junk(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"7",
		LIBRARY,
		LIBRARY " ",
		LIBRARY " x",
		LIBRARY " 0",
		LIBRARY "7",
		LIBRARY "0 7",
		"0 7",
		OTHER " 7",
		LIBRARY " -1",
		LIBRARY " 99999999999999999999999999999999999999999",
		LIBRARY " 7x",
	};
	AUTOFREE char *path = path_in(*state, "tree/f");
	int fd;

	make_folder("f");
	fd = open_folder("f", O_PATH);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t number = 5;
		int r;

		if (setxattr(path, XATTR, texts[i], strlen(texts[i]), 0) &&
		    errno == ENOTSUP)
			break; /* the hidden file stands in for it */
		r = mark_read(fd, LIBRARY, &number);
		if (r != -ENODATA || number != 5)
			FAIL_CASE("\"%s\": %d, number %llu", texts[i], r,
				  (unsigned long long)number);
	}
	close(fd);
	expect_no_failed_case();
}

/* A long value is no mark, and is read into no small array. */
static void test_mark_of_long_junk(void **state)
{
	AUTOFREE char *path = path_in(*state, "tree/f");
	uint64_t number = 5;
	char text[1000];
	int fd;

	memset(text, '7', sizeof(text));
	make_folder("f");
	fd = open_folder("f", O_PATH);
	setxattr(path, XATTR, text, sizeof(text), 0);
	assert_int_equal(mark_read(fd, LIBRARY, &number), -ENODATA);
	assert_int_equal(number, 5);
	mark_remove_file(fd);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resolve),
		TEST(test_resolve_chain),
		TEST(test_resolve_long_path),
		TEST(test_resolve_hostile_paths),
		TEST(test_tree_does_not_follow),
		TEST(test_tree_reopen),
		TEST(test_mark),
		TEST(test_mark_belongs),
		TEST(test_mark_of_junk),
		TEST(test_mark_of_long_junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
