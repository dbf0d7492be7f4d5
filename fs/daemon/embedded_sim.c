#include "fs/daemon/embedded_sim.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "seedance-sim"
#define START_MS 15000
#define STOP_MS 3000
#define STEP_MS 10

/* Whether the simulator inherits a variable. It gets no key of a service. */
static bool is_given(const char *variable)
{
	static const char *const names[] = {
		"PATH=",	 "HOME=",	  "TMPDIR=",	   "LD_LIBRARY_PATH=",
		"ASAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS="
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_starts_with(variable, names[i]))
			return true;
	return false;
}

static void reduce_environment(void)
{
	char **kept = environ;

	for (char **at = environ; at && *at; at++)
		if (is_given(*at))
			*kept++ = *at;
	if (kept)
		*kept = NULL;
}

/* In the child. The two descriptors survive exec; all others are close-on-exec. */
__attribute__((noreturn)) static void run_child(const char *program, const char *books,
						int lifeline, int ready, int log)
{
	char lifeline_text[16], ready_text[16];
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(nowhere, 0);
	dup2(nowhere, 1);
	dup2(log, 2);

	fcntl(lifeline, F_SETFD, 0);
	fcntl(ready, F_SETFD, 0);
	snprintf(lifeline_text, sizeof(lifeline_text), "%d", lifeline);
	snprintf(ready_text, sizeof(ready_text), "%d", ready);
	reduce_environment();
	setpgid(0, 0); /* Ctrl-C is for the daemon, which ends the simulator */
	execlp(program, PROGRAM, "--books", books, "--lifeline", lifeline_text,
	       "--ready-fd", ready_text, (char *)NULL);
	_exit(127);
}

/* Reads the line "port=N control=M". 0 or -EIO. */
static int read_ready(int fd, unsigned *ret_port, unsigned *ret_control)
{
	int64_t until_ms = clock_boot_ms() + START_MS;
	char line[128];
	size_t used = 0;

	while (used < sizeof(line) - 1) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		int64_t left_ms = until_ms - clock_boot_ms();
		ssize_t got;

		if (left_ms <= 0 || poll(&wait, 1, (int)left_ms) < 0)
			return -EIO;
		got = wait.revents ? read(fd, line + used, sizeof(line) - 1 - used) : 0;
		if (got <= 0)
			return -EIO;
		used += (size_t)got;
		line[used] = '\0';
		if (strchr(line, '\n'))
			return sscanf(line, "port=%u control=%u", ret_port,
				      ret_control) == 2
				       ? 0
				       : -EIO;
	}
	return -EIO;
}

static int spawn(const char *library_path, int log, struct embedded_sim *simulator,
		 int *ret_ready)
{
	AUTOFREE char *program = program_beside(PROGRAM);
	AUTOFREE char *books = text_format("%s/simulator", library_path);
	int lifeline[2], ready[2];

	if (!program || !books || pipe2(lifeline, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(ready, O_CLOEXEC) < 0) {
		close(lifeline[0]);
		close(lifeline[1]);
		return -errno;
	}
	simulator->pid = fork();
	if (simulator->pid == 0)
		run_child(program, books, lifeline[0], ready[1], log);
	close(lifeline[0]);
	close(ready[1]);
	simulator->lifeline = lifeline[1];
	*ret_ready = ready[0];
	return simulator->pid < 0 ? -errno : 0;
}

int embedded_sim_start(const char *library_path, int log,
		       struct embedded_sim *ret_simulator, char **ret_error)
{
	AUTOCLOSE int ready = -1;
	unsigned port = 0, control = 0;

	*ret_simulator = (struct embedded_sim){ .pid = -1, .lifeline = -1 };
	if (spawn(library_path, log, ret_simulator, &ready) ||
	    read_ready(ready, &port, &control)) {
		embedded_sim_stop(ret_simulator);
		return text_fail(ret_error, -EIO,
				 "no provider is configured, and the simulator (" PROGRAM
				 ") cannot be started; check that it is installed next "
				 "to seedancefs");
	}
	ret_simulator->url = text_format("http://127.0.0.1:%u", port);
	log_info("event=simulator port=%u control=%u note=\"no provider is configured, "
		 "nothing is billed\"",
		 port, control);
	return ret_simulator->url ? 0 : -ENOMEM;
}

static bool has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

void embedded_sim_stop(struct embedded_sim *simulator)
{
	int64_t until_ms = clock_boot_ms() + STOP_MS;

	cleanup_close(&simulator->lifeline);
	simulator->lifeline = -1;
	while (simulator->pid > 0 && !has_ended(simulator->pid)) {
		if (clock_boot_ms() > until_ms) {
			kill(simulator->pid, SIGKILL);
			waitpid(simulator->pid, NULL, 0);
			break;
		}
		poll(NULL, 0, STEP_MS);
	}
	simulator->pid = -1;
	free(simulator->url);
	simulator->url = NULL;
}
