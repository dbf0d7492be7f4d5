#include "backend/sim/options.h"

#include "backend/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>

enum {
	OPTION_PORT = 256,
	OPTION_CONTROL_PORT,
	OPTION_BOOKS,
	OPTION_KEY,
	OPTION_LIFELINE,
	OPTION_READY_FD,
	OPTION_QUEUE_MS,
	OPTION_RUN_MS,
	OPTION_LINK_SECONDS,
	OPTION_RENDERS,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "control-port", required_argument, NULL, OPTION_CONTROL_PORT },
	{ "books", required_argument, NULL, OPTION_BOOKS },
	{ "key", required_argument, NULL, OPTION_KEY },
	{ "lifeline", required_argument, NULL, OPTION_LIFELINE },
	{ "ready-fd", required_argument, NULL, OPTION_READY_FD },
	{ "queue-ms", required_argument, NULL, OPTION_QUEUE_MS },
	{ "run-ms", required_argument, NULL, OPTION_RUN_MS },
	{ "link-seconds", required_argument, NULL, OPTION_LINK_SECONDS },
	{ "renders", required_argument, NULL, OPTION_RENDERS },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: seedance-sim [options]\n"
	"Simulates video generation services on 127.0.0.1. No request leaves this "
	"machine.\n"
	"\n"
	"  --port N           where the services listen (default 0: any free port)\n"
	"  --control-port N   where tests give orders (default 0: any free port)\n"
	"  --books DIR        keep tasks and videos here (default: a temporary "
	"directory)\n"
	"  --key KEY          the bearer token that clients must send (default: any)\n"
	"  --lifeline FD      end when reading this descriptor gives end of file\n"
	"  --ready-fd FD      where to write \"port=N control=N\" when ready (default "
	"1)\n"
	"  --queue-ms N       shortest time in state queued (default 500)\n"
	"  --run-ms N         shortest time in state running (default 1500)\n"
	"  --link-seconds N   how long links to media live (default 86400)\n"
	"  --renders N        ffmpeg processes at a time, 1 to 64 (default 2)\n"
	"  --verbose          log every event\n"
	"  --help, --version\n"
	"\n"
	"A prompt with the word #fail, #moderation or #expire ends like that.\n";

static const char *option_name(int option)
{
	const struct option *entry = long_options;

	while (entry->name && entry->val != option)
		entry++;
	return entry->name ? entry->name : "?";
}

static int complain(int option)
{
	fprintf(stderr, "seedance-sim: bad value for --%s: %s\n", option_name(option),
		optarg);
	return -EINVAL;
}

static int parse_number(int option, int64_t least, int64_t most, int64_t *ret)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(optarg, &end, 10);
	if (errno || end == optarg || *end || number < least || number > most)
		return complain(option);
	*ret = number;
	return 0;
}

static int parse_port(int option, uint16_t *ret)
{
	int64_t number;
	int r = parse_number(option, 0, 65535, &number);

	if (!r)
		*ret = (uint16_t)number;
	return r;
}

/* The descriptor belongs to this process from now on: no ffmpeg inherits it. */
static int parse_descriptor(int option, int *ret)
{
	int64_t number;
	int r = parse_number(option, 0, INT_MAX, &number);

	if (r)
		return r;
	if (fcntl((int)number, F_SETFD, FD_CLOEXEC))
		return complain(option);
	*ret = (int)number;
	return 0;
}

static int parse_renders(int option, unsigned *ret)
{
	int64_t number;
	int r = parse_number(option, 1, 64, &number);

	if (!r)
		*ret = (unsigned)number;
	return r;
}

static int parse_text(int option, const char **ret)
{
	if (!*optarg)
		return complain(option);
	*ret = optarg;
	return 0;
}

static int parse_option(int option, struct options *options)
{
	switch (option) {
	case OPTION_PORT:
		return parse_port(option, &options->port);
	case OPTION_CONTROL_PORT:
		return parse_port(option, &options->control_port);
	case OPTION_BOOKS:
		return parse_text(option, &options->books);
	case OPTION_KEY:
		return parse_text(option, &options->key);
	case OPTION_LIFELINE:
		return parse_descriptor(option, &options->lifeline);
	case OPTION_READY_FD:
		return parse_descriptor(option, &options->ready_fd);
	case OPTION_QUEUE_MS:
		return parse_number(option, 0, INT_MAX, &options->queue_ms);
	case OPTION_RUN_MS:
		return parse_number(option, 0, INT_MAX, &options->run_ms);
	case OPTION_LINK_SECONDS:
		return parse_number(option, 0, INT_MAX, &options->link_seconds);
	case OPTION_RENDERS:
		return parse_renders(option, &options->renders);
	case OPTION_VERBOSE:
		options->verbose = true;
		return 0;
	default:
		return -EINVAL; /* getopt has printed the complaint */
	}
}

enum options_verdict options_parse(int argc, char *argv[], struct options *ret)
{
	struct options options = { .lifeline = -1,
				   .ready_fd = 1,
				   .queue_ms = 500,
				   .run_ms = 1500,
				   .link_seconds = 86400,
				   .renders = 2 };
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == OPTION_HELP || option == OPTION_VERSION) {
			fputs(option == OPTION_HELP ? help
						    : "seedance-sim " SEEDANCEFS_VERSION
						      "\n",
			      stdout);
			return OPTIONS_DONE;
		}
		if (parse_option(option, &options))
			return OPTIONS_WRONG;
	}
	if (optind < argc) {
		fprintf(stderr, "seedance-sim: unexpected argument: %s\n", argv[optind]);
		return OPTIONS_WRONG;
	}
	*ret = options;
	return OPTIONS_RUN;
}
