/*
 * The command line.
 */
#ifndef SEEDANCEFS_FS_DAEMON_OPTIONS_H
#define SEEDANCEFS_FS_DAEMON_OPTIONS_H

#include "backend/backend.h"

#include <stdbool.h>

struct options {
	char *library;	   /* absolute */
	char *mount_point; /* absolute */
	char *config_path; /* absolute */
	bool config_is_named;
	bool is_foreground, is_debug, is_single_threaded;
	bool wants_help, wants_version;
	char *fuse; /* libfuse's own options, as libfuse writes a list; or NULL */
	const char *lets_in; /* "allow_other" or "allow_root" among them; or NULL */
	struct setting {
		const struct config_key *key;
		char *value;
	} * settings; /* keys of the configuration */
	size_t setting_count;
};

/*
 * Reads the arguments. 0, or -EINVAL with a whole line for people in *ret_error (free()
 * it). options_clear() in any case. Before threads.
 */
int options_parse(int argc, char **argv, struct options *ret_options, char **ret_error);
void options_clear(struct options *options);

/* Loads the configuration that the options name, sets the settings, and checks all. */
int options_load_config(const struct options *options, struct config **ret_config,
			char **ret_error);

#endif
