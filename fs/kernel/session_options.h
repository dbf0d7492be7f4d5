/*
 * libfuse's own mount options. libfuse itself decides which ones it accepts, since that
 * differs between its versions.
 */
#ifndef SEEDANCEFS_FS_KERNEL_SESSION_OPTIONS_H
#define SEEDANCEFS_FS_KERNEL_SESSION_OPTIONS_H

#include <stdbool.h>

/* Some of these options, for --help and for spelling suggestions. NULL-terminated. */
extern const char *const session_option_names[];

/*
 * Whether libfuse accepts an option, given without escapes. False without memory. It
 * mounts nothing and prints nothing. Call it before threads exist: it silences libfuse's
 * log during the call.
 */
bool session_takes_option(const char *option);

#endif
