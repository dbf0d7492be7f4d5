#include "backend/sim/render/child.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define EXIT_NOT_STARTED 127
#define CPU_SECONDS_MAX 600

void child_init(struct child *child)
{
	*child = (struct child){ .pid = 0 };
	pthread_mutex_init(&child->lock, NULL);
}

void child_clear(struct child *child)
{
	pthread_mutex_destroy(&child->lock);
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_streams(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
}

/* Between fork and exec: only async-signal-safe calls. */
static void become(pid_t parent, const char *directory, char *const arguments[])
{
	struct rlimit limit = { CPU_SECONDS_MAX, CPU_SECONDS_MAX };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_NOT_STARTED); /* the parent died before the child could
					  * watch it */
	setrlimit(RLIMIT_CPU, &limit);
	reset_signals();
	close_streams();
	close_range(3, ~0u, 0);
	if (chdir(directory) == 0)
		execvp(arguments[0], arguments);
	_exit(EXIT_NOT_STARTED);
}

static int start(struct child *child, const char *directory, char *const arguments[])
{
	SCOPED_LOCK(&child->lock);
	pid_t parent = getpid(), pid;

	if (child->is_killed)
		return -EINTR;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(parent, directory, arguments);
	child->pid = pid;
	return 0;
}

/*
 * The child stays a zombie until its pid is cleared here, so that child_kill() never hits
 * another process.
 */
static int reap(struct child *child)
{
	siginfo_t ended;
	int status;

	while (waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOWAIT))
		if (errno != EINTR)
			return -errno;
	SCOPED_LOCK(&child->lock);
	waitpid(child->pid, &status, 0);
	child->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

int child_run(struct child *child, const char *directory, char *const arguments[])
{
	int r = start(child, directory, arguments);

	return r ? r : reap(child);
}

void child_kill(struct child *child)
{
	SCOPED_LOCK(&child->lock);

	child->is_killed = true;
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}
