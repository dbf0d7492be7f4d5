/*
 * Functions that the files of backend/config/ share. They return 0, -EINVAL with a line
 * for users in *ret_error (free() it), or -ENOMEM.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_CONFIG_INTERNAL_H
#define SEEDANCEFS_BACKEND_CONFIG_CONFIG_INTERNAL_H

#include "backend/config/config.h"

/*
 * The end of a message's format, and its arguments: "; did you mean "X"?", or nothing for
 * NULL.
 */
#define DID_YOU_MEAN "%s%s%s"
#define NEAREST(near) \
	(near) ? "; did you mean \"" : "", (near) ? (near) : "", (near) ? "\"?" : ""

#define SECTION_NAMES_MAX_BYTES 2048 /* limit of the list in messages */

/*
 * Sets one key. `owner` is the struct config or struct provider_section that contains it.
 */
int config_assign(void *owner, const struct config_key *key, const char *value,
		  char **ret_error);

/* The index of the section with this name. A missing section is added. */
int config_add_section(struct config *config, const char *name, size_t *ret_index,
		       char **ret_error);
/*
 * Lists the names of all sections for a message. Returns the name nearest to `name`, or
 * NULL.
 */
struct buffer;
const char *config_list_sections(const struct config *config, const char *name,
				 struct buffer *list);

/* Reads config.ini into the configuration. Also returns -errno of reading. */
int ini_file_read(struct config *config, bool is_required, char **ret_error);

/* Rejects a section with more than one key source. */
int key_source_check(const struct provider_section *section, char **ret_error);
/*
 * Sets the section's key and key_name. A missing usual variable is no error: the service
 * reports a missing key.
 */
int key_source_fetch(struct provider_section *section, char **ret_error);
/* Removes the variable that key_source_fetch() read from the environment. */
void key_source_wipe(const struct provider_section *section);
void key_source_clear(struct key_source *source);

#endif
