/*
 * The ledger's tables, and what it knows of itself: its version, its library, its place.
 * For the files of the ledger alone.
 */
#ifndef SEEDANCEFS_BACKEND_LEDGER_SCHEMA_INTERNAL_H
#define SEEDANCEFS_BACKEND_LEDGER_SCHEMA_INTERNAL_H

#include "backend/ledger/database_internal.h"

#include <stdbool.h>

#define LIBRARY_ID_SIZE 33

/* Makes the tables, or upgrades those of an older version. 0, -EIO, -EPROTO (made by a
 * newer version) or -ENOMEM. */
int schema_set_up(struct database *database);

/* A value that the ledger keeps under a name: *ret_value (free() it) is NULL where there
 * is none. 0, -EIO or -ENOMEM. */
int meta_get(struct database *database, const char *key, char **ret_value);
int meta_set(struct database *database, const char *key, const char *value);

/* The library's random name, made now if it has none. */
int meta_library_id(struct database *database, char ret_id[LIBRARY_ID_SIZE]);

/*
 * Where the ledger stands: *ret_home (free() it). *ret_was_copied tells that it stood
 * somewhere else when meta_set() put "home" down.
 */
int meta_check_home(struct database *database, const char *path, char **ret_home,
		    bool *ret_was_copied);

#endif
