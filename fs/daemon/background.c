#include "fs/daemon/background.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

/* Waits until the child is ready, or ends. */
__attribute__((noreturn)) static void wait_for_child(int ready, pid_t child)
{
	char word;
	int status;
	ssize_t got;

	do {
		got = read(ready, &word, 1);
	} while (got < 0 && errno == EINTR);
	if (got == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			_exit(1);
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

int background_begin(struct background *ret_daemon)
{
	int ready[2];
	pid_t child;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (child) {
		close(ready[1]);
		wait_for_child(ready[0], child);
	}
	close(ready[0]);
	setsid();
	ret_daemon->ready = ready[1];
	return 0;
}

void background_ready(struct background *daemon)
{
	AUTOCLOSE int nowhere = -1;

	if (daemon->ready < 0)
		return;
	nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nowhere >= 0)
		for (int fd = 0; fd < 3; fd++)
			dup2(nowhere, fd);
	if (chdir("/") < 0 || write(daemon->ready, "r", 1) < 0)
		log_warn("event=parent_gone"); /* the parent was killed */
	close(daemon->ready);
	daemon->ready = -1;
}
