/* fs/tree/node.h: what the kernel knows of the tree, without a descriptor for each. */
#include "tests/unit/unit.h"

#include "fs/tree/node.h"

static struct tree tree;
static struct nodes nodes;
static const struct node_layout layout = { .directory_bytes = 64, .virtual_bytes = 16 };

static int set_up(void **state)
{
	int r = set_up_tree(state, &tree);

	return r ? r : nodes_init(&nodes, &tree, &layout);
}

static int tear_down(void **state)
{
	nodes_clear(&nodes);
	return tear_down_tree(state, &tree);
}

static ino_t inode_of(const char *path)
{
	struct stat status;

	assert_int_equal(fstatat(tree.fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status.st_ino;
}

/* As a look-up of the kernel: the file of a path, seen as the last part in `parent`. */
static struct node *look_up(struct node *parent, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat status;
	struct node *node;

	assert_int_equal(fstatat(tree.fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
	node = nodes_get(&nodes, parent, slash ? slash + 1 : path, &status);
	assert_non_null(node);
	assert_int_equal(node->inode, status.st_ino);
	return node;
}

static void drop(struct node *node)
{
	nodes_unref(&nodes, node, 1);
}

static void expect_path(struct node *node, const char *wanted)
{
	AUTOFREE char *path = nodes_path(&nodes, node);

	if (!path || strcmp(path, wanted))
		fail_msg("the path is \"%s\"; expected \"%s\"", path ? path : "(none)",
			 wanted);
}

/* What a node opens holds what was written there first: its own path. */
static void expect_content(struct node *node, const char *wanted)
{
	AUTOCLOSE int fd = nodes_open(&nodes, node, O_RDONLY);
	char text[256];
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, wanted);
}

static int open_directory(struct node *node)
{
	int fd = nodes_open_directory(&nodes, node);

	assert_true(fd >= 0);
	return fd;
}

/* rename(2) in the mount. */
static void move(struct node *from, const char *old_name, struct node *to,
		 const char *new_name)
{
	AUTOCLOSE int from_fd = open_directory(from);
	AUTOCLOSE int to_fd = open_directory(to);
	struct node *node = nodes_hold(&nodes, from_fd, old_name);
	struct node *target = nodes_hold(&nodes, to_fd, new_name);

	assert_int_equal(renameat(from_fd, old_name, to_fd, new_name), 0);
	nodes_release(&nodes, target, to, new_name, true);
	nodes_move_name(&nodes, node, from, old_name, to, new_name);
	nodes_release(&nodes, node, from, old_name, false);
}

/* unlink(2) in the mount. */
static void remove_in(struct node *parent, const char *name, int flags)
{
	AUTOCLOSE int fd = open_directory(parent);
	struct node *node = nodes_hold(&nodes, fd, name);

	assert_int_equal(unlinkat(fd, name, flags), 0);
	nodes_release(&nodes, node, parent, name, true);
}

static size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

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

static void test_child(void **state)
{
	AUTOCLOSE int fd = open_directory(nodes.root);
	struct node *file, *child;

	make_file(&tree, "a");
	make_file(&tree, "b");
	assert_null(nodes_child(&nodes, fd, "a"));
	assert_null(nodes_child(&nodes, fd, "missing"));
	file = look_up(nodes.root, "a");
	child = nodes_child(&nodes, fd, "a");
	assert_ptr_equal(child, file);
	assert_int_equal(file->references, 2);
	assert_null(nodes_child(&nodes, fd, "b"));
	nodes_unref(&nodes, file, 2);
}

/* Forgetting a file lets go of the folders above it as well. */
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

/* A link is opened as itself, never followed. */
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

static void test_rename_moves_children(void **state)
{
	struct node *a, *b, *file;

	make_folder(&tree, "a");
	make_folder(&tree, "b");
	make_folder(&tree, "a/f");
	make_file(&tree, "a/f/file");
	a = look_up(nodes.root, "a");
	b = look_up(nodes.root, "b");
	move(a, "f", b, "unknown"); /* a folder that is not known moves as well */
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
	expect_content(old_file, "old"); /* whoever has it open reads on */
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

/* Looks the file up by the name that is not the first one now,
 * as others do at any time. */
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

/* An open and unlinked file goes on working, and its number is not given away. */
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

/* A refused unlink leaves everything as it was, without a descriptor. */
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

/* While a file is open, the way to it may vanish behind our back. */
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

/* What changed behind the mount's back is told by its inode: never the wrong file. */
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
	again = look_up(nodes.root, "b"); /* seen under its new name: found again */
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

/* One of a file's names went behind our back: the other one still leads to it. */
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
	assert_string_equal(first->text, "one"); /* an old version stays as it was */
	assert_string_equal(second->text, "two");
	assert_true(first->is_virtual && first->folder == folder &&
		    first->type == S_IFREG);
	assert_int_equal(nodes_open_directory(&nodes, first), -ENOTDIR);
	drop(folder);
	assert_int_equal(nodes.count, 4); /* the folder is kept by them */
	nodes_unref(&nodes, first, 2);
	drop(second);
	assert_int_equal(nodes.count, 1);
}

/* State of higher modules is zeros at first, and stays for as long as the node. */
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

/* A directory that is found elsewhere without a rename of ours may be another one. */
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

/* Tens of thousands of known nodes need no descriptor: the limit is far below. */
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

/* A path may be much longer than the kernel takes at once. */
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
		TEST(test_child),
		TEST(test_unref_frees_parents),
		TEST(test_open),
		TEST(test_symbolic_link),
		TEST(test_rename_moves_children),
		TEST(test_rename_over),
		TEST(test_hard_links),
		TEST(test_each_name),
		TEST(test_each_name_while_it_is_looked_up),
		TEST(test_unlinked),
		TEST(test_release_of_what_stays),
		TEST(test_removed_folder),
		TEST(test_keep),
		TEST(test_stale),
		TEST(test_stale_folder),
		TEST(test_stale_hard_link),
		TEST(test_virtual),
		TEST(test_state_of_others),
		TEST(test_unexpected_names_are_counted),
		TEST(test_virtual_kinds_differ),
		TEST(test_writers),
		TEST(test_many),
		TEST(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
