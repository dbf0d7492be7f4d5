/*
 * fs/order/draft.h: an order contains the files of one moment, whoever writes to them
 * meanwhile.
 */
#include "tests/unit/unit.h"

#include "fs/order/draft.h"

#include <sys/time.h>
#include <time.h>

#define PICTURE_BYTES 4096

static struct filesystem fs;
static struct node *folder;
/* Called once, in the middle of the next copy. Linked with --wrap=copy_file_range. */
static void (*meanwhile)(void);

ssize_t __real_copy_file_range(int from, off_t *from_at, int to, off_t *to_at,
			       size_t size, unsigned flags);
ssize_t __wrap_copy_file_range(int from, off_t *from_at, int to, off_t *to_at,
			       size_t size, unsigned flags);

ssize_t __wrap_copy_file_range(int from, off_t *from_at, int to, off_t *to_at,
			       size_t size, unsigned flags)
{
	void (*happens)(void) = meanwhile;
	ssize_t copied;

	if (!happens)
		return __real_copy_file_range(from, from_at, to, to_at, size, flags);
	copied = __real_copy_file_range(from, from_at, to, to_at, size / 2, flags);
	meanwhile = NULL;
	happens();
	return copied;
}

/* A file with the structure of a JPEG, filled with one letter. */
static void write_picture(const char *path, char letter, off_t from, off_t to)
{
	static const unsigned char head[] = { 0xff, 0xd8, 0xff, 0xda, 0, 4, 0, 0 };
	unsigned char bytes[PICTURE_BYTES];
	AUTOCLOSE int fd = openat(fs.tree.fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	memset(bytes, letter, sizeof(bytes));
	memcpy(bytes, head, sizeof(head));
	bytes[PICTURE_BYTES - 2] = 0xff;
	bytes[PICTURE_BYTES - 1] = 0xd9;
	assert_int_equal(pwrite(fd, bytes + from, (size_t)(to - from), from), to - from);
}

static void write_text(const char *path, const char *text)
{
	AUTOCLOSE int fd =
		openat(fs.tree.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static struct node *look_up(struct node *parent, const char *path, const char *name)
{
	struct stat status;

	assert_int_equal(fstatat(fs.tree.fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
	return nodes_get(&fs.nodes, parent, name, &status);
}

/* The number of texts parsed. Linked with --wrap=request_parse and similar. */
static int triggers_parsed, defaults_parsed;
/* The duration that the backend was asked to judge. */
static int64_t judged_duration;

int __real_request_parse(const char *name, const char *text, size_t size,
			 struct request **ret_request, struct problem *problem);
int __wrap_request_parse(const char *name, const char *text, size_t size,
			 struct request **ret_request, struct problem *problem);
int __real_request_parse_defaults(struct request *request, const char *name,
				  const char *text, size_t size, struct problem *problem);
int __wrap_request_parse_defaults(struct request *request, const char *name,
				  const char *text, size_t size, struct problem *problem);
int __wrap_backend_judge_request(const struct backend *backend, struct request *request,
				 struct problem *problem);

int __wrap_request_parse(const char *name, const char *text, size_t size,
			 struct request **ret_request, struct problem *problem)
{
	triggers_parsed++;
	return __real_request_parse(name, text, size, ret_request, problem);
}

int __wrap_request_parse_defaults(struct request *request, const char *name,
				  const char *text, size_t size, struct problem *problem)
{
	defaults_parsed++;
	return __real_request_parse_defaults(request, name, text, size, problem);
}

int __wrap_backend_judge_request(const struct backend *backend, struct request *request,
				 struct problem *problem)
{
	judged_duration = request_number(request, PARAM_DURATION, -99);
	return 0;
}

static int set_up(void **state)
{
	int r = set_up_tree(state, &fs.tree);

	triggers_parsed = defaults_parsed = 0;
	if (!r)
		r = parse_cache_create(1 << 20, &fs.parse_cache);
	if (!r)
		r = nodes_init(&fs.nodes, &fs.tree, &(struct node_layout){ 0 });
	if (r)
		return r;
	fs.library = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_folder(&fs.tree, "pics");
	make_folder(&fs.tree, "cat");
	write_picture("pics/a.jpg", 'a', 0, PICTURE_BYTES);
	write_text("cat/request.json",
		   "{\"prompt\": \"x\", \"content\": [{\"type\": \"image_url\", "
		   "\"image_url\": {\"url\": \"../pics/a.jpg\"}}]}");
	folder = look_up(fs.nodes.root, "cat", "cat");
	return 0;
}

static int tear_down(void **state)
{
	meanwhile = NULL;
	nodes_clear(&fs.nodes);
	parse_cache_destroy(fs.parse_cache);
	close(fs.library);
	return tear_down_tree(state, &fs.tree);
}

/*
 * Makes a draft once. Returns the reason for waiting, or the digest of the image to be
 * sent.
 */
static char *look(enum draft_outcome wanted)
{
	struct draft_result result = { 0 };
	enum draft_outcome outcome;
	char *said = NULL;

	assert_int_equal(draft_make(&fs, folder, "cat", 1, &result, &outcome), 0);
	if (outcome != wanted)
		fail_msg("the outcome is %d (%s%s)", outcome,
			 result.waiting ? result.waiting : "",
			 result.problem.text ? result.problem.text : "");
	if (outcome == DRAFT_WAITS)
		said = strdup(result.waiting);
	for (size_t i = 0; !said && i < result.request->content_count; i++)
		if (result.request->content[i].path)
			said = strdup(result.request->content[i].file.sha256);
	assert_non_null(said);
	draft_result_clear(&result);
	return said;
}

static void expect_change_seen(void (*change)(void), const char *words)
{
	AUTOFREE char *before = look(DRAFT_READY);
	AUTOFREE char *waiting = NULL, *after = NULL;

	meanwhile = change;
	waiting = look(DRAFT_WAITS);
	if (!strstr(waiting, words) || !strstr(waiting, "../pics/a.jpg"))
		fail_msg("it waits: %s", waiting);
	after = look(DRAFT_READY);
	assert_string_not_equal(before, after);
}

static void write_in_place(void)
{
	write_picture("pics/a.jpg", 'b', 0, PICTURE_BYTES);
}

/* As rsync -t and cp -p do: size and time are unchanged afterwards. */
static void write_and_keep_the_time(void)
{
	struct stat status;
	struct timespec times[2];

	assert_int_equal(fstatat(fs.tree.fd, "pics/a.jpg", &status, 0), 0);
	write_picture("pics/a.jpg", 'c', 0, PICTURE_BYTES);
	times[0] = status.st_atim;
	times[1] = status.st_mtim;
	assert_int_equal(utimensat(fs.tree.fd, "pics/a.jpg", times, 0), 0);
}

static void make_shorter(void)
{
	AUTOCLOSE int fd = openat(fs.tree.fd, "pics/a.jpg", O_WRONLY | O_CLOEXEC);

	assert_int_equal(ftruncate(fd, 100), 0);
}

static void test_written_while_it_is_copied(void **state)
{
	expect_change_seen(write_in_place, "changed");
	expect_change_seen(write_and_keep_the_time, "changed");
}

static void test_cut_while_it_is_copied(void **state)
{
	AUTOFREE char *waiting = NULL, *then = NULL;

	meanwhile = make_shorter;
	waiting = look(DRAFT_WAITS);
	then = look(DRAFT_WAITS);
	assert_non_null(strstr(then, "incomplete"));
}

static struct node *picture;

/* As the handler of open does before any write. */
static void open_for_writing(void)
{
	struct node *directory = look_up(fs.nodes.root, "pics", "pics");

	picture = look_up(directory, "pics/a.jpg", "a.jpg");
	nodes_count_writer(&fs.nodes, picture, 1, getpid());
	nodes_unref(&fs.nodes, directory, 1);
}

static void test_opened_while_it_is_copied(void **state)
{
	AUTOFREE char *waiting = NULL, *then = NULL;

	meanwhile = open_for_writing;
	waiting = look(DRAFT_WAITS);
	assert_non_null(strstr(waiting, "open for writing"));
	nodes_count_writer(&fs.nodes, picture, -1, 0);
	nodes_unref(&fs.nodes, picture, 1);
	then = look(DRAFT_READY);
}

static void change_the_request(void)
{
	write_text("cat/request.json", "{\"prompt\": \"y\"}");
}

/* Below the mount, so no edit is registered. */
static void test_a_request_that_changes_meanwhile(void **state)
{
	AUTOFREE char *waiting = NULL;

	meanwhile = change_the_request;
	waiting = look(DRAFT_WAITS);
	assert_non_null(strstr(waiting, "request.json changed"));
}

/* A second change within one tick of the clock does not change the times. */
static void test_a_change_in_the_same_tick(void **state)
{
	for (int i = 0; i < 20; i++) {
		AUTOFREE char *waiting = NULL;

		write_picture("pics/a.jpg", (char)('d' + i), 0, PICTURE_BYTES);
		meanwhile = write_in_place;
		waiting = look(DRAFT_WAITS);
	}
}

/* Neither additional hard links nor a time in the future delay the order. */
static void test_hard_links_and_odd_times_are_fine(void **state)
{
	static const struct timespec ahead[2] = { { 4000000000, 0 }, { 4000000000, 0 } };
	AUTOFREE char *ready = NULL;

	assert_int_equal(linkat(fs.tree.fd, "pics/a.jpg", fs.tree.fd, "b.jpg", 0), 0);
	assert_int_equal(utimensat(fs.tree.fd, "pics/a.jpg", ahead, 0), 0);
	ready = look(DRAFT_READY);
}

/* --- a text is parsed once --- */

/* As the close of an editor does. */
static void judge(const char *name)
{
	AUTOPROBLEM problem = { 0 };
	AUTOFREE char *path = text_format("cat/%s", name);
	AUTOCLOSE int fd = openat(fs.tree.fd, path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	if (draft_judge(&fs, folder, fd, name, &problem))
		fail_msg("%s", problem.text ? problem.text : "an error");
}

static int64_t duration_ordered(void)
{
	struct draft_result result = { 0 };
	enum draft_outcome outcome;
	int64_t duration;

	assert_int_equal(draft_make(&fs, folder, "cat", 1, &result, &outcome), 0);
	assert_int_equal(outcome, DRAFT_READY);
	duration = request_number(result.request, PARAM_DURATION, -99);
	draft_result_clear(&result);
	return duration;
}

static void test_a_save_and_its_order_parse_once(void **state)
{
	write_text("cat/request.json", "{\"prompt\": \"x\", \"duration\": 4}");
	judge("request.json");
	assert_int_equal(judged_duration, 4);
	for (int i = 0; i < 3; i++) /* a waiting folder is checked repeatedly */
		assert_int_equal(duration_ordered(), 4);
	assert_int_equal(triggers_parsed, 1);

	write_text("cat/request.json", "{\"prompt\": \"x\", \"duration\": 5}");
	assert_int_equal(duration_ordered(), 5);
	assert_int_equal(triggers_parsed, 2);
}

static void test_a_change_of_the_defaults_counts_at_once(void **state)
{
	char digests[2][SHA256_HEX];

	write_text("cat/request.json", "{\"prompt\": \"x\"}");
	for (int i = 0; i < 2; i++) {
		write_text("defaults.json",
			   i ? "{\"duration\": 8}" : "{\"duration\": 6}");
		judge("request.json");
		assert_int_equal(judged_duration, -99); /* the save is not about it */
		for (int k = 0; k < 2; k++)
			assert_int_equal(duration_ordered(), i ? 8 : 6);
		assert_int_equal(draft_digest(&fs, folder, "cat", digests[i]), 0);
	}
	assert_string_not_equal(digests[0], digests[1]);
	assert_int_equal(triggers_parsed, 1);
	assert_int_equal(defaults_parsed, 2);
}

/* Changes to one order's request do not affect another order's. */
static void test_what_is_kept_is_not_changed_by_an_order(void **state)
{
	AUTOFREE char *first = look(DRAFT_READY);
	AUTOFREE char *second = look(DRAFT_READY);

	assert_string_equal(first, second);
	assert_int_equal(triggers_parsed, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_written_while_it_is_copied),
		TEST(test_cut_while_it_is_copied),
		TEST(test_opened_while_it_is_copied),
		TEST(test_a_request_that_changes_meanwhile),
		TEST(test_a_change_in_the_same_tick),
		TEST(test_hard_links_and_odd_times_are_fine),
		TEST(test_a_save_and_its_order_parse_once),
		TEST(test_a_change_of_the_defaults_counts_at_once),
		TEST(test_what_is_kept_is_not_changed_by_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
