/*
 * seedance-sim: a simulator of video generation services on loopback. Threads: see sim.h.
 */
#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/sim/control/control.h"
#include "backend/sim/options.h"
#include "backend/sim/render/renderer.h"
#include "backend/sim/server/service.h"
#include "backend/sim/wires/wire.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define DESCRIPTORS_WANTED 4096

/* Everything that was opened; closed in reverse order. */
struct program {
	struct sim sim;
	struct books *books;
	struct renderers *renderers;
	struct http_handler service_handler, control_handler;
	struct http_server *service, *control;
	const char *wires[RECORDS_WIRES_MAX + 1]; /* the names of all formats */
};

static int fail(const char *what, int r)
{
	log_error("cannot start part=%s error=%s", what, strerror(-r));
	return r;
}

/* The signals that end the program arrive through a descriptor, in every thread. */
static int take_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A connection may need three: its socket, its file and the wait of a fault. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur =
		limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_home(struct program *program, const struct options *options)
{
	struct sim *sim = &program->sim;
	int r = home_open(options->books, &sim->home);

	if (r == -EBUSY)
		log_error("another simulator uses the books=%s", options->books);
	if (r)
		return fail("home", r);
	r = books_open(home_path(sim->home), &program->books);
	if (!r)
		r = books_key(program->books, sim->links.key);
	return r ? fail("books", r) : 0;
}

static int open_parts(struct program *program, const struct options *options)
{
	struct tasks_settings settings = { options->queue_ms, options->run_ms };
	struct sim *sim = &program->sim;
	int r;

	sim->key = options->key;
	sim->links.seconds = options->link_seconds;
	for (size_t i = 0; i < RECORDS_WIRES_MAX && wire_at(i); i++)
		program->wires[i] = wire_at(i)->name;
	r = records_create(program->wires, &sim->records);
	if (!r)
		r = variants_create(&sim->variants);
	if (!r)
		r = faults_create(&sim->faults);
	if (!r)
		r = tasks_create(&settings, sim->home, program->books, &sim->tasks);
	if (!r)
		r = renderers_create(sim->tasks, sim->home, options->renders,
				     &program->renderers);
	return r ? fail("tasks", r) : 0;
}

static int open_ports(struct program *program, const struct options *options)
{
	int r;

	program->service_handler = service_handler(&program->sim);
	program->control_handler = control_handler(&program->sim);
	r = http_server_open(&program->service_handler, options->port, &program->service);
	if (r)
		return fail("port", r);
	r = http_server_open(&program->control_handler, options->control_port,
			     &program->control);
	return r ? fail("control-port", r) : 0;
}

static int program_open(struct program *program, const struct options *options)
{
	int r = renderers_check();

	if (!r)
		r = open_home(program, options);
	if (!r)
		r = open_parts(program, options);
	return r ? r : open_ports(program, options);
}

/* Waiting threads are released first, so that every thread can end. */
static void program_close(struct program *program)
{
	struct sim *sim = &program->sim;

	if (sim->faults)
		faults_end(sim->faults);
	if (sim->records)
		records_end(sim->records);
	if (sim->tasks)
		tasks_end(sim->tasks);
	renderers_destroy(program->renderers);
	http_server_close(program->service);
	http_server_close(program->control);
	tasks_destroy(sim->tasks);
	faults_destroy(sim->faults);
	records_destroy(sim->records);
	variants_destroy(sim->variants);
	books_close(program->books);
	home_close(sim->home);
}

static int tell_ready(const struct program *program, int fd)
{
	if (dprintf(fd, "port=%u control=%u\n", http_server_port(program->service),
		    http_server_port(program->control)) < 0)
		return fail("ready-fd", -errno);
	return 0;
}

static bool has_ended(int lifeline)
{
	char bytes[64];
	ssize_t n = read(lifeline, bytes, sizeof(bytes));

	return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

static void wait_for_end(int signals, int lifeline)
{
	struct pollfd polled[] = { { .fd = signals, .events = POLLIN },
				   { .fd = lifeline, .events = POLLIN } };

	for (;;) {
		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			return;
		if (polled[0].revents)
			return;
		if (polled[1].revents && has_ended(lifeline))
			return;
	}
}

static int run(const struct options *options)
{
	CLEANUP(program_close) struct program program = { .service = NULL };
	AUTOCLOSE int signals = take_signals();
	int r = signals < 0 ? signals : program_open(&program, options);

	if (!r)
		r = tell_ready(&program, options->ready_fd);
	if (!r)
		wait_for_end(signals, options->lifeline);
	return r;
}

int main(int argc, char *argv[])
{
	struct options options;

	switch (options_parse(argc, argv, &options)) {
	case OPTIONS_DONE:
		return 0;
	case OPTIONS_WRONG:
		return 2;
	default:
		break;
	}
	raise_descriptor_limit();
	log_set_level(options.verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
	return run(&options) ? 1 : 0;
}
