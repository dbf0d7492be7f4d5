/*
 * The facts about a task, as an immutable view that any thread may hold.
 *
 * A change creates a new view (task_table.h); a held view never changes. Take a reference
 * with task_view_ref(), release it with task_view_unref(). All texts may be NULL. Texts
 * are shared (base/shared.h): views with equal texts may refer to the same one, and
 * copying a view cannot lose one.
 */
#ifndef SEEDANCEFS_BACKEND_TASKS_TASK_H
#define SEEDANCEFS_BACKEND_TASKS_TASK_H

#include "backend/base/digest.h"
#include "backend/request/problem.h"
#include "backend/providers/provider.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The outputs of a task. */
enum output_kind {
	OUTPUT_VIDEO,
	OUTPUT_LAST_FRAME,
	OUTPUT_COUNT,
};

struct output {
	bool is_ready;	   /* its size is known: it may be shown */
	bool is_dead;	   /* permanently unavailable */
	bool is_whole;	   /* complete on disk, durable and checked */
	bool is_lost;	   /* its link expired before that, and there is no other */
	bool is_refetched; /* the digest did not match: downloaded again */
	bool is_removed;   /* a user removed it; its bytes are dropped soon */
	uint64_t size;	   /* bytes; fixed for a version */
	uint32_t version;  /* grows with each change of the file; 0: none yet */
	int64_t mtime;	   /* whole seconds since the epoch */
	const char *url;   /* the service's link; a secret */
	const char *etag;
};

/* The virtual files besides the outputs in a task's folder, which a user may remove. */
enum {
	HIDDEN_STATUS = 1 << 0,
	HIDDEN_TASK_JSON = 1 << 1,
	HIDDEN_ERROR = 1 << 2,
	HIDDEN_VIDEO = 1 << 3,
	HIDDEN_LAST_FRAME = 1 << 4,
};

/* Where the task's folder was last seen: only a hint. */
struct task_place {
	const char *path; /* below the library's tree, without a leading slash */
	uint64_t device, inode;
};

/*
 * A trigger or input file in the task's own folder. It is read-only while it is locked.
 */
struct locked_file {
	char *name;
	uint64_t device, inode;
};

/* The last save of a trigger that was rejected with an error. */
struct refused_save {
	const char *problem;   /* what is wrong; NULL: no rejected save */
	int64_t at_ms;	       /* wall clock, like file times */
	char over[SHA256_HEX]; /* of the text that it replaced; "" if unknown */
};

struct task_view {
	atomic_uint references; /* first: task_view_copy() copies everything after it */
	/* Only for a private view that is being changed. */
	int failure; /* -ENOMEM of a setter: the view must not be committed */
	struct {
		const char *event, *from; /* NULL: none */
	} breach; /* an event not allowed in its state: transitions.h */

	uint64_t number;   /* the task's number in the ledger: never reused */
	uint64_t revision; /* grows with each change */
	enum task_state state;
	enum task_state previous_state; /* before an edit or retry; PENDING: none */
	unsigned attempt;		/* number of requests sent or rejected */
	uint64_t order;	   /* the order waiting in the backend; 0: none. Not stored */
	bool is_archive;   /* a copy of a task's folder: not an order */
	bool is_removed;   /* the folder is gone; kept only in the ledger */
	bool needs_submit; /* waits for an explicit `submit` */
	bool wants_cancel; /* the service must be asked to cancel it */
	bool is_finished;  /* RUNNING, but reported as succeeded: sizes are unknown */
	unsigned hidden;   /* HIDDEN_… */

	const char *provider; /* the section that created it */
	const char *endpoint; /* the base URL that created it, or "simulator" */
	const char *key_name; /* the key's source */
	const char *model;
	const char *remote_id; /* the service's id of the task */
	const char *raw_state; /* the service's word for an unknown state */
	int progress;	       /* per cent; -1: not reported */

	int64_t created_ms; /* wall clock, ms since the epoch; 0: not yet */
	int64_t since_ms;   /* … in this state */
	int64_t intent_ms;  /* … of the last create */
	int64_t tried_ms;   /* … of the last poll */
	int64_t next_ms;    /* … of the next poll */
	int64_t listing_ms; /* … of the last change of the folder's listing */

	const char *waiting;	  /* why it is pending, or what it waits for */
	const char *note;	  /* other information for users */
	const char *request_note; /* … about how the request was parsed and fitted */
	struct problem problem;

	const char *request;	 /* as sent, JSON; files by name and digest */
	const char *answer;	 /* the service's last answer, JSON; has signed links */
	const char *usage;	 /* the service's usage figures, JSON */
	char digest[SHA256_HEX]; /* of the last request sent or rejected; "" if none */
	char doubtful_digest[SHA256_HEX]; /* of a request that may be billed */

	struct refused_save refused_save;
	struct output outputs[OUTPUT_COUNT];
	const struct locked_file *locked; /* one shared block, including the names */
	size_t locked_count;
	struct task_place place;
};

struct task_view *task_view_ref(struct task_view *view);
void task_view_unref(struct task_view *view); /* NULL is fine */

/*
 * A private, changeable copy with one reference. NULL without memory. Only the view
 * itself is allocated: the texts are shared with the original.
 */
struct task_view *task_view_copy(const struct task_view *view);
struct task_view *task_view_new(uint64_t number);

/*
 * Advice for users about the problem. A task that may be billed gets the same advice
 * whatever the class.
 */
const char *task_advice(const struct task_view *view);

/*
 * Starts a new attempt, with its own row in the ledger, unless the current attempt was
 * never sent.
 */
void task_begin_attempt(struct task_view *view);

/* Clears the record of a rejected save. */
void task_clear_refused_save(struct task_view *view);

/*
 * Setters of a private view. Each allocates first. Without memory the field is unchanged
 * and the view's `failure` is set, so that nothing of the change is committed.
 */

/* Replaces one of the view's texts by a copy (or by NULL). */
void task_set_text(struct task_view *view, const char **field, const char *text);
void task_format_text(struct task_view *view, const char **field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void task_set_problem(struct task_view *view, enum problem_class class,
		      const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Replaces the locked files. The list is copied. */
void task_set_locked(struct task_view *view, const struct locked_file *files,
		     size_t count);
void task_set_place(struct task_view *view, const struct task_place *place);

/* Whether trigger and inputs are read-only: fs/README.md, "Locked once sent". */
static inline bool task_is_locked(enum task_state state)
{
	return state == TASK_SUBMITTING || state == TASK_QUEUED ||
	       state == TASK_RUNNING || state == TASK_SUCCEEDED;
}

/* Whether the service has the task and works on it. */
static inline bool task_is_active(enum task_state state)
{
	return state == TASK_SUBMITTING || state == TASK_QUEUED || state == TASK_RUNNING;
}

/* Resets an output to "unknown, no bytes present". */
static inline void output_reset(struct output *output)
{
	output->is_ready = output->is_whole = output->is_lost = false;
	output->is_refetched = output->is_removed = false;
}

static inline void task_view_cleanup(struct task_view **view)
{
	task_view_unref(*view);
}
#define AUTOVIEW __attribute__((cleanup(task_view_cleanup))) struct task_view

/* The task succeeded: a requested cancel came too late. */
void task_end_cancel(struct task_view *view);

#endif
