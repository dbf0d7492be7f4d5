/*
 * fs/tree/node.h: names that appear, disappear and move, through the mount or below it.
 */
#include "tests/unit/fs/tree/node_table.h"

static void test_rename_moves_children(void **state)
{
	struct node *a, *b, *file;

	make_folder(&tree, "a");
	make_folder(&tree, "b");
	make_folder(&tree, "a/f");
	make_file(&tree, "a/f/file");
	a = look_up(nodes.root, "a");
	b = look_up(nodes.root, "b");
	move(a, "f", b, "unknown"); /* an unknown folder moves as well */
	move(b, "unknown", a, "f");
	{
		struct node *f = look_up(a, "a/f");

		file = look_up(f, "a/f/file");
		drop(f);
	}
	move(a, "f", b, "g");
	expect_path(file, "b/g/file");
	expect_content(file, "a/f/file");
	move(nodes.root, "b", a, "c");
	expect_path(file, "a/c/g/file");
	expect_content(file, "a/f/file");
	drop(file);
	drop(a);
	drop(b);
	assert_int_equal(nodes.count, 1);
}

static void test_rename_over(void **state)
{
	struct node *old_file, *new_file;

	make_file(&tree, "old");
	make_file(&tree, "new");
	old_file = look_up(nodes.root, "old");
	new_file = look_up(nodes.root, "new");
	move(nodes.root, "new", nodes.root, "old"); /* an editor's save */
	expect_path(new_file, "old");
	expect_content(new_file, "new");
	expect_content(old_file, "old"); /* an open file stays readable */
	assert_null(nodes_path(&nodes, old_file));
	drop(old_file);
	drop(new_file);
}

static void test_hard_links(void **state)
{
	struct node *a, *b;

	make_file(&tree, "a");
	assert_int_equal(linkat(tree.fd, "a", tree.fd, "b", 0), 0);
	a = look_up(nodes.root, "a");
	b = look_up(nodes.root, "b");
	assert_ptr_equal(a, b);
	assert_int_equal(nodes.count, 2);
	remove_in(nodes.root, "b", 0);
	expect_path(a, "a");
	expect_content(a, "a");
	drop(b);
	remove_in(nodes.root, "a", 0);
	expect_content(a, "a");
	drop(a);
	assert_int_equal(nodes.count, 1);
}

static void count_name(void *context, struct node *parent, const char *name)
{
	struct buffer *seen = context;

	assert_ptr_equal(parent, nodes.root);
	buffer_addf(seen, "%s,", name);
}

static void test_each_name(void **state)
{
	AUTOBUFFER seen = BUFFER_INIT(1000);
	struct node *file;

	make_file(&tree, "a");
	assert_int_equal(linkat(tree.fd, "a", tree.fd, "b", 0), 0);
	file = look_up(nodes.root, "a");
	file = look_up(nodes.root, "b");
	nodes_each_name(&nodes, file, count_name, &seen);
	assert_int_equal(seen.size, 4);
	assert_true(strstr(seen.data, "a,") && strstr(seen.data, "b,"));
	nodes_unref(&nodes, file, 2);
}

/* Looks the file up by its other name, as another thread may do at any time. */
static void look_up_other(void *context, struct node *parent, const char *name)
{
	count_name(context, parent, name);
	drop(look_up(nodes.root, strcmp(name, "a") ? "a" : "b"));
}

static void test_each_name_while_it_is_looked_up(void **state)
{
	AUTOBUFFER seen = BUFFER_INIT(1000);
	struct node *file;

	make_file(&tree, "a");
	assert_int_equal(linkat(tree.fd, "a", tree.fd, "b", 0), 0);
	file = look_up(nodes.root, "a");
	file = look_up(nodes.root, "b");
	nodes_each_name(&nodes, file, look_up_other, &seen);
	assert_string_equal(seen.data, "b,a,");
	nodes_unref(&nodes, file, 2);
}

/* An open, unlinked file stays usable, and its number is not reused. */
static void test_unlinked(void **state)
{
	struct node *file;
	struct stat status;
	size_t before;

	make_file(&tree, "a");
	file = look_up(nodes.root, "a");
	before = count_descriptors();
	remove_in(nodes.root, "a", 0);
	assert_int_equal(count_descriptors(), before + 1);
	assert_null(nodes_path(&nodes, file));
	expect_content(file, "a");
	assert_int_equal(nodes_stat(&nodes, file, &status), 0);
	assert_int_equal(status.st_nlink, 0);
	make_file(&tree, "a");
	assert_int_not_equal(inode_of("a"), file->inode);
	drop(file);
	assert_int_equal(count_descriptors(), before);
}

/* A rejected unlink changes nothing and leaves no descriptor open. */
static void test_release_of_what_stays(void **state)
{
	AUTOCLOSE int fd = open_directory(nodes.root);
	struct node *file, *held;
	size_t before;

	make_file(&tree, "a");
	file = look_up(nodes.root, "a");
	before = count_descriptors();
	held = nodes_hold(&nodes, fd, "a");
	assert_ptr_equal(held, file);
	nodes_release(&nodes, held, nodes.root, "a", false);
	assert_int_equal(count_descriptors(), before);
	expect_path(file, "a");
	assert_null(nodes_hold(&nodes, fd, "missing"));
	nodes_release(&nodes, NULL, nodes.root, "missing", true);
	drop(file);
}

static void test_removed_folder(void **state)
{
	struct node *folder;
	int fd;

	make_folder(&tree, "a");
	folder = look_up(nodes.root, "a");
	remove_in(nodes.root, "a", AT_REMOVEDIR);
	fd = open_directory(folder);
	assert_int_equal(openat(fd, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0644), -1);
	close(fd);
	drop(folder);
	assert_int_equal(nodes.count, 1);
}

/* A change below the mount is detected by the inode: never the wrong file. */
static void test_stale(void **state)
{
	struct node *file, *again;
	struct stat status;

	make_file(&tree, "a");
	make_file(&tree, "other");
	file = look_up(nodes.root, "a");
	assert_int_equal(renameat(tree.fd, "a", tree.fd, "b"), 0);
	assert_int_equal(nodes_open(&nodes, file, O_RDONLY), -ESTALE);
	assert_int_equal(renameat(tree.fd, "other", tree.fd, "a"), 0);
	assert_int_equal(nodes_open(&nodes, file, O_RDONLY), -ESTALE);
	assert_int_equal(nodes_stat(&nodes, file, &status), -ESTALE);
	again = look_up(nodes.root, "b"); /* found again under its new name */
	assert_ptr_equal(again, file);
	expect_content(file, "a");
	nodes_unref(&nodes, file, 2);
}

static void test_stale_folder(void **state)
{
	struct node *folder, *file;

	make_folder(&tree, "a");
	make_file(&tree, "a/file");
	folder = look_up(nodes.root, "a");
	file = look_up(folder, "a/file");
	assert_int_equal(renameat(tree.fd, "a", tree.fd, "b"), 0);
	assert_int_equal(nodes_open(&nodes, file, O_RDONLY), -ESTALE);
	assert_int_equal(nodes_open_directory(&nodes, folder), -ESTALE);
	assert_int_equal(symlinkat("b", tree.fd, "a"), 0); /* nor through a link */
	assert_int_equal(nodes_open(&nodes, file, O_RDONLY), -ESTALE);
	drop(file);
	drop(folder);
}

/* One name of a file disappeared below the mount. The other name still leads to it. */
static void test_stale_hard_link(void **state)
{
	struct node *file;

	make_file(&tree, "a");
	assert_int_equal(linkat(tree.fd, "a", tree.fd, "b", 0), 0);
	file = look_up(nodes.root, "a");
	look_up(nodes.root, "b");
	assert_int_equal(unlinkat(tree.fd, "b", 0), 0);
	expect_content(file, "a");
	look_up(nodes.root, "a");
	nodes_unref(&nodes, file, 3);
}

/*
 * A directory that appears elsewhere without a rename through the mount may be another
 * one.
 */
static void test_unexpected_names_are_counted(void **state)
{
	struct node *folder;

	make_folder(&tree, "a");
	folder = look_up(nodes.root, "a");
	assert_int_equal(folder->other_names, 0);
	assert_ptr_equal(look_up(nodes.root, "a"), folder);
	assert_int_equal(folder->other_names, 0);
	assert_int_equal(renameat(tree.fd, "a", tree.fd, "b"), 0);
	assert_ptr_equal(look_up(nodes.root, "b"), folder);
	assert_int_equal(folder->other_names, 1);
	nodes_move_name(&nodes, folder, nodes.root, "b", nodes.root, "c");
	assert_int_equal(folder->other_names, 1);
	nodes_unref(&nodes, folder, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rename_moves_children),
		TEST(test_rename_over),
		TEST(test_hard_links),
		TEST(test_each_name),
		TEST(test_each_name_while_it_is_looked_up),
		TEST(test_unlinked),
		TEST(test_release_of_what_stays),
		TEST(test_removed_folder),
		TEST(test_stale),
		TEST(test_stale_folder),
		TEST(test_stale_hard_link),
		TEST(test_unexpected_names_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
