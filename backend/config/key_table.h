/*
 * The table of the configuration's keys. The reader of config.ini, the mount options,
 * --help and the tests of the documentation use it. Constant data; any thread.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_KEY_TABLE_H
#define SEEDANCEFS_BACKEND_CONFIG_KEY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a key may be set. */
enum config_place {
	CONFIG_MAIN_SECTION = 1,     /* config.ini, above the first section */
	CONFIG_PROVIDER_SECTION = 2, /* config.ini, in a [provider NAME] section */
	/*
	 * After -o. Every user of the machine can read a command line, so no secret
	 * allows it.
	 */
	CONFIG_MOUNT_OPTION = 4,
};

struct config_key {
	const char *name;
	unsigned places;	  /* bits of enum config_place */
	const char *value;	  /* the placeholder in a synopsis: "SECONDS" */
	const char *allowed;	  /* the allowed values, for messages; NULL: any text */
	const char *const *words; /* the allowed words of an enumeration; else NULL */
	const char *initial;	  /* the default in the user's notation; NULL: none */
	const char *help;	  /* one phrase, without a full stop */
	bool is_file; /* a relative path starts at the directory of config.ini */

	/* For backend/config/ only. */
	int (*set)(const struct config_key *key, void *field, const char *value);
	size_t field;	  /* offset in struct config or struct provider_section */
	int64_t least_ms; /* the minimum of a time */
};

#define CONFIG_KEYS_MOST 32

/* The n-th key in the order of the documentation; NULL after the last. */
const struct config_key *config_key_at(size_t n);
/* The key of this name; NULL if none of these places has it. */
const struct config_key *config_key_find(const char *name, unsigned places);
/* The names of the keys that these places have, NULL-terminated. Returns their number. */
size_t config_key_names(unsigned places, const char *ret_names[CONFIG_KEYS_MOST + 1]);

#endif
