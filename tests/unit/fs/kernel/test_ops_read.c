/*
 * fs/kernel/ops_read.c: which text a reader of `status` gets. No lock is held while the
 * text is rendered and the reply is sent.
 */
#include "tests/unit/locks.h"

#include "fs/announce/announce.h"
#include "fs/kernel/ops.h"
#include "fs/view/status_file.h"

static struct filesystem fs;
static struct node node = { .is_virtual = true, .kind = VIRTUAL_STATUS };
static struct handle handle;
static struct fuse_file_info info;
static const char *status; /* the task's current text */
static unsigned renderings;
static char reply[64];

void *__wrap_fuse_req_userdata(fuse_req_t request);
int __wrap_fuse_reply_buf(fuse_req_t request, const char *bytes, size_t size);
unsigned __wrap_announce_changes(struct announce *announce, uint64_t number);
char *__wrap_status_file_text(struct filesystem *of, uint64_t number);

void *__wrap_fuse_req_userdata(fuse_req_t request)
{
	(void)request;
	return &fs;
}

int __wrap_fuse_reply_buf(fuse_req_t request, const char *bytes, size_t size)
{
	(void)request;
	expect_unlocked();
	snprintf(reply, sizeof(reply), "%.*s", (int)size, bytes ? bytes : "");
	return 0;
}

unsigned __wrap_announce_changes(struct announce *announce, uint64_t number)
{
	(void)announce;
	(void)number;
	expect_unlocked();
	return 0;
}

char *__wrap_status_file_text(struct filesystem *of, uint64_t number)
{
	(void)of;
	(void)number;
	expect_unlocked();
	renderings++;
	return strdup(status);
}

static int set_up(void **state)
{
	(void)state;
	forget_locks();
	handle = (struct handle){ .node = &node, .fd = -1 };
	pthread_mutex_init(&handle.lock, NULL);
	info.fh = (uintptr_t)&handle;
	renderings = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(handle.text);
	pthread_mutex_destroy(&handle.lock);
	return 0;
}

static void expect_read(off_t offset, size_t size, const char *wanted)
{
	op_read(NULL, 0, size, offset, &info);
	assert_string_equal(reply, wanted);
}

static void test_a_reader_goes_on_with_the_text_that_it_began(void **state)
{
	(void)state;
	status = "queued\n";
	expect_read(0, 4, "queu");
	status = "running\n";
	expect_read(4, 60, "ed\n");
	expect_read(7, 60, "");
	assert_int_equal(renderings, 1);
}

static void test_a_reader_that_reads_on_after_the_end_gets_what_was_added(void **state)
{
	(void)state;
	status = "a\n";
	expect_read(0, 60, "a\n");
	status = "a\nb\n";
	expect_read(2, 60, "");
	expect_read(2, 60, "b\n");
	assert_int_equal(renderings, 2);
}

static void test_a_reader_that_begins_again_gets_the_new_text(void **state)
{
	(void)state;
	status = "queued\n";
	expect_read(0, 60, "queued\n");
	status = "running\n";
	expect_read(0, 60, "running\n");
	assert_int_equal(renderings, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_reader_goes_on_with_the_text_that_it_began, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_reader_that_reads_on_after_the_end_gets_what_was_added,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_reader_that_begins_again_gets_the_new_text, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
