/* fs/tree/task_mark.h: the number stays with its folder and its library. */
#include "tests/unit/unit.h"

#include "fs/tree/task_mark.h"
#include "fs/tree/names.h"
#include "fs/tree/tree.h"

#include <sys/xattr.h>

static struct tree tree;

static int set_up(void **state)
{
	return set_up_tree(state, &tree);
}

static int tear_down(void **state)
{
	return tear_down_tree(state, &tree);
}

#define LIBRARY "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"
#define XATTR TASK_MARK_XATTR_PREFIX "task"

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

	make_folder(&tree, "f");
	fd = open_folder("f", O_RDONLY);
	path_fd = open_folder("f", O_PATH);
	assert_int_equal(task_mark_read(fd, LIBRARY, &number), -ENODATA);
	assert_int_equal(number, 5);
	assert_int_equal(task_mark_write(path_fd, LIBRARY, UINT64_MAX), 0);
	assert_int_equal(task_mark_read(fd, LIBRARY, &number), 0);
	assert_true(number == UINT64_MAX);
	assert_int_equal(task_mark_write(fd, LIBRARY, 7), 0);
	assert_int_equal(task_mark_read(path_fd, LIBRARY, &number), 0);
	assert_int_equal(number, 7);
	close(fd);
	close(path_fd);
}

/*
 * The mark stays with the directory through renames, and is not valid in another library.
 */
static void test_mark_belongs(void **state)
{
	uint64_t number = 0;
	int fd;

	make_folder(&tree, "f");
	make_folder(&tree, "g");
	fd = open_folder("f", O_RDONLY);
	assert_int_equal(task_mark_write(fd, LIBRARY, 7), 0);
	close(fd);
	assert_int_equal(renameat(tree.fd, "f", tree.fd, "g/f"), 0);
	fd = open_folder("g/f", O_PATH);
	assert_int_equal(task_mark_read(fd, LIBRARY, &number), 0);
	assert_int_equal(number, 7);
	assert_int_equal(task_mark_read(fd, OTHER, &number), -ENODATA);
	close(fd);
	fd = open_folder("g", O_PATH);
	assert_int_equal(task_mark_read(fd, LIBRARY, &number), -ENODATA);
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
		LIBRARY " +7",
		LIBRARY "  7",
		LIBRARY " 07",
		LIBRARY " 18446744073709551616",
		"+" LIBRARY " 7",
	};
	AUTOFREE char *path = path_in(*state, "tree/f");
	int fd;

	make_folder(&tree, "f");
	fd = open_folder("f", O_PATH);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint64_t number = 5;
		int r;

		if (setxattr(path, XATTR, texts[i], strlen(texts[i]), 0) &&
		    errno == ENOTSUP)
			break; /* the hidden file replaces it */
		r = task_mark_read(fd, LIBRARY, &number);
		if (r != -ENODATA || number != 5)
			FAIL_CASE("\"%s\": %d, number %llu", texts[i], r,
				  (unsigned long long)number);
	}
	close(fd);
	expect_no_failed_case();
}

/* A long value is no mark, and must not overflow a small array. */
static void test_mark_of_long_junk(void **state)
{
	AUTOFREE char *path = path_in(*state, "tree/f");
	uint64_t number = 5;
	char text[1000];
	int fd;

	memset(text, '7', sizeof(text));
	make_folder(&tree, "f");
	fd = open_folder("f", O_PATH);
	setxattr(path, XATTR, text, sizeof(text), 0);
	assert_int_equal(task_mark_read(fd, LIBRARY, &number), -ENODATA);
	assert_int_equal(number, 5);
	mark_remove_file(fd);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mark),
		TEST(test_mark_belongs),
		TEST(test_mark_of_junk),
		TEST(test_mark_of_long_junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
