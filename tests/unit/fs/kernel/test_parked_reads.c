/*
 * fs/kernel/parked_reads.h: each request gets exactly one reply, and no lock is held
 * during a reply or a call into the backend. The linker replaces the functions of libfuse
 * and the backend by those of this file.
 */
#include "tests/unit/locks.h"

#include "fs/kernel/fuse.h"
#include "fs/kernel/parked_reads.h"

#include "backend/media/store/view.h"

#include <sys/wait.h>

#define SMALL 4096
#define LARGE (1u << 20)
#define LIMIT 6 /* the smallest valid limit */
#define NO_REPLY 1

/* A request, as libfuse represents it. */
struct fuse_req {
	struct fuse_ctx context;
	fuse_interrupt_func_t interrupt;
	void *interrupt_context;
	unsigned replies;
	int result; /* the reply's: 0 or -errno */
};

static struct parked_reads *parked;
static struct media *const media = (struct media *)1;

/* Guarded by lock, except for data that only the test's own thread uses. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t replied = PTHREAD_COND_INITIALIZER;
static struct media_read *reads[LIMIT + 3];
static size_t read_count;
static unsigned users, sweeps;
static int park_result, view_result;

/* --- libfuse --- */

const struct fuse_ctx *__wrap_fuse_req_ctx(fuse_req_t request);
void __wrap_fuse_req_interrupt_func(fuse_req_t request, fuse_interrupt_func_t func,
				    void *context);
int __wrap_fuse_reply_err(fuse_req_t request, int error);
int __wrap_fuse_reply_iov(fuse_req_t request, const struct iovec *parts, int count);

const struct fuse_ctx *__wrap_fuse_req_ctx(fuse_req_t request)
{
	return &request->context;
}

void __wrap_fuse_req_interrupt_func(fuse_req_t request, fuse_interrupt_func_t func,
				    void *context)
{
	expect_unlocked();
	request->interrupt = func;
	request->interrupt_context = context;
}

static int take_reply(fuse_req_t request, int result)
{
	expect_unlocked();
	assert_null(request->interrupt);
	SCOPED_LOCK(&lock);

	request->replies++;
	request->result = result;
	pthread_cond_signal(&replied);
	return 0;
}

int __wrap_fuse_reply_err(fuse_req_t request, int error)
{
	return take_reply(request, -error);
}

int __wrap_fuse_reply_iov(fuse_req_t request, const struct iovec *parts, int count)
{
	(void)parts;
	(void)count;
	return take_reply(request, 0);
}

/* --- the backend --- */

void __wrap_backend_media_ref(struct backend *backend, struct media *opened);
void __wrap_backend_media_close(struct backend *backend, struct media *opened);
int __wrap_backend_media_view(struct backend *backend, struct media *opened,
			      uint64_t offset, size_t size, struct media_view *ret_view);
int __wrap_backend_media_park(struct backend *backend, struct media *opened,
			      uint64_t offset, size_t size, struct media_read *read);
void __wrap_backend_media_end_cancelled(struct backend *backend);

void __wrap_backend_media_ref(struct backend *backend, struct media *opened)
{
	(void)backend;
	expect_unlocked();
	assert_ptr_equal(opened, media);
	SCOPED_LOCK(&lock);
	users++;
}

void __wrap_backend_media_close(struct backend *backend, struct media *opened)
{
	(void)backend;
	expect_unlocked();
	assert_ptr_equal(opened, media);
	SCOPED_LOCK(&lock);
	users--;
	pthread_cond_signal(&replied);
}

int __wrap_backend_media_view(struct backend *backend, struct media *opened,
			      uint64_t offset, size_t size, struct media_view *ret_view)
{
	(void)backend;
	(void)opened;
	(void)offset;
	(void)size;
	expect_unlocked();
	*ret_view = (struct media_view){ 0 };
	ret_view->parts = ret_view->few_parts;
	ret_view->chunks = ret_view->few_chunks;
	SCOPED_LOCK(&lock);
	return view_result;
}

int __wrap_backend_media_park(struct backend *backend, struct media *opened,
			      uint64_t offset, size_t size, struct media_read *read)
{
	(void)backend;
	(void)opened;
	(void)offset;
	(void)size;
	expect_unlocked();
	SCOPED_LOCK(&lock);
	if (!park_result) {
		assert_true(read_count < sizeof(reads) / sizeof(*reads));
		reads[read_count++] = read;
		pthread_cond_signal(&replied);
	}
	return park_result;
}

void __wrap_backend_media_end_cancelled(struct backend *backend)
{
	(void)backend;
	expect_unlocked();
	SCOPED_LOCK(&lock);
	sweeps++;
}

/* --- the tests --- */

static int set_up(void **state)
{
	(void)state;
	forget_locks();
	read_count = 0;
	users = sweeps = 0;
	park_result = view_result = 0;
	if (parked_reads_create(NULL, &parked))
		return -1;
	return parked_reads_start(parked);
}

static int tear_down(void **state)
{
	(void)state;
	parked_reads_stop(parked);
	parked_reads_destroy(parked);
	assert_int_equal(users, 0);
	return 0;
}

static void add(struct fuse_req *request, size_t size)
{
	request->result = NO_REPLY;
	parked_reads_add(parked, request, media, 0, size);
}

/* Ends the read that was parked as number `at`, as the backend does. */
static void end(size_t at, int result)
{
	reads[at]->done(reads[at], result);
}

static void expect_one_reply(struct fuse_req *request, int result)
{
	SCOPED_LOCK(&lock);

	while (!request->replies || users)
		pthread_cond_wait(&replied, &lock);
	assert_int_equal(request->replies, 1);
	assert_int_equal(request->result, result);
}

static int cancelled(size_t at)
{
	return atomic_load(&reads[at]->cancelled);
}

static void test_each_end_is_one_reply(void **state)
{
	static const struct {
		size_t size;
		int result;
	} cases[] = { { SMALL, 0 },    { LARGE, 0 },	  { SMALL, -EIO },
		      { LARGE, -EIO }, { SMALL, -EINTR }, { LARGE, -ENOMEM } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fuse_req request = { 0 };

		add(&request, cases[i].size);
		assert_int_equal(request.replies, 0);
		assert_int_equal(users, 1);
		end(i, cases[i].result);
		expect_one_reply(&request, cases[i].result);
	}
}

static void test_what_cannot_be_parked_is_an_error_at_once(void **state)
{
	struct fuse_req request = { 0 };

	(void)state;
	park_result = -ENOMEM;
	add(&request, SMALL);
	expect_one_reply(&request, -ENOMEM);
}

static void test_bytes_that_are_gone_again_are_waited_for_again(void **state)
{
	static const size_t sizes[] = { SMALL, LARGE };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fuse_req request = { 0 };

		add(&request, sizes[i]);
		view_result = -EAGAIN;
		end(2 * i, 0);
		pthread_mutex_lock(&lock);
		while (read_count < 2 * i + 2)
			pthread_cond_wait(&replied, &lock);
		view_result = 0;
		pthread_mutex_unlock(&lock);
		assert_int_equal(request.replies, 0);
		end(2 * i + 1, 0);
		expect_one_reply(&request, 0);
	}
}

static void test_bytes_that_are_gone_at_the_end_are_an_error(void **state)
{
	static const size_t sizes[] = { SMALL, LARGE };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fuse_req request = { 0 };

		park_result = 0;
		add(&request, sizes[i]);
		view_result = -EAGAIN;
		park_result = -EIO; /* the backend has stopped */
		end(i, 0);
		expect_one_reply(&request, -EIO);
	}
}

static void test_an_interrupt_cancels_its_read(void **state)
{
	struct fuse_req requests[2] = { 0 };

	(void)state;
	add(&requests[0], SMALL);
	add(&requests[1], SMALL);
	requests[0].interrupt(&requests[0], requests[0].interrupt_context);
	assert_int_equal(sweeps, 1);
	assert_int_equal(cancelled(0), -EINTR);
	assert_int_equal(cancelled(1), 0);
	end(0, -EINTR);
	end(1, 0);
	expect_one_reply(&requests[0], -EINTR);
	expect_one_reply(&requests[1], 0);
}

/* Each surplus request ends another one, before the backend has ended any. */
static void test_the_oldest_end_when_there_are_too_many(void **state)
{
	struct fuse_req requests[LIMIT + 2] = { 0 };

	(void)state;
	parked_reads_set_limit(parked, 1);
	for (size_t i = 0; i < LIMIT; i++)
		add(&requests[i], SMALL);
	assert_int_equal(sweeps, 0);
	add(&requests[LIMIT], SMALL);
	assert_int_equal(sweeps, 1);
	assert_int_equal(cancelled(0), -EIO);
	assert_int_equal(cancelled(1), 0);
	add(&requests[LIMIT + 1], SMALL);
	assert_int_equal(sweeps, 2);
	assert_int_equal(cancelled(1), -EIO);
	assert_int_equal(cancelled(2), 0);
	for (size_t i = 0; i < LIMIT + 2; i++)
		end(i, cancelled(i));
	for (size_t i = 0; i < LIMIT + 2; i++)
		expect_one_reply(&requests[i], i < 2 ? -EIO : 0);
}

static pid_t make_zombie(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

static void test_readers_that_left_lose_their_reads(void **state)
{
	struct fuse_req requests[4] = { { .context.pid = make_zombie() },
					{ .context.pid = getpid() },
					{ .context.pid = 0 } };

	(void)state;
	requests[3].context.pid = requests[0].context.pid;
	for (size_t i = 0; i < 4; i++)
		add(&requests[i], SMALL);
	parked_reads_reap(parked);
	assert_true(sweeps >= 1); /* the replier checks, too */
	assert_int_equal(cancelled(0), -EIO);
	assert_int_equal(cancelled(1), 0);
	assert_int_equal(cancelled(2), 0); /* in another namespace: unknown */
	assert_int_equal(cancelled(3), -EIO);
	waitpid(requests[0].context.pid, NULL, 0);
	for (size_t i = 0; i < 4; i++)
		end(i, cancelled(i));
	for (size_t i = 0; i < 4; i++)
		expect_one_reply(&requests[i], i % 3 ? 0 : -EIO);
}

static void test_nobody_left_is_no_work_for_the_backend(void **state)
{
	struct fuse_req request = { .context.pid = getpid() };

	(void)state;
	add(&request, SMALL);
	parked_reads_reap(parked);
	assert_int_equal(sweeps, 0);
	end(0, 0);
	expect_one_reply(&request, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_end_is_one_reply),
		TEST(test_what_cannot_be_parked_is_an_error_at_once),
		TEST(test_bytes_that_are_gone_again_are_waited_for_again),
		TEST(test_bytes_that_are_gone_at_the_end_are_an_error),
		TEST(test_an_interrupt_cancels_its_read),
		TEST(test_the_oldest_end_when_there_are_too_many),
		TEST(test_readers_that_left_lose_their_reads),
		TEST(test_nobody_left_is_no_work_for_the_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
