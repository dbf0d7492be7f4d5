/*
 * The mount options that are libfuse's own. libfuse itself decides which ones it takes:
 * that differs between its versions.
 */
#ifndef SEEDANCEFS_FS_KERNEL_SESSION_OPTIONS_H
#define SEEDANCEFS_FS_KERNEL_SESSION_OPTIONS_H

#include <stdbool.h>

/* Some of them, for --help and for the nearest spelling; NULL-terminated. */
extern const char *const session_option_names[];

/*
 * Whether libfuse takes an option, which is given without escapes; false without memory.
 * Mounts nothing and prints nothing. Before threads: it silences libfuse's log meanwhile.
 */
bool session_takes_option(const char *option);

#endif
