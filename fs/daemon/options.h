/*
 * The command line.
 */
#ifndef SEEDANCEFS_FS_DAEMON_OPTIONS_H
#define SEEDANCEFS_FS_DAEMON_OPTIONS_H

#include "backend/config/config.h"

#include <stdbool.h>

struct options {
	char *library;	   /* absolute */
	char *mount_point; /* absolute */
	char *config_path; /* absolute */
	bool config_is_named;
	bool is_foreground, is_debug, is_single_threaded;
	bool wants_help, wants_version;
	char *fuse; /* the options that are FUSE's own, as libfuse writes a list; or NULL
		     */
	char **settings; /* "key=value" of the main section */
	size_t setting_count;
};

/*
 * Reads the arguments. 0, or -EINVAL with a whole line for people in *ret_error (free()
 * it). options_clear() in any case.
 */
int options_parse(int argc, char **argv, struct options *ret_options, char **ret_error);
void options_clear(struct options *options);

/* Loads the configuration that the options name, with the settings among them on top. */
int options_load_config(const struct options *options, struct config **ret_config,
			char **ret_error);

extern const char options_usage[];

#endif
