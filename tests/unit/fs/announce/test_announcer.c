/* fs/announce/announcer.h: how it ends when a daemon no longer answers. */
#include "tests/unit/unit.h"

#include "fs/announce/announcer.h"
#include "fs/kernel/fuse.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 20
#define FILE_ID 2

/* A mount that answers everything except closing a file, which cannot be killed. */
struct silent {
	char mount_point[32];
	struct announcer announcer;
	struct fuse_session *session;
	pthread_t thread;
	sem_t is_asked;
	fuse_req_t unanswered;
};

static struct fuse_entry_param entry_of(fuse_ino_t id, mode_t mode)
{
	return (struct fuse_entry_param){ .ino = id,
					  .attr = { .st_ino = id,
						    .st_mode = mode,
						    .st_nlink = 1,
						    .st_uid = geteuid() } };
}

static void op_getattr(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct fuse_entry_param entry =
		entry_of(id, id == FUSE_ROOT_ID ? S_IFDIR | 0700 : S_IFREG | 0600);

	(void)info;
	fuse_reply_attr(request, &entry.attr, 0);
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	fuse_reply_err(request, ENOENT);
}

static void op_create(fuse_req_t request, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *info)
{
	struct fuse_entry_param entry = entry_of(FILE_ID, S_IFREG | 0600);

	(void)parent;
	(void)name;
	(void)mode;
	fuse_reply_create(request, &entry, info);
}

static void op_flush(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *info)
{
	struct silent *silent = fuse_req_userdata(request);

	(void)id;
	(void)info;
	silent->unanswered = request;
	sem_post(&silent->is_asked);
}

static void *serve(void *context)
{
	struct silent *silent = context;

	fuse_session_loop(silent->session);
	return NULL;
}

static void wake(int signal)
{
	(void)signal;
}

static void clear_silent(struct silent *silent)
{
	announcer_stop(&silent->announcer);
	sem_destroy(&silent->is_asked);
	rmdir(silent->mount_point);
}

/* Exits with 77 if the machine has no FUSE. */
static int open_silent(struct silent *silent)
{
	static const struct fuse_lowlevel_ops operations = { .lookup = op_lookup,
							     .getattr = op_getattr,
							     .create = op_create,
							     .flush = op_flush };
	const char *arguments[] = { "silent", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, (char **)arguments);
	struct sigaction action = { .sa_handler = wake };

	*silent = (struct silent){ .mount_point = "/tmp/announcer-XXXXXX" };
	sem_init(&silent->is_asked, 0, 0);
	sigaction(SIGUSR1, &action, NULL);
	assert_non_null(mkdtemp(silent->mount_point));
	assert_int_equal(announcer_start(silent->mount_point, &silent->announcer), 0);
	silent->session =
		fuse_session_new(&args, &operations, sizeof(operations), silent);
	fuse_opt_free_args(&args);
	assert_non_null(silent->session);
	if (fuse_session_mount(silent->session, silent->mount_point)) {
		fuse_session_destroy(silent->session);
		clear_silent(silent);
		return 77;
	}
	return pthread_create(&silent->thread, NULL, serve, silent);
}

/* Ends the worker threads, as a stopping daemon does. */
static void end_workers(struct silent *silent)
{
	fuse_session_exit(silent->session);
	do {
		pthread_kill(silent->thread, SIGUSR1);
		poll(NULL, 0, 10);
	} while (pthread_tryjoin_np(silent->thread, NULL));
	fuse_reply_none(silent->unanswered);
}

static void close_silent(struct silent *silent)
{
	fuse_session_unmount(silent->session);
	fuse_session_destroy(silent->session);
}

static void give(struct silent *silent, enum announcement what)
{
	struct announcer_job job = { .id = 1, .what = what };

	assert_int_equal(announcer_identify(silent->mount_point, &job.mounted), 0);
	strcpy(job.names + 1, "status"); /* in the root */
	assert_true(send(silent->announcer.socket, &job,
			 offsetof(struct announcer_job, names) + sizeof("status") + 1,
			 0) > 0);
}

static void test_one_that_waits_for_ever_holds_up_nobody(void **state)
{
	struct silent silent;
	struct timespec until;
	int r = open_silent(&silent);

	(void)state;
	if (r == 77)
		skip();
	assert_int_equal(r, 0);
	give(&silent, ANNOUNCE_BEGIN);
	give(&silent, ANNOUNCE_APPEARS);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	assert_int_equal(sem_timedwait(&silent.is_asked, &until), 0);
	end_workers(&silent);
	alarm(PATIENCE_S); /* a failure would hang forever */
	assert_false(announcer_end(&silent.announcer));
	assert_true(silent.announcer.pid > 0);
	close_silent(&silent);
	clear_silent(&silent);
	assert_int_equal(silent.announcer.pid, -1);
	alarm(0);
}

static void test_one_that_has_nothing_to_do_ends_at_once(void **state)
{
	struct announcer announcer;

	(void)state;
	assert_int_equal(announcer_start("/", &announcer), 0);
	assert_true(announcer_end(&announcer));
	assert_int_equal(announcer.pid, -1);
	assert_true(announcer_end(&announcer));
	announcer_stop(&announcer);
}

static void test_a_frozen_one_is_killed(void **state)
{
	struct announcer announcer;

	(void)state;
	assert_int_equal(announcer_start("/", &announcer), 0);
	kill(announcer.pid, SIGSTOP);
	assert_true(announcer_end(&announcer));
	assert_int_equal(announcer.pid, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_waits_for_ever_holds_up_nobody),
		cmocka_unit_test(test_one_that_has_nothing_to_do_ends_at_once),
		cmocka_unit_test(test_a_frozen_one_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
