/* The command line. */
#ifndef SEEDANCE_SIM_OPTIONS_H
#define SEEDANCE_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	uint16_t port, control_port; /* 0 = the kernel chooses */
	const char *books;	     /* NULL = a temporary directory */
	const char *key;	     /* NULL = any */
	int lifeline;		     /* -1 = none */
	int ready_fd;
	int64_t queue_ms, run_ms, link_seconds;
	unsigned renders;
	bool verbose;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/* Texts are borrowed from argv. Prints help, version and complaints. */
enum options_verdict options_parse(int argc, char *argv[], struct options *ret);

#endif
