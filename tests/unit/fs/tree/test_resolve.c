/* fs/tree/resolve.h on a real tree: links are followed, and nothing leads outside. */
#include "tests/unit/unit.h"

#include "fs/tree/resolve.h"

static struct tree tree;

static int set_up(void **state)
{
	return set_up_tree(state, &tree);
}

static int tear_down(void **state)
{
	return tear_down_tree(state, &tree);
}

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
	{ "a/b", "missing", -ENOENT, "a/b/missing" },
	{ "a/b", "missing/file", -ENOENT, NULL },
	{ "a/missing", "file", -ENOENT, "a/missing/file" },
	{ "a/b", "file/x", -ENOTDIR, NULL },
	{ "a/c", "dangling", -ENOENT, "a/c/nowhere" },
	{ "a/c", "shot", -ENOENT, "a/b/last_frame.png" },
	{ "a/b", "../../..", -EXDEV, NULL },
	{ "a/b", "../../../tree/top", -EXDEV, NULL },
	{ "", "..", -EXDEV, NULL },
	{ "a/b", "/a/b/file", -EXDEV, NULL },
	{ "a/b", "/", -EXDEV, NULL },
	{ "a/c", "escape", -EXDEV, NULL },
	{ "a/c", "absolute", -EXDEV, NULL },
	{ "a/c", "root/etc/passwd", -EXDEV, NULL },
	{ "a/c", "from_root", 0, "a/b/file" },
	{ "a/c", "the_root", 0, "" },
	{ "a/c", "the_root/a/b/file", 0, "a/b/file" },
	{ "a/c", "beside", -EXDEV, NULL },
	{ "a/c", "out", -EXDEV, NULL },
	{ "a/c", "self", -ELOOP, NULL },
	{ "a/c", "loop1", -ELOOP, NULL },
	{ "a/c", "loop1/x", -ELOOP, NULL },
};

static void test_resolve(void **state)
{
	make_tree(&tree);
	tree.mounted_at = "/mnt/videos";
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

/* A chain of links has a limit; forty links are allowed. */
static void test_resolve_chain(void **state)
{
	AUTOFREE char *path = NULL;
	AUTOFREE char *none = NULL;

	make_file(&tree, "l0");
	for (int i = 1; i <= 60; i++) {
		AUTOFREE char *target = text_format("l%d", i - 1);
		AUTOFREE char *name = text_format("l%d", i);

		make_link(&tree, target, name);
	}
	assert_int_equal(resolve_path(&tree, "", "l40", &path), 0);
	assert_string_equal(path, "l0");
	assert_int_equal(resolve_path(&tree, "", "l60", &none), -ELOOP);
	assert_null(none);
}

/* Folders nested so deeply that their path exceeds the kernel's limit for one call. */
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resolve),
		TEST(test_resolve_chain),
		TEST(test_resolve_long_path),
		TEST(test_resolve_hostile_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
