/*
 * fs/folder/copy_detect.h: recognising threads that copy a task's folder by their
 * actions.
 */
#include "tests/unit/unit.h"

#include "fs/folder/copy_detect.h"
#include "fs/folder/folder.h"

#include <sys/prctl.h>

static struct tree tree;
static struct nodes nodes;
static struct node *folder;

static int set_up(void **state)
{
	struct node_layout layout = { .directory_bytes = folders_state_bytes() };
	struct stat status;
	int r = set_up_tree(state, &tree);

	if (!r)
		r = nodes_init(&nodes, &tree, &layout);
	if (r)
		return r;
	make_folder(&tree, "cat");
	assert_int_equal(fstatat(tree.fd, "cat", &status, AT_SYMLINK_NOFOLLOW), 0);
	folder = nodes_get(&nodes, nodes.root, "cat", &status);
	return !folder;
}

static int tear_down(void **state)
{
	nodes_clear(&nodes);
	return tear_down_tree(state, &tree);
}

static bool act(enum copy_action action, const char *name)
{
	return copy_detect(&nodes, &(struct copy_event){ .action = action,
							 .node = folder,
							 .name = name,
							 .pid = getpid() });
}

static void make_trigger(bool makes_directory)
{
	if (makes_directory)
		act(COPY_MADE_DIRECTORY, NULL);
	act(COPY_MADE_NAME, "prompt.txt");
}

/*
 * A thread's name and actions; whether it then finds a `status`, and whether the folder
 * waits for an answer.
 */
static const struct {
	const char *thread;
	bool makes_directory, finds, asks;
} cases[] = {
	{ "pool-nautilus", true, false, false },
	{ "pool-nautilus", false, true, false }, /* a window that displays new files */
	{ "pool-spawner", true, false, false },
	{ "pool", true, false, false },
	{ "pool-1-thread-1", true, true, true }, /* Java's */
	{ "KIO::Worker::3", false, false, false },
	{ "KIO", false, true, true },
	{ "unzip", false, true, true },
	{ "unzip", true, true, true },
};

static void test_threads_by_their_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		act(COPY_LISTED, NULL);
		act(COPY_DECIDED, NULL);
		/* A KDE worker that has just listed the folder checks the new files. */
		copy_detect(&nodes, &(struct copy_event){ .action = COPY_LISTED,
							  .node = folder });
		prctl(PR_SET_NAME, cases[i].thread);
		make_trigger(cases[i].makes_directory);
		if (act(COPY_LOOKED_UP, "status") != cases[i].finds ||
		    (copy_detect_asks_ms(folder) >= 0) != cases[i].asks)
			FAIL_CASE("%s, makes_directory=%d", cases[i].thread,
				  cases[i].makes_directory);
	}
	expect_no_failed_case();
}

static void test_an_answer_ends_the_wait(void **state)
{
	static const enum copy_action answers[] = { COPY_OPENED, COPY_LISTED,
						    COPY_DECIDED };

	(void)state;
	prctl(PR_SET_NAME, "unzip");
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		make_trigger(true);
		act(COPY_LOOKED_UP, "status");
		assert_true(copy_detect_asks_ms(folder) >= 0);
		act(answers[i], NULL);
		assert_int_equal(copy_detect_asks_ms(folder), -1);
	}
}

/* A copier sets the attributes of a directory last. */
static void test_a_finished_directory_is_looked_at(void **state)
{
	(void)state;
	prctl(PR_SET_NAME, "pool-nautilus");
	make_trigger(true);
	assert_false(act(COPY_LOOKED_UP, "status"));
	act(COPY_SET_ATTRIBUTES, NULL);
	assert_true(act(COPY_LOOKED_UP, "status"));
}

static void test_other_names_are_found(void **state)
{
	(void)state;
	prctl(PR_SET_NAME, "pool-nautilus");
	make_trigger(true);
	assert_true(act(COPY_LOOKED_UP, "error.txt"));
	assert_false(act(COPY_LOOKED_UP, "task.json"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_threads_by_their_names),
		TEST(test_an_answer_ends_the_wait),
		TEST(test_a_finished_directory_is_looked_at),
		TEST(test_other_names_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
