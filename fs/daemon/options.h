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
	char *fuse;	     /* libfuse's own options, as a list in its syntax; or NULL */
	const char *lets_in; /* "allow_other" or "allow_root", if given; or NULL */
	struct setting {
		const struct config_key *key;
		char *value;
	} * settings; /* configuration keys */
	size_t setting_count;
};

/*
 * Reads the arguments. 0, or -EINVAL with a complete message in *ret_error (free() it).
 * Call options_clear() in any case. Call it before threads exist.
 */
int options_parse(int argc, char **argv, struct options *ret_options, char **ret_error);
void options_clear(struct options *options);

/* Loads the configuration file, applies the settings, and checks the result. */
int options_load_config(const struct options *options, struct config **ret_config,
			char **ret_error);

#endif
