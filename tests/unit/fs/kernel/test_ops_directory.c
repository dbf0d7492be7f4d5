/*
 * fs/kernel/ops_directory.c: the reads of an open directory share the listing made at the
 * first read. No lock is held while the listing is made and its entries are looked up.
 */
#include "tests/unit/locks.h"

#include "fs/folder/folder.h"
#include "fs/kernel/ops.h"
#include "fs/view/gallery.h"

static struct filesystem fs;
static struct handle handle;
static struct fuse_file_info info;
static unsigned listings, lookups;
static char reply[4096];
static size_t reply_size;

void *__wrap_fuse_req_userdata(fuse_req_t request);
int __wrap_fuse_reply_buf(fuse_req_t request, const char *bytes, size_t size);
int __wrap_fuse_reply_err(fuse_req_t request, int error);
uint64_t __wrap_folder_number_at(struct filesystem *of, struct node *directory, int fd);
ino_t __wrap_gallery_inode(struct filesystem *of);
int __wrap_ops_find(struct filesystem *of, struct node *parent, const char *name,
		    struct node **ret_node);

void *__wrap_fuse_req_userdata(fuse_req_t request)
{
	(void)request;
	return &fs;
}

int __wrap_fuse_reply_buf(fuse_req_t request, const char *bytes, size_t size)
{
	(void)request;
	expect_unlocked();
	assert_true(size <= sizeof(reply));
	memcpy(reply, bytes, size);
	reply_size = size;
	return 0;
}

int __wrap_fuse_reply_err(fuse_req_t request, int error)
{
	(void)request;
	fail_msg("%s", strerror(error));
	return 0;
}

uint64_t __wrap_folder_number_at(struct filesystem *of, struct node *directory, int fd)
{
	(void)of;
	(void)directory;
	(void)fd;
	expect_unlocked();
	return 0;
}

ino_t __wrap_gallery_inode(struct filesystem *of)
{
	(void)of;
	expect_unlocked();
	listings++;
	return 0;
}

int __wrap_ops_find(struct filesystem *of, struct node *parent, const char *name,
		    struct node **ret_node)
{
	(void)of;
	(void)parent;
	(void)name;
	(void)ret_node;
	expect_unlocked();
	lookups++;
	return -ENOENT;
}

static int set_up(void **state)
{
	static const struct node_layout layout = { 64, 16 };
	int r;

	forget_locks();
	r = set_up_tree(state, &fs.tree);
	if (!r)
		r = nodes_init(&fs.nodes, &fs.tree, &layout);
	handle = (struct handle){ .node = fs.nodes.root, .fd = -1 };
	pthread_mutex_init(&handle.lock, NULL);
	info.fh = (uintptr_t)&handle;
	listings = lookups = 0;
	make_file(&fs.tree, "first");
	return r;
}

static int tear_down(void **state)
{
	listing_unref(handle.listing);
	pthread_mutex_destroy(&handle.lock);
	nodes_clear(&fs.nodes);
	return tear_down_tree(state, &fs.tree);
}

/* The number of entries that a read at this offset returns. */
static size_t read_from(off_t offset)
{
	size_t count = 0, entry = fuse_add_direntry(NULL, NULL, 0, "first", NULL, 0);

	op_readdir(NULL, 0, sizeof(reply), offset, &info);
	for (size_t at = 0; at < reply_size; at += entry)
		count++; /* names of the same length need the same space */
	return count;
}

static void test_reads_go_on_with_the_listing_that_they_began(void **state)
{
	(void)state;
	assert_int_equal(read_from(0), 3); /* including . and .. */
	make_file(&fs.tree, "other");
	assert_int_equal(read_from(2), 1);
	assert_int_equal(read_from(3), 0);
	assert_int_equal(listings, 1);
	assert_int_equal(read_from(0), 4);
	assert_int_equal(listings, 2);
}

static void test_a_read_in_the_middle_keeps_the_listing_that_it_makes(void **state)
{
	(void)state;
	assert_int_equal(read_from(1), 2);
	make_file(&fs.tree, "other");
	assert_int_equal(read_from(1), 2);
	assert_int_equal(listings, 1);
}

static void test_entries_are_looked_up_under_no_lock(void **state)
{
	(void)state;
	op_readdirplus(NULL, 0, sizeof(reply), 0, &info);
	assert_int_equal(lookups, 1); /* without . and .. */
	assert_true(reply_size > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_reads_go_on_with_the_listing_that_they_began, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_read_in_the_middle_keeps_the_listing_that_it_makes, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_entries_are_looked_up_under_no_lock,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
