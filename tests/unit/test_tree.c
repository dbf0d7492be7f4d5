/* tree.h: nothing is opened through a link, or outside. */
#include "tests/unit/unit.h"

#include "fs/tree.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tree_does_not_follow),
		TEST(test_tree_reopen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
