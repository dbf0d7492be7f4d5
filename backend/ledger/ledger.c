#include "backend/ledger/ledger.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/ledger/lists_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 3
#define BUSY_TIMEOUT_MS 5000

struct ledger {
	sqlite3 *db;
	sqlite3_stmt *save_task;
	sqlite3_stmt *save_attempt;
	sqlite3_stmt *drop_attempt;
	char library_id[33];
	char *home; /* where it stands now: home_of() */
	char error[256];
};

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

enum {
	FLAG_ARCHIVE = 1,
	FLAG_REMOVED = 2,
	FLAG_NEEDS_SUBMIT = 4,
	FLAG_WANTS_CANCEL = 8,
};

const char *ledger_error(const struct ledger *ledger)
{
	return ledger->error;
}

const char *ledger_library_id(const struct ledger *ledger)
{
	return ledger->library_id;
}

static int fail(struct ledger *ledger, const char *doing)
{
	snprintf(ledger->error, sizeof(ledger->error), "%s: %s", doing,
		 ledger->db ? sqlite3_errmsg(ledger->db) : "no memory");
	log_error("event=ledger_failed doing=\"%s\" reason=\"%s\"", doing,
		  ledger->db ? sqlite3_errmsg(ledger->db) : "no memory");
	return -EIO;
}

static int execute(struct ledger *ledger, const char *sql)
{
	if (sqlite3_exec(ledger->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return fail(ledger, "writing");
}

static int prepare(struct ledger *ledger, const char *sql, sqlite3_stmt **ret)
{
	if (sqlite3_prepare_v2(ledger->db, sql, -1, ret, NULL) == SQLITE_OK)
		return 0;
	return fail(ledger, "preparing");
}

static void finalize(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}
#define AUTOSTATEMENT __attribute__((cleanup(finalize))) sqlite3_stmt

/* --- meta --- */

static int meta_get(struct ledger *ledger, const char *key, char **ret_value)
{
	AUTOSTATEMENT *query = NULL;
	int r = prepare(ledger, "SELECT value FROM meta WHERE key = ?", &query);

	*ret_value = NULL;
	if (r)
		return r;
	sqlite3_bind_text(query, 1, key, -1, SQLITE_STATIC);
	r = sqlite3_step(query);
	if (r == SQLITE_DONE)
		return 0;
	if (r != SQLITE_ROW)
		return fail(ledger, "reading");
	*ret_value = text_dup((const char *)sqlite3_column_text(query, 0));
	return *ret_value ? 0 : -ENOMEM;
}

static int meta_set(struct ledger *ledger, const char *key, const char *value)
{
	AUTOSTATEMENT *write = NULL;
	int r = prepare(ledger, "INSERT OR REPLACE INTO meta VALUES (?, ?)", &write);

	if (r)
		return r;
	sqlite3_bind_text(write, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(write, 2, value, -1, SQLITE_STATIC);
	return sqlite3_step(write) == SQLITE_DONE ? 0 : fail(ledger, "writing");
}

/* What each version lacked of the next one. */
static const char *const upgrades[] = {
	"BEGIN IMMEDIATE; ALTER TABLE task ADD COLUMN request_note TEXT;"
	"ALTER TABLE task ADD COLUMN doubtful_digest TEXT;"
	"UPDATE meta SET value = '2' WHERE key = 'schema'; COMMIT",
	"BEGIN IMMEDIATE; ALTER TABLE task ADD COLUMN refused_save TEXT;"
	"ALTER TABLE task ADD COLUMN refused_save_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE task ADD COLUMN refused_over TEXT;"
	"UPDATE meta SET value = '3' WHERE key = 'schema'; COMMIT",
};

/* From an older version, step by step. */
static int upgrade(struct ledger *ledger, long from)
{
	int r = 0;

	for (long version = from; !r && version < SCHEMA_VERSION; version++) {
		r = execute(ledger, upgrades[version - 1]);
		log_info("event=ledger_upgraded from=%ld", version);
	}
	if (r && !sqlite3_get_autocommit(ledger->db))
		sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int check_version(struct ledger *ledger)
{
	AUTOFREE char *version = NULL;
	AUTOFREE char *current = text_format("%d", SCHEMA_VERSION);
	int r = meta_get(ledger, "schema", &version);
	long number;

	if (r)
		return r;
	if (!version)
		return meta_set(ledger, "schema", current);
	number = strtol(version, NULL, 10);
	if (number >= 1 && number <= SCHEMA_VERSION)
		return upgrade(ledger, number);
	log_error("event=ledger_version found=%s known=%s", version, current);
	return -EPROTO;
}

static int load_library_id(struct ledger *ledger)
{
	AUTOFREE char *id = NULL;
	unsigned char bytes[16];
	int r = meta_get(ledger, "library_id", &id);

	if (r)
		return r;
	if (id) {
		snprintf(ledger->library_id, sizeof(ledger->library_id), "%s", id);
		return 0;
	}
	r = random_bytes(bytes, sizeof(bytes));
	if (r)
		return r;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ledger->library_id + 2 * i, 3, "%02x", bytes[i]);
	return meta_set(ledger, "library_id", ledger->library_id);
}

/* Where this ledger stands: another value at start means that the library was copied. */
static char *home_of(const char *path)
{
	AUTOCLOSE int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	char machine[33] = "";
	struct stat status;
	ssize_t got = fd >= 0 ? read(fd, machine, 32) : 0;

	machine[got > 0 ? got : 0] = '\0';
	machine[strcspn(machine, "\n")] = '\0';
	if (stat(path, &status) < 0)
		return NULL;
	return text_format("%s:%" PRIu64 ":%" PRIu64, machine, (uint64_t)status.st_dev,
			   (uint64_t)status.st_ino);
}

int ledger_confirm_home(struct ledger *ledger)
{
	return meta_set(ledger, "home", ledger->home);
}

static int check_home(struct ledger *ledger, const char *path, bool *ret_was_copied)
{
	AUTOFREE char *then = NULL;
	int r;

	ledger->home = home_of(path);
	r = ledger->home ? meta_get(ledger, "home", &then) : -EIO;
	if (r)
		return r;
	*ret_was_copied = then && strcmp(then, ledger->home);
	return then ? 0 : ledger_confirm_home(ledger); /* a new one */
}

/* --- opening --- */

static const char save_task_sql[] =
	"INSERT OR REPLACE INTO task VALUES "
	"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
	"?,?,?,?,?,?,?,?,?,?)";
static const char save_attempt_sql[] =
	"INSERT OR REPLACE INTO attempt VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

static const char drop_attempt_sql[] =
	"DELETE FROM attempt WHERE task = ? AND attempt = ?";

static int set_up(struct ledger *ledger, const char *path, bool *ret_was_copied)
{
	int r;

	sqlite3_busy_timeout(ledger->db, BUSY_TIMEOUT_MS);
	r = execute(ledger, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			    "PRAGMA cache_size=-1024; PRAGMA wal_autocheckpoint=256;");
	if (!r)
		r = execute(ledger, schema);
	if (!r)
		r = check_version(ledger);
	if (!r)
		r = load_library_id(ledger);
	if (!r)
		r = check_home(ledger, path, ret_was_copied);
	if (!r)
		r = prepare(ledger, save_task_sql, &ledger->save_task);
	if (!r)
		r = prepare(ledger, save_attempt_sql, &ledger->save_attempt);
	return r ? r : prepare(ledger, drop_attempt_sql, &ledger->drop_attempt);
}

int ledger_open(const char *path, struct ledger **ret_ledger, bool *ret_was_copied)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int r;

	if (!ledger)
		return -ENOMEM;
	r = sqlite3_open_v2(path, &ledger->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_NOMUTEX,
			    NULL);
	r = r == SQLITE_OK ? set_up(ledger, path, ret_was_copied)
			   : fail(ledger, "opening");
	if (r) {
		ledger_close(ledger);
		return r;
	}
	*ret_ledger = ledger;
	return 0;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	sqlite3_finalize(ledger->save_task);
	sqlite3_finalize(ledger->save_attempt);
	sqlite3_finalize(ledger->drop_attempt);
	sqlite3_close(ledger->db);
	free(ledger->home);
	free(ledger);
}

int ledger_reserve_numbers(struct ledger *ledger, unsigned count, uint64_t *ret_first)
{
	AUTOFREE char *next = NULL, *after = NULL;
	int64_t first = 1;
	int r = meta_get(ledger, "next_number", &next);

	if (r)
		return r;
	if (next && text_to_int64(next, &first))
		return fail(ledger, "reading next_number");
	after = text_format("%" PRId64, first + count);
	r = after ? meta_set(ledger, "next_number", after) : -ENOMEM;
	if (!r)
		*ret_first = (uint64_t)first;
	return r;
}

/* --- saving --- */

/* A statement's columns, one after the other: bound, or read. */
struct binder {
	sqlite3_stmt *statement;
	int column;
	int failure; /* -ENOMEM: a column is missing */
};

static void check_bound(struct binder *binder, int sqlite)
{
	if (sqlite != SQLITE_OK)
		binder->failure = -ENOMEM;
}

static void bind_text(struct binder *binder, const char *text)
{
	check_bound(binder, sqlite3_bind_text(binder->statement, ++binder->column, text,
					      -1, SQLITE_STATIC));
}

static void bind_int(struct binder *binder, int64_t value)
{
	check_bound(binder,
		    sqlite3_bind_int64(binder->statement, ++binder->column, value));
}

static void bind_problem(struct binder *binder, const struct problem *problem)
{
	bind_text(binder,
		  problem_is_set(problem) ? problem_class_word(problem->class) : NULL);
	bind_text(binder, problem->code);
	bind_text(binder, problem->text);
}

static void bind_bound_to(struct binder *binder, const struct task_view *view)
{
	bind_text(binder, view->provider);
	bind_text(binder, view->endpoint);
	bind_text(binder, view->key_name);
	bind_text(binder, view->model);
	bind_text(binder, view->remote_id);
}

/* Writes the row, unless one of its columns is missing. */
static int run(struct ledger *ledger, struct binder *binder)
{
	int r = binder->failure ? SQLITE_NOMEM : sqlite3_step(binder->statement);

	sqlite3_reset(binder->statement);
	sqlite3_clear_bindings(binder->statement);
	return r == SQLITE_DONE ? 0 : fail(ledger, "writing a task");
}

/* In the order of the table's columns. */
static int save_task(struct ledger *ledger, const struct task_view *view)
{
	struct binder binder = { ledger->save_task, 0, 0 };
	AUTOFREE char *outputs = ledger_print_outputs(view);
	AUTOFREE char *locked = ledger_print_locked(view);

	if (!outputs || !locked)
		return -ENOMEM;
	bind_int(&binder, (int64_t)view->number);
	bind_int(&binder, (int64_t)view->revision);
	bind_text(&binder, task_state_word(view->state));
	bind_text(&binder, task_state_word(view->previous_state));
	bind_int(&binder, view->attempt);
	bind_int(&binder, (view->is_archive ? FLAG_ARCHIVE : 0) |
				  (view->is_removed ? FLAG_REMOVED : 0) |
				  (view->needs_submit ? FLAG_NEEDS_SUBMIT : 0) |
				  (view->wants_cancel ? FLAG_WANTS_CANCEL : 0));
	bind_int(&binder, view->hidden);
	bind_bound_to(&binder, view);
	bind_text(&binder, view->raw_state);
	bind_int(&binder, view->progress);
	bind_int(&binder, view->created_ms);
	bind_int(&binder, view->since_ms);
	bind_int(&binder, view->intent_ms);
	bind_int(&binder, view->tried_ms);
	bind_int(&binder, view->listing_ms);
	bind_text(&binder, view->waiting);
	bind_text(&binder, view->note);
	bind_problem(&binder, &view->problem);
	bind_text(&binder, view->request);
	bind_text(&binder, view->answer);
	bind_text(&binder, view->usage);
	bind_text(&binder, view->digest);
	bind_text(&binder, outputs);
	bind_text(&binder, locked);
	bind_text(&binder, view->place.path);
	bind_int(&binder, (int64_t)view->place.device);
	bind_int(&binder, (int64_t)view->place.inode);
	bind_text(&binder, view->request_note);
	bind_text(&binder, view->doubtful_digest);
	bind_text(&binder, view->refused_save.problem);
	bind_int(&binder, view->refused_save.at_ms);
	bind_text(&binder, view->refused_save.over);
	return run(ledger, &binder);
}

/* What certainly did not arrive was no attempt: it counts for no budget. */
static int drop_attempt(struct ledger *ledger, const struct task_view *view)
{
	struct binder binder = { ledger->drop_attempt, 0, 0 };

	bind_int(&binder, (int64_t)view->number);
	bind_int(&binder, view->attempt);
	return run(ledger, &binder);
}

static int save_attempt(struct ledger *ledger, const struct task_view *view)
{
	struct binder binder = { ledger->save_attempt, 0, 0 };

	if (!view->attempt)
		return 0;
	if (view->state == TASK_PENDING) /* the attempt's own row tells how it ended */
		return !view->intent_ms && view->previous_state == TASK_PENDING
			       ? drop_attempt(ledger, view)
			       : 0;
	bind_int(&binder, (int64_t)view->number);
	bind_int(&binder, view->attempt);
	bind_bound_to(&binder, view);
	bind_text(&binder, task_state_word(view->state));
	bind_int(&binder, view->intent_ms);
	bind_int(&binder, clock_wall_ms());
	bind_problem(&binder, &view->problem);
	bind_text(&binder, view->request);
	bind_text(&binder, view->answer);
	bind_text(&binder, view->usage);
	return run(ledger, &binder);
}

int ledger_save(struct ledger *ledger, struct task_view *const *views, size_t count)
{
	int r = execute(ledger, "BEGIN IMMEDIATE");

	if (r)
		return r;
	for (size_t i = 0; !r && i < count; i++) {
		r = save_task(ledger, views[i]);
		if (!r)
			r = save_attempt(ledger, views[i]);
	}
	if (!r)
		r = execute(ledger, "COMMIT");
	if (r && !sqlite3_get_autocommit(ledger->db))
		sqlite3_exec(ledger->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

bool ledger_knows_id(struct ledger *ledger, const char *id)
{
	AUTOSTATEMENT *query = NULL;

	if (prepare(ledger,
		    "SELECT 1 FROM attempt WHERE remote_id = ?1 UNION ALL "
		    "SELECT 1 FROM task WHERE remote_id = ?1",
		    &query))
		return false;
	sqlite3_bind_text(query, 1, id, -1, SQLITE_STATIC);
	return sqlite3_step(query) == SQLITE_ROW;
}

/* --- loading --- */

static const char *column_text(struct binder *row)
{
	int column = row->column++;
	bool is_null = sqlite3_column_type(row->statement, column) == SQLITE_NULL;
	const char *text = (const char *)sqlite3_column_text(row->statement, column);

	if (!text && !is_null)
		row->failure = -ENOMEM;
	return text;
}

static int64_t column_int(struct binder *row)
{
	return sqlite3_column_int64(row->statement, row->column++);
}

static void load_flags(struct task_view *view, int64_t flags)
{
	view->is_archive = flags & FLAG_ARCHIVE;
	view->is_removed = flags & FLAG_REMOVED;
	view->needs_submit = flags & FLAG_NEEDS_SUBMIT;
	view->wants_cancel = flags & FLAG_WANTS_CANCEL;
}

static void load_texts(struct binder *row, struct task_view *view,
		       const char **const *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		task_set_text(view, fields[i], column_text(row));
}

static void load_digest(struct binder *row, char ret_digest[SHA256_HEX])
{
	const char *digest = column_text(row);

	snprintf(ret_digest, SHA256_HEX, "%s", digest ? digest : "");
}

static void load_row(struct binder *row, struct task_view *view)
{
	const char **const bound_to[] = { &view->provider,  &view->endpoint,
					  &view->key_name,  &view->model,
					  &view->remote_id, &view->raw_state };

	view->revision = (uint64_t)column_int(row);
	if (task_state_from_word(column_text(row), &view->state))
		view->state = TASK_UNKNOWN;
	if (task_state_from_word(column_text(row), &view->previous_state))
		view->previous_state = TASK_PENDING;
	view->attempt = (unsigned)column_int(row);
	load_flags(view, column_int(row));
	view->hidden = (unsigned)column_int(row);
	load_texts(row, view, bound_to, ARRAY_SIZE(bound_to));
	view->progress = (int)column_int(row);
	view->created_ms = column_int(row);
	view->since_ms = column_int(row);
	view->intent_ms = column_int(row);
	view->tried_ms = column_int(row);
	view->listing_ms = column_int(row);
	load_texts(row, view, (const char **const[]){ &view->waiting, &view->note }, 2);
	view->problem.class = problem_class_from_word(column_text(row));
	load_texts(row, view,
		   (const char **const[]){ &view->problem.code, &view->problem.text,
					   &view->request, &view->answer, &view->usage },
		   5);
	load_digest(row, view->digest);
	if (ledger_read_outputs(column_text(row), view) ||
	    ledger_read_locked(column_text(row), view))
		row->failure = -ENOMEM;
	task_set_text(view, &view->place.path, column_text(row));
	view->place.device = (uint64_t)column_int(row);
	view->place.inode = (uint64_t)column_int(row);
	task_set_text(view, &view->request_note, column_text(row));
	load_digest(row, view->doubtful_digest);
	task_set_text(view, &view->refused_save.problem, column_text(row));
	view->refused_save.at_ms = column_int(row);
	load_digest(row, view->refused_save.over);
}

int ledger_load(struct ledger *ledger,
		int (*found)(void *context, struct task_view *view), void *context)
{
	AUTOSTATEMENT *query = NULL;
	int r = prepare(ledger, "SELECT * FROM task ORDER BY number", &query);
	int step = SQLITE_DONE;

	while (!r && (step = sqlite3_step(query)) == SQLITE_ROW) {
		struct binder row = { query, 0, 0 };
		struct task_view *view = task_view_new((uint64_t)column_int(&row));

		if (!view)
			return -ENOMEM;
		load_row(&row, view);
		r = row.failure ? row.failure : view->failure;
		if (r)
			task_view_unref(view);
		else
			r = found(context, view);
	}
	return r || step == SQLITE_DONE ? r : fail(ledger, "reading tasks");
}

int ledger_load_intents(struct ledger *ledger, int64_t since_ms,
			int (*found)(void *context, int64_t intent_ms), void *context)
{
	AUTOSTATEMENT *query = NULL;
	int r = prepare(
		ledger,
		"SELECT intent_ms FROM attempt WHERE intent_ms >= ? ORDER BY intent_ms",
		&query);
	int step = SQLITE_DONE;

	if (r)
		return r;
	sqlite3_bind_int64(query, 1, since_ms);
	while (!r && (step = sqlite3_step(query)) == SQLITE_ROW)
		r = found(context, sqlite3_column_int64(query, 0));
	return r || step == SQLITE_DONE ? r : fail(ledger, "reading attempts");
}
