/* seedancefs: parses the command line, sets up, runs, tears down. */
#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "fs/announce/announce.h"
#include "fs/daemon/allow_other.h"
#include "fs/daemon/background.h"
#include "fs/daemon/filesystem_setup.h"
#include "fs/daemon/library.h"
#include "fs/daemon/mount_point.h"
#include "fs/kernel/ops.h"
#include "fs/daemon/options.h"
#include "fs/daemon/usage.h"
#include "fs/kernel/parked_reads.h"
#include "fs/order/settle.h"
#include "fs/daemon/embedded_sim.h"
#include "fs/thumbnails/thumbnails.h"
#include "fs/tree/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define WALK_LOOK_MS 100 /* the delay until a signal is noticed */
#define WORKERS_MOST 10
#define READ_AHEAD_KIB 1024

/* Everything that a mount consists of, in the order of its set-up. */
struct program {
	struct options options;
	char *mount_point;
	struct config *config;
	struct library library;
	struct background daemon;
	struct announcer announcer;
	struct mount_identity mounted; /* zeros: unknown */
	struct embedded_sim simulator;
	struct backend *backend;
	struct filesystem *fs;
	struct fuse_session *session;
	bool is_mounted, has_handlers;
	char *error;
};

static int complain(struct program *program, int r)
{
	fprintf(stderr, "seedancefs: %s\n",
		program->error ? program->error : strerror(-r));
	return r;
}

/* Refuses a path inside the mount point: the mount would hide it. */
static int check_outside(struct program *program, const char *what, const char *path)
{
	if (!path_lies_inside(path, program->mount_point))
		return 0;
	program->error =
		text_format("the %s %s is inside the mount point %s, which would hide "
			    "it; move it, or choose another mount point",
			    what, path, program->mount_point);
	return -EINVAL;
}

/*
 * The library, the configuration, its keys and the mount point must not be inside each
 * other.
 */
static int check_places(struct program *program)
{
	int r = check_outside(program, "library", program->options.library);

	if (!r)
		r = check_outside(program, "configuration", program->options.config_path);
	for (size_t i = 0; !r && i < program->config->section_count; i++)
		if (program->config->sections[i].key_source.file)
			r = check_outside(program, "key file",
					  program->config->sections[i].key_source.file);
	if (r || !path_lies_inside(program->mount_point, program->options.library))
		return r;
	program->error = text_format(
		"the mount point %s is inside the library %s; choose another mount point",
		program->mount_point, program->options.library);
	return -EINVAL;
}

/* Checks everything that the user can get wrong, before anything is created. */
static int prepare(struct program *program)
{
	int r = options_load_config(&program->options, &program->config, &program->error);

	if (!r)
		r = allow_other_check(program->options.lets_in, geteuid(),
				      "/etc/fuse.conf", &program->error);
	if (!r)
		r = mount_point_prepare(program->options.mount_point,
					&program->mount_point, &program->error);
	return r ? r : check_places(program);
}

static int finish_config(struct program *program, int log)
{
	int r = 0;

	if (config_needs_simulator(program->config))
		r = embedded_sim_start(program->library.path, log, &program->simulator,
				       &program->error);
	return r ? r
		 : config_finish(program->config, program->simulator.url,
				 &program->error);
}

static void is_ready(void *context)
{
	struct program *program = context;

	if (program->mounted.device)
		mount_point_read_ahead(program->mounted.device, READ_AHEAD_KIB);
	log_info("event=mounted");
	if (program->options.is_foreground) {
		printf("seedancefs: %s is mounted; unmount it with umount or Ctrl-C\n",
		       program->mount_point);
		fflush(stdout);
	}
	background_ready(&program->daemon);
}

/*
 * The mount options in libfuse's syntax. The library's path is escaped, so that it cannot
 * add options. NULL: no memory.
 */
static char *session_options(const struct program *program)
{
	AUTOFREE char *name = text_format("fsname=%s", program->library.path);
	AUTOFREE char *list = NULL;

	if (!name || fuse_opt_add_opt_escaped(&list, name) ||
	    fuse_opt_add_opt(&list, "subtype=" MOUNT_SUBTYPE ",default_permissions") ||
	    (program->options.fuse && fuse_opt_add_opt(&list, program->options.fuse)))
		return NULL;
	return TAKE(list);
}

static int open_session(struct program *program)
{
	AUTOFREE char *list = session_options(program);
	const char *arguments[] = { "seedancefs", "-o", list,
				    program->options.is_debug ? "-d" : NULL, NULL };
	struct fuse_args args =
		FUSE_ARGS_INIT(program->options.is_debug ? 4 : 3, (char **)arguments);

	if (!list)
		return -ENOMEM;
	program->session =
		fuse_session_new(&args, ops_table(), sizeof(*ops_table()), program->fs);
	fuse_opt_free_args(&args);
	if (!program->session) {
		program->error =
			strdup("FUSE rejected the mount options; see seedancefs --help");
		return -EINVAL;
	}
	if (fuse_set_signal_handlers(program->session))
		return -EIO;
	program->has_handlers = true;
	return 0;
}

/*
 * Folders stay inaccessible until the tasks that they belong to are known. A signal ends
 * the wait.
 */
static void wait_for_walk(struct program *program)
{
	while (!fuse_session_exited(program->session) &&
	       !settler_wait_walk(program->fs->settler, WALK_LOOK_MS))
		continue;
}

/* Called right after the mount, when the topmost mount there is ours. */
static int start_announcements(struct program *program)
{
	if (announcer_identify(program->mount_point, &program->mounted))
		log_warn("event=mount_not_identified note=\"change notifications are off "
			 "until the next mount\"");
	return announce_start(program->fs->announce, &program->announcer,
			      &program->mounted);
}

static int start(struct program *program)
{
	struct backend_events events = filesystem_events(&program->fs);
	int r = backend_create(program->config, program->library.path,
			       program->library.media, &events, &program->backend);

	if (r) {
		program->error =
			text_format("cannot open the ledger %s/ledger.sqlite3: %s",
				    program->library.path, strerror(-r));
		return r;
	}
	r = filesystem_create(program->backend, program->library.fd, program->mount_point,
			      &program->fs);
	if (!r)
		r = open_session(program);
	if (r)
		return r;
	program->fs->ready = is_ready;
	program->fs->ready_context = program;
	if (fuse_session_mount(program->session, program->mount_point)) {
		program->error = text_format("cannot mount on %s", program->mount_point);
		return -EIO;
	}
	program->is_mounted = true;
	r = start_announcements(program);
	if (!r)
		r = backend_start(program->backend);
	if (!r)
		r = parked_reads_start(program->fs->parked);
	if (!r)
		r = settler_start(program->fs->settler);
	if (!r)
		r = thumbnails_start(program->fs->thumbnails);
	if (!r && backend_was_copied(program->backend))
		wait_for_walk(program);
	return r;
}

static void run(struct program *program)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	if (program->options.is_single_threaded || !config) {
		r = fuse_session_loop(program->session);
	} else {
		fuse_loop_cfg_set_max_threads(config, WORKERS_MOST);
		r = fuse_session_loop_mt(program->session, config);
	}
	if (config)
		fuse_loop_cfg_destroy(config);
	if (r < 0 && r != -ECONNABORTED) /* a mount that ended during a request */
		log_error("event=session_failed reason=\"%s\"", strerror(-r));
	log_info("event=ending");
}

/*
 * Parked reads are answered before the session ends. After that, no request can arrive.
 */
static void tear_down(struct program *program)
{
	if (program->fs)
		settler_stop(program->fs->settler);
	if (program->fs)
		thumbnails_stop(program->fs->thumbnails);
	if (program->backend)
		backend_stop(program->backend);
	if (program->fs)
		parked_reads_stop(program->fs->parked);
	if (program->fs)
		announce_stop(program->fs->announce);
	announcer_let_go(&program->announcer);
	if (program->has_handlers)
		fuse_remove_signal_handlers(program->session);
	if (program->is_mounted)
		fuse_session_unmount(program->session);
	if (program->session)
		fuse_session_destroy(program->session);
	announcer_stop(&program->announcer);
	filesystem_destroy(program->fs);
	backend_destroy(program->backend);
	embedded_sim_stop(&program->simulator);
	config_destroy(program->config);
	library_close(&program->library);
	options_clear(&program->options);
	free(program->mount_point);
	free(program->error);
}

static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int set_up(struct program *program)
{
	int r = prepare(program), log;

	if (!r && !program->options.is_foreground)
		r = background_begin(&program->daemon);
	if (!r) /* forked before there is anything that it could hold open */
		r = announcer_start(program->mount_point, &program->announcer);
	if (!r)
		r = library_open(program->options.library, &program->library,
				 &program->error);
	if (r)
		return r;
	log = program->options.is_foreground ? 2 : library_open_log(&program->library);
	if (log >= 0)
		log_set_fd(log);
	if (program->options.is_debug)
		log_set_level(LOG_LEVEL_DEBUG);
	raise_limits();
	umask(0); /* modes come from the callers; their own umask is applied to each */
	r = finish_config(program, log < 0 ? 2 : log);
	return r ? r : start(program);
}

static int print_usage(void)
{
	AUTOFREE char *text = usage_text();

	if (!text)
		return -ENOMEM;
	fputs(text, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct program program = { .library = { .fd = -1, .media = -1, .lock = -1 },
				   .daemon = { .ready = -1 },
				   .announcer = { .pid = -1, .socket = -1 },
				   .simulator = { .pid = -1, .lifeline = -1 } };
	int r = options_parse(argc, argv, &program.options, &program.error);

	if (!r && program.options.wants_help) {
		r = print_usage();
	} else if (!r && program.options.wants_version) {
		puts("seedancefs " SEEDANCEFS_VERSION);
	} else {
		if (!r)
			r = set_up(&program);
		if (r)
			complain(&program, r);
		else
			run(&program);
	}
	tear_down(&program);
	return r ? 1 : 0;
}
