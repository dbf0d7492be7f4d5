/* fs/tree/tree.h: nothing is opened through a link, or outside. */
#include "tests/unit/unit.h"

#include "fs/tree/tree.h"

static struct tree tree;

static int set_up(void **state)
{
	return set_up_tree(state, &tree);
}

static int tear_down(void **state)
{
	return tear_down_tree(state, &tree);
}

static void test_tree_does_not_follow(void **state)
{
	int fd;

	make_tree(&tree);
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

	make_tree(&tree);
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
