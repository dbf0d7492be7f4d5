/* fs/tree/node.h: the nodes that the kernel knows, without a descriptor for each. */
#include "tests/unit/fs/tree/node_table.h"

static void test_root(void **state)
{
	struct stat status;

	assert_int_equal(nodes.count, 1);
	expect_path(nodes.root, "");
	assert_int_equal(nodes_stat(&nodes, nodes.root, &status), 0);
	assert_int_equal(status.st_ino, nodes.root->inode);
	assert_int_equal(nodes.root->type, S_IFDIR);
	close(open_directory(nodes.root));
}

static void test_get_and_unref(void **state)
{
	struct node *file, *again;

	make_file(&tree, "a");
	file = look_up(nodes.root, "a");
	again = look_up(nodes.root, "a");
	assert_ptr_equal(again, file);
	assert_int_equal(file->references, 2);
	assert_int_equal(file->type, S_IFREG);
	assert_int_equal(nodes.count, 2);
	nodes_ref(&nodes, file);
	nodes_unref(&nodes, file, 3);
	assert_int_equal(nodes.count, 1);
	assert_int_equal(nodes.root->references, 1);
}

/* Forgetting a file also releases the folders above it. */
static void test_unref_frees_parents(void **state)
{
	struct node *a, *b, *file;

	make_folder(&tree, "a");
	make_folder(&tree, "a/b");
	make_file(&tree, "a/b/file");
	a = look_up(nodes.root, "a");
	b = look_up(a, "a/b");
	file = look_up(b, "a/b/file");
	drop(a);
	drop(b);
	assert_int_equal(nodes.count, 4);
	expect_path(file, "a/b/file");
	drop(file);
	assert_int_equal(nodes.count, 1);
}

static void test_open(void **state)
{
	struct node *folder, *file;
	struct stat status;

	make_folder(&tree, "a");
	make_file(&tree, "a/file");
	folder = look_up(nodes.root, "a");
	file = look_up(folder, "a/file");
	expect_content(file, "a/file");
	assert_int_equal(nodes_stat(&nodes, file, &status), 0);
	assert_int_equal(status.st_size, 6);
	assert_int_equal(nodes_open_directory(&nodes, file), -ENOTDIR);
	drop(file);
	drop(folder);
}

/* A symbolic link is opened itself, never followed. */
static void test_symbolic_link(void **state)
{
	AUTOCLOSE int fd = -1;
	struct node *link;
	struct stat status;
	char target[100];

	assert_int_equal(symlinkat("/etc/passwd", tree.fd, "link"), 0);
	link = look_up(nodes.root, "link");
	assert_int_equal(link->type, S_IFLNK);
	assert_int_equal(nodes_stat(&nodes, link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	fd = nodes_open(&nodes, link, O_PATH);
	assert_true(fd >= 0);
	assert_int_equal(readlinkat(fd, "", target, sizeof(target)),
			 strlen("/etc/passwd"));
	drop(link);
}

/* While a file is open, its path may disappear below the mount. */
static void test_keep(void **state)
{
	AUTOCLOSE int fd = -1;
	struct node *file;

	make_file(&tree, "a");
	file = look_up(nodes.root, "a");
	fd = nodes_open(&nodes, file, O_RDONLY);
	assert_true(fd >= 0);
	nodes_keep(&nodes, file, fd);
	assert_int_equal(unlinkat(tree.fd, "a", 0), 0);
	expect_content(file, "a");
	nodes_unkeep(&nodes, file);
	drop(file);
}

/* --- virtual files --- */

static void test_virtual(void **state)
{
	struct node *folder, *first, *same, *second;

	make_folder(&tree, "a");
	folder = look_up(nodes.root, "a");
	first = nodes_get_virtual(&nodes, folder, 7, VIRTUAL_TASK_JSON, 1, strdup("one"));
	same = nodes_get_virtual(&nodes, folder, 7, VIRTUAL_TASK_JSON, 1,
				 strdup("not used"));
	second =
		nodes_get_virtual(&nodes, folder, 7, VIRTUAL_TASK_JSON, 2, strdup("two"));
	assert_ptr_equal(first, same);
	assert_ptr_not_equal(first, second);
	assert_string_equal(first->text, "one"); /* an old version is unchanged */
	assert_string_equal(second->text, "two");
	assert_true(first->is_virtual && first->folder == folder &&
		    first->type == S_IFREG);
	assert_int_equal(nodes_open_directory(&nodes, first), -ENOTDIR);
	drop(folder);
	assert_int_equal(nodes.count, 4); /* they keep the folder */
	nodes_unref(&nodes, first, 2);
	drop(second);
	assert_int_equal(nodes.count, 1);
}

/* The state of higher modules starts as zeros and lives as long as the node. */
static void test_state_of_others(void **state)
{
	static const unsigned char zeros[64];
	struct node *folder, *file;

	make_folder(&tree, "a");
	folder = look_up(nodes.root, "a");
	file = nodes_get_virtual(&nodes, folder, 7, VIRTUAL_STATUS, 0, NULL);
	assert_memory_equal(node_state(nodes.root), zeros, layout.directory_bytes);
	assert_memory_equal(node_state(folder), zeros, layout.directory_bytes);
	assert_memory_equal(node_state(file), zeros, layout.virtual_bytes);
	memset(node_state(folder), 1, layout.directory_bytes);
	memset(node_state(file), 2, layout.virtual_bytes);
	assert_ptr_equal(look_up(nodes.root, "a"), folder);
	assert_int_equal(((unsigned char *)node_state(folder))[63], 1);
	assert_int_equal(((unsigned char *)node_state(file))[15], 2);
	nodes_unref(&nodes, folder, 2);
	drop(file);
	assert_int_equal(nodes.count, 1);
}

static void test_virtual_kinds_differ(void **state)
{
	struct node *files[VIRTUAL_COUNT * 2];
	size_t count = 0;

	for (int kind = VIRTUAL_STATUS; kind < VIRTUAL_COUNT; kind++)
		for (uint64_t number = 1; number <= 2; number++) {
			files[count] =
				nodes_get_virtual(&nodes, nodes.root, number,
						  (enum virtual_kind)kind, 0, NULL);
			for (size_t i = 0; i < count; i++)
				assert_ptr_not_equal(files[i], files[count]);
			count++;
		}
	for (size_t i = 0; i < count; i++)
		drop(files[i]);
	assert_int_equal(nodes.count, 1);
}

/* --- writers --- */

static void test_writers(void **state)
{
	struct node *file;
	pid_t pid = 0;

	make_file(&tree, "a");
	file = look_up(nodes.root, "a");
	assert_false(nodes_has_writer(&nodes, file->device, file->inode, &pid));
	nodes_count_writer(&nodes, file, 1, 100);
	nodes_count_writer(&nodes, file, 1, 200);
	assert_true(nodes_has_writer(&nodes, file->device, file->inode, &pid));
	assert_int_equal(pid, 200);
	nodes_count_writer(&nodes, file, -1, 0);
	assert_true(nodes_has_writer(&nodes, file->device, file->inode, &pid));
	nodes_count_writer(&nodes, file, -1, 0);
	assert_false(nodes_has_writer(&nodes, file->device, file->inode, &pid));
	assert_false(nodes_has_writer(&nodes, file->device, file->inode + 1000000, &pid));
	drop(file);
}

/* --- many --- */

#define MANY 10000

/*
 * Tens of thousands of known nodes need no descriptors. The descriptor limit is far
 * lower.
 */
static void test_many(void **state)
{
	struct node **files = calloc(MANY, sizeof(*files));
	struct node *folder;
	size_t before;

	make_folder(&tree, "many");
	folder = look_up(nodes.root, "many");
	before = count_descriptors();
	for (unsigned i = 0; i < MANY; i++) {
		struct stat status = { .st_dev = 1,
				       .st_ino = i + 2,
				       .st_mode = S_IFREG | 0644 };
		char name[16];

		snprintf(name, sizeof(name), "%u", i);
		files[i] = nodes_get(&nodes, folder, name, &status);
		assert_non_null(files[i]);
	}
	assert_int_equal(nodes.count, MANY + 2);
	assert_int_equal(count_descriptors(), before);
	for (unsigned i = 0; i < MANY; i += 997) {
		AUTOFREE char *path = text_format("many/%u", i);

		expect_path(files[i], path);
	}
	for (unsigned i = 0; i < MANY; i++)
		drop(files[i]);
	drop(folder);
	free(files);
	assert_int_equal(nodes.count, 1);
}

/* A path may be much longer than the kernel's limit for one call. */
static void test_deep(void **state)
{
	struct node *chain[60] = { nodes.root };
	char name[201];
	int fd = dup(tree.fd);

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 1; i < ARRAY_SIZE(chain); i++) {
		struct stat status;
		int next;

		assert_int_equal(mkdirat(fd, name, 0755), 0);
		assert_int_equal(fstatat(fd, name, &status, 0), 0);
		chain[i] = nodes_get(&nodes, chain[i - 1], name, &status);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(fd);
	fd = nodes_open_directory(&nodes, chain[ARRAY_SIZE(chain) - 1]);
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = ARRAY_SIZE(chain) - 1; i > 0; i--)
		drop(chain[i]);
	assert_int_equal(nodes.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_root),
		TEST(test_get_and_unref),
		TEST(test_unref_frees_parents),
		TEST(test_open),
		TEST(test_symbolic_link),
		TEST(test_keep),
		TEST(test_virtual),
		TEST(test_state_of_others),
		TEST(test_virtual_kinds_differ),
		TEST(test_writers),
		TEST(test_many),
		TEST(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
