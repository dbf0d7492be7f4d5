/*
 * The ledger's tables, and its data about itself: its version, its library and its place.
 * Only for the files of backend/ledger/.
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_SCHEMA_INTERNAL_H
#define SEEDANCEFS_BACKEND_LEDGER_SCHEMA_INTERNAL_H

#include "backend/ledger/database_internal.h"

#include <stdbool.h>

#define LIBRARY_ID_SIZE 33

/*
 * Creates the tables, or upgrades those of an older version. 0, -EIO, -EPROTO (created by
 * a newer version) or -ENOMEM.
 */
int schema_set_up(struct database *database);

/*
 * The value stored under a key. *ret_value (free() it) is NULL if there is none. 0, -EIO
 * or -ENOMEM.
 */
int meta_get(struct database *database, const char *key, char **ret_value);
int meta_set(struct database *database, const char *key, const char *value);

/* The library's random name. It is created if it is missing. */
int meta_library_id(struct database *database, char ret_id[LIBRARY_ID_SIZE]);

/*
 * *ret_home (free() it) identifies the ledger's current machine and file. *ret_was_copied
 * is true if it differs from the stored "home".
 */
int meta_check_home(struct database *database, const char *path, char **ret_home,
		    bool *ret_was_copied);

#endif
