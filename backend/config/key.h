/*
 * Where an account's key comes from: the environment, a file that only its owner reads, a
 * command, or a credential of systemd. For config.c.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_KEY_H
#define SEEDANCEFS_BACKEND_CONFIG_KEY_H

#include "backend/config/config.h"

/* What a section says of it; at most one is set, none: the service's usual variable. */
struct key_source {
	char *env, *file, *command, *credential;
};

/*
 * Sets the section's key and key_name. Returns 0 (a usual variable that is not set is no
 * error: the service will say that a key is missing), -EINVAL with a line for people in
 * *ret_error, or -ENOMEM.
 */
int key_fetch(struct provider_section *section, const struct key_source *source,
	      char **ret_error);

#endif
