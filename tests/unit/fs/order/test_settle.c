/*
 * fs/order/settle_internal.h: one check of a folder, what a word for `status` releases,
 * and a folder that is moved during the check.
 */
#include "tests/unit/fs/sample_filesystem.h"

#include "fs/announce/announce.h"
#include "fs/folder/folder.h"
#include "fs/order/draft.h"
#include "fs/order/settle_internal.h"

#define TRASHED ".Trash-0/cat"

static struct node *folder;
static uint64_t number;
/*
 * Each is called once: after the path was judged, before the files are read, and after
 * they were read. Linked with --wrap.
 */
static void (*after_judging)(void), (*before_reading)(void), (*after_reading)(void);

bool __real_path_is_in_trash(const char *path);
bool __wrap_path_is_in_trash(const char *path);
int __real_draft_make(struct filesystem *of, struct node *directory, const char *path,
		      uint64_t task, struct draft_result *ret_gathered,
		      enum draft_outcome *ret_outcome);
int __wrap_draft_make(struct filesystem *of, struct node *directory, const char *path,
		      uint64_t task, struct draft_result *ret_gathered,
		      enum draft_outcome *ret_outcome);

static void happen(void (**what)(void))
{
	void (*happens)(void) = *what;

	*what = NULL;
	if (happens)
		happens();
}

bool __wrap_path_is_in_trash(const char *path)
{
	bool is_in_trash = __real_path_is_in_trash(path);

	happen(&after_judging);
	return is_in_trash;
}

int __wrap_draft_make(struct filesystem *of, struct node *directory, const char *path,
		      uint64_t task, struct draft_result *ret_gathered,
		      enum draft_outcome *ret_outcome)
{
	int r;

	happen(&before_reading);
	r = __real_draft_make(of, directory, path, task, ret_gathered, ret_outcome);
	happen(&after_reading);
	return r;
}

static void write_text(const char *path, const char *text)
{
	AUTOCLOSE int fd =
		openat(fs->tree.fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static struct node *look_up(struct node *parent, const char *path, const char *name)
{
	struct stat status;

	assert_int_equal(fstatat(fs->tree.fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
	return nodes_get(&fs->nodes, parent, name, &status);
}

static int set_up(void **state)
{
	int r = set_up_filesystem(state);

	if (r)
		return r;
	folders_walked(fs);
	make_folder(&fs->tree, ".Trash-0");
	make_folder(&fs->tree, "film");
	make_folder(&fs->tree, "film/cat");
	write_text("film/defaults.json", "{\"seed\": 7}");
	write_text("film/cat/prompt.txt", "A cat");
	folder = look_up(look_up(fs->nodes.root, "film", "film"), "film/cat", "cat");
	r = folder_mark(fs, folder, geteuid());
	number = folder_number(fs, folder);
	return r ? r : !number;
}

static int tear_down(void **state)
{
	after_judging = before_reading = after_reading = NULL;
	return tear_down_filesystem(state);
}

/* A rename(2) of the folder, in the two steps of its handler. */
static void begin_to_move(void)
{
	AUTOCLOSE int film =
		openat(fs->tree.fd, "film", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_ptr_equal(nodes_hold(&fs->nodes, film, "cat"), folder);
	assert_int_equal(renameat(fs->tree.fd, "film/cat", fs->tree.fd, TRASHED), 0);
}

static void end_move(void)
{
	struct node *film = look_up(fs->nodes.root, "film", "film");
	struct node *trash = look_up(fs->nodes.root, ".Trash-0", ".Trash-0");

	nodes_move_name(&fs->nodes, folder, film, "cat", trash, "cat");
	nodes_release(&fs->nodes, folder, film, "cat", false);
	folders_moved(fs);
	nodes_unref(&fs->nodes, film, 1);
	nodes_unref(&fs->nodes, trash, 1);
}

static void move_to_trash(void)
{
	begin_to_move();
	end_move();
}

static void look_for(bool is_now, bool is_wanted)
{
	struct due_folder wish = { number, is_now, is_wanted };

	settle_look(fs, &wish);
}

static void look(void)
{
	look_for(false, false);
}

static void expect_order(bool wanted, const char *path)
{
	AUTOVIEW *view = backend_task_view(fs->backend, number);

	assert_true(!view->order == !wanted);
	assert_string_equal(view->place.path, path);
}

static void expect_waiting(const char *wanted)
{
	AUTOFREE char *waiting = folder_waiting(fs, number);

	expect_text("the folder", "waiting", waiting, wanted);
	expect_no_failed_case();
}

static void test_a_folder_that_rests_goes(void **state)
{
	look();
	expect_order(true, "film/cat");
}

static void test_moved_to_the_trash_after_its_path_was_judged(void **state)
{
	after_judging = move_to_trash;
	look();
	expect_order(false, TRASHED);
	look();
	expect_order(false, TRASHED);
	expect_waiting("the folder is in the trash");
}

static void test_moved_to_the_trash_while_it_is_read(void **state)
{
	before_reading = move_to_trash;
	look();
	expect_order(false, TRASHED);
}

static void test_moved_to_the_trash_when_it_was_read(void **state)
{
	after_reading = move_to_trash;
	look();
	expect_order(false, TRASHED);
}

/* The files of the folders above were read at the old place. */
static void test_read_in_the_middle_of_a_move(void **state)
{
	before_reading = begin_to_move;
	look();
	expect_order(false, "film/cat");
	expect_waiting("the folder is being moved");
	end_move();
	look();
	expect_order(false, TRASHED);
	expect_waiting("the folder is in the trash");
}

static void copy_comes(void)
{
	assert_int_equal(backend_task_archive(fs->backend, number), 0);
}

static void copy_is_asked_about(void)
{
	assert_int_equal(backend_task_copy_came(fs->backend, number), 0);
}

static void test_a_copy_that_comes_when_it_was_read(void **state)
{
	after_reading = copy_comes;
	look();
	expect_order(false, "film/cat");
}

static void test_a_copy_that_is_asked_about_when_it_was_read(void **state)
{
	after_reading = copy_is_asked_about;
	look();
	expect_order(false, "film/cat");
}

/* The copy arrived after `submit`, so the word does not cover it. */
static void test_a_copy_does_not_go_by_an_earlier_submit(void **state)
{
	assert_int_equal(backend_task_archive(fs->backend, number), 0);
	look_for(true, true);
	expect_order(false, "film/cat");
	assert_int_equal(backend_task_release(fs->backend, number), 0);
	look_for(true, true);
	expect_order(true, "film/cat");
}

static void test_what_waits_for_submit_goes_by_the_last_word_alone(void **state)
{
	struct node *film = look_up(fs->nodes.root, "film", "film"), *dog;

	make_folder(&fs->tree, "film/dog");
	write_text("film/dog/prompt.txt", "A dog");
	dog = look_up(film, "film/dog", "dog");
	folder_add_relic(fs, dog);
	assert_int_equal(folder_mark(fs, dog, geteuid()), 0);
	number = folder_number(fs, dog);
	look_for(false, true);
	expect_order(false, "film/dog");
	look_for(true, true);
	expect_order(true, "film/dog");
	nodes_unref(&fs->nodes, dog, 1);
	nodes_unref(&fs->nodes, film, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_folder_that_rests_goes),
		TEST(test_moved_to_the_trash_after_its_path_was_judged),
		TEST(test_moved_to_the_trash_while_it_is_read),
		TEST(test_moved_to_the_trash_when_it_was_read),
		TEST(test_read_in_the_middle_of_a_move),
		TEST(test_a_copy_that_comes_when_it_was_read),
		TEST(test_a_copy_that_is_asked_about_when_it_was_read),
		TEST(test_a_copy_does_not_go_by_an_earlier_submit),
		TEST(test_what_waits_for_submit_goes_by_the_last_word_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
