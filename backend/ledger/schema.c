#include "backend/ledger/schema_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/file.h"
#include "backend/base/log.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 3

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) "
	"WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS task ("
	" number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, state TEXT NOT NULL,"
	" previous_state TEXT NOT NULL, attempt INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" hidden INTEGER NOT NULL, provider TEXT, endpoint TEXT, key_name TEXT, model "
	"TEXT,"
	" remote_id TEXT, raw_state TEXT, progress INTEGER NOT NULL, created_ms INTEGER "
	"NOT NULL,"
	" since_ms INTEGER NOT NULL, intent_ms INTEGER NOT NULL, tried_ms INTEGER NOT "
	"NULL,"
	" listing_ms INTEGER NOT NULL, waiting TEXT, note TEXT, problem_class TEXT,"
	" problem_code TEXT, problem_text TEXT, request TEXT, answer TEXT, usage TEXT, "
	"digest TEXT,"
	" outputs TEXT NOT NULL, locked TEXT NOT NULL, place_path TEXT,"
	" place_device INTEGER NOT NULL, place_inode INTEGER NOT NULL,"
	" request_note TEXT, doubtful_digest TEXT, refused_save TEXT,"
	" refused_save_ms INTEGER NOT NULL DEFAULT 0, refused_over TEXT);"
	"CREATE TABLE IF NOT EXISTS attempt ("
	" task INTEGER NOT NULL, attempt INTEGER NOT NULL, provider TEXT, endpoint TEXT,"
	" key_name TEXT, model TEXT, remote_id TEXT, state TEXT NOT NULL, intent_ms "
	"INTEGER NOT NULL,"
	" changed_ms INTEGER NOT NULL, problem_class TEXT, problem_code TEXT, "
	"problem_text TEXT,"
	" request TEXT, answer TEXT, usage TEXT, PRIMARY KEY (task, attempt)) WITHOUT "
	"ROWID;"
	"CREATE INDEX IF NOT EXISTS attempt_intent ON attempt (intent_ms);";

/* --- meta --- */

int meta_get(struct database *database, const char *key, char **ret_value)
{
	AUTOSTATEMENT *query = NULL;
	int r = statement_prepare(database, "SELECT value FROM meta WHERE key = ?",
				  &query);

	*ret_value = NULL;
	if (r)
		return r;
	statement_bind_text(query, key);
	r = statement_step(query, "reading");
	if (r <= 0)
		return r;
	*ret_value = text_dup(statement_text(query));
	return *ret_value ? 0 : -ENOMEM;
}

int meta_set(struct database *database, const char *key, const char *value)
{
	AUTOSTATEMENT *write = NULL;
	int r = statement_prepare(database, "INSERT OR REPLACE INTO meta VALUES (?, ?)",
				  &write);

	if (r)
		return r;
	statement_bind_text(write, key);
	statement_bind_text(write, value);
	return statement_run(write, "writing");
}

/* --- versions --- */

/* upgrades[n - 1] upgrades version n to version n + 1. */
static const char *const upgrades[] = {
	"BEGIN IMMEDIATE; ALTER TABLE task ADD COLUMN request_note TEXT;"
	"ALTER TABLE task ADD COLUMN doubtful_digest TEXT;"
	"UPDATE meta SET value = '2' WHERE key = 'schema'; COMMIT",
	"BEGIN IMMEDIATE; ALTER TABLE task ADD COLUMN refused_save TEXT;"
	"ALTER TABLE task ADD COLUMN refused_save_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE task ADD COLUMN refused_over TEXT;"
	"UPDATE meta SET value = '3' WHERE key = 'schema'; COMMIT",
};

/* Upgrades from an older version, step by step. */
static int upgrade(struct database *database, long from)
{
	int r = 0;

	for (long version = from; !r && version < SCHEMA_VERSION; version++) {
		r = database_execute(database, upgrades[version - 1]);
		log_info("event=ledger_upgraded from=%ld", version);
	}
	if (r)
		database_roll_back(database);
	return r;
}

static int check_version(struct database *database)
{
	AUTOFREE char *version = NULL;
	AUTOFREE char *current = text_format("%d", SCHEMA_VERSION);
	int r = meta_get(database, "schema", &version);
	long number;

	if (r)
		return r;
	if (!version)
		return meta_set(database, "schema", current);
	number = strtol(version, NULL, 10);
	if (number >= 1 && number <= SCHEMA_VERSION)
		return upgrade(database, number);
	log_error("event=ledger_version found=%s known=%s", version, current);
	return -EPROTO;
}

int schema_set_up(struct database *database)
{
	int r = database_execute(database, schema);

	return r ? r : check_version(database);
}

/* --- library and place --- */

int meta_library_id(struct database *database, char ret_id[LIBRARY_ID_SIZE])
{
	AUTOFREE char *id = NULL;
	unsigned char bytes[16];
	int r = meta_get(database, "library_id", &id);

	if (r)
		return r;
	if (id) {
		snprintf(ret_id, LIBRARY_ID_SIZE, "%s", id);
		return 0;
	}
	r = random_bytes(bytes, sizeof(bytes));
	if (r)
		return r;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret_id + 2 * i, 3, "%02x", bytes[i]);
	return meta_set(database, "library_id", ret_id);
}

/*
 * Identifies the ledger's machine and file. If it differs at start, the library was
 * copied.
 */
static char *home_of(const char *path)
{
	char machine[33];
	struct stat status;

	file_read_line("/etc/machine-id", machine, sizeof(machine));
	if (stat(path, &status) < 0)
		return NULL;
	return text_format("%s:%" PRIu64 ":%" PRIu64, machine, (uint64_t)status.st_dev,
			   (uint64_t)status.st_ino);
}

int meta_check_home(struct database *database, const char *path, char **ret_home,
		    bool *ret_was_copied)
{
	AUTOFREE char *home = home_of(path), *then = NULL;
	int r = home ? meta_get(database, "home", &then) : -EIO;

	if (!r && !then) /* a new ledger */
		r = meta_set(database, "home", home);
	if (r)
		return r;
	*ret_was_copied = then && strcmp(then, home);
	*ret_home = TAKE(home);
	return 0;
}
