/*
 * What the files of backend/config/ share. Errors: 0, -EINVAL with a line for people in
 * *ret_error (free() it), or -ENOMEM.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_CONFIG_INTERNAL_H
#define SEEDANCEFS_BACKEND_CONFIG_CONFIG_INTERNAL_H

#include "backend/config/config.h"

/* "; did you mean "X"?" at the end of a message's format, and its arguments. NULL: nothing. */
#define DID_YOU_MEAN "%s%s%s"
#define NEAREST(near) \
	(near) ? "; did you mean \"" : "", (near) ? (near) : "", (near) ? "\"?" : ""

#define SECTION_NAMES_MAX_BYTES 2048 /* as messages list them */

/* Sets one key; `owner` is the struct config or struct provider_section that has it. */
int config_assign(void *owner, const struct config_key *key, const char *value,
		  char **ret_error);

/* The index of a section of this name, which is added if it is missing. */
int config_add_section(struct config *config, const char *name, size_t *ret_index,
		       char **ret_error);
/* The names of all sections, for a message; and the one nearest to a name, or NULL. */
struct buffer;
const char *config_list_sections(const struct config *config, const char *name,
				 struct buffer *list);

/* Reads config.ini into the configuration. -errno of reading, besides. */
int ini_file_read(struct config *config, bool is_required, char **ret_error);

/* Refuses more than one source. */
int key_source_check(const struct provider_section *section, char **ret_error);
/*
 * Sets the section's key and key_name. A usual variable that is not set is no error: the
 * service reports that a key is missing.
 */
int key_source_fetch(struct provider_section *section, char **ret_error);
/* Removes from the environment what key_source_fetch() read there. */
void key_source_wipe(const struct provider_section *section);
void key_source_clear(struct key_source *source);

#endif
