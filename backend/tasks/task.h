/*
 * What is known of a task, as an immutable view that any thread may hold.
 *
 * A change makes a new view (task_table.h); a view that somebody holds never changes. Take one
 * with task_view_ref(), give it back with task_view_unref(). All texts may be NULL. They are
 * shared (base/shared.h): views that do not differ in a text refer to the same one, and a
 * copy of a view loses none.
 */
#ifndef SEEDANCEFS_BACKEND_TASKS_TASK_H
#define SEEDANCEFS_BACKEND_TASKS_TASK_H

#include "backend/base/digest.h"
#include "backend/request/problem.h"
#include "backend/providers/provider.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What a finished task has to show. */
enum output_kind {
	OUTPUT_VIDEO,
	OUTPUT_LAST_FRAME,
	OUTPUT_COUNT,
};

struct output {
	bool is_ready; /* its size is known: it may be shown */
	bool is_dead;  /* it can never be had */
	bool is_whole; /* all of it is on disk, durable and checked */
	bool is_lost;  /* its link died before that, and there is no other */
	bool is_refetched; /* the bytes did not match the expected digest: downloaded once more */
	bool is_removed;  /* a person removed it: its bytes go in a moment */
	uint64_t size;	  /* bytes; fixed for a version */
	uint32_t version; /* grows with each change of the file; 0: none yet */
	int64_t mtime;	  /* whole seconds since the epoch */
	const char *url;  /* the service's link; a secret */
	const char *etag;
};

/* What a person sees in a task's folder besides the outputs, and may remove. */
enum {
	HIDDEN_STATUS = 1 << 0,
	HIDDEN_TASK_JSON = 1 << 1,
	HIDDEN_ERROR = 1 << 2,
	HIDDEN_VIDEO = 1 << 3,
	HIDDEN_LAST_FRAME = 1 << 4,
};

/* Where the task's folder was last seen: a hint, never the truth. */
struct task_place {
	const char *path; /* below the library's tree, without a slash at the front */
	uint64_t device, inode;
};

/* A trigger or input file of the task's own folder,
 * which is read-only while it is locked. */
struct locked_file {
	char *name;
	uint64_t device, inode;
};

/* The last save of a trigger, when its writer was told that it is not acceptable. */
struct refused_save {
	const char *problem;   /* what is wrong with it; NULL: there is none */
	int64_t at_ms;	       /* wall clock, as files' times */
	char over[SHA256_HEX]; /* of the text that it replaced; "" if that is not known */
};

struct task_view {
	atomic_uint references; /* first: task_view_copy() copies what stands behind it */
	/* Of a private view, while it is changed. */
	int failure; /* of a setter, -ENOMEM: the view is never committed or kept */
	struct {
		const char *event, *from; /* NULL: none */
	} breach; /* an event that its state did not allow: transitions.h */

	uint64_t number;   /* the task's number in the ledger: never used twice */
	uint64_t revision; /* grows with each change */
	enum task_state state;
	enum task_state previous_state; /* what an edit or a retry left: PENDING when
					   nothing was sent */
	unsigned attempt;		/* how many times something was sent or refused */
	uint64_t order;	 /* an order that lies with the backend, unsent; 0: none. Not kept
			  */
	bool is_archive; /* a copy of a task's folder: not an order */
	bool is_removed; /* the folder is gone; kept for the books */
	bool needs_submit; /* waits for an explicit `submit` */
	bool wants_cancel; /* the service is to be asked to cancel it */
	bool is_finished;  /* RUNNING, but the service said that it succeeded: the
			      outputs' sizes are being learnt */
	unsigned hidden;   /* HIDDEN_… */

	const char *provider; /* the section that has it */
	const char *endpoint; /* the base address that made it; "simulator" for the
				 embedded one */
	const char *key_name; /* where the key came from */
	const char *model;
	const char *remote_id; /* the service's id of it */
	const char *raw_state; /* the service's word, when it is not one of ours */
	int progress;	       /* per cent; -1: the service does not tell */

	int64_t created_ms; /* wall clock, ms since the epoch; 0: not yet */
	int64_t since_ms;   /* … in this state */
	int64_t intent_ms;  /* … of the last create */
	int64_t tried_ms;   /* … asked last */
	int64_t next_ms;    /* … asked next */
	int64_t listing_ms; /* … of the last change to what the folder shows */

	const char *waiting; /* why it is pending here, or what is being waited for */
	const char *note;    /* what else a person should know */
	const char *request_note; /* … of how the request was read and fitted */
	struct problem problem;

	const char *request;	 /* as sent, JSON; files by name and digest */
	const char *answer;	 /* the service's last answer, JSON; holds signed links */
	const char *usage;	 /* the service's own figures, JSON */
	char digest[SHA256_HEX]; /* of the last request sent or refused; "" if none */
	char doubtful_digest[SHA256_HEX]; /* of one that may be billed, and nobody knows
					   */

	struct refused_save refused_save;
	struct output outputs[OUTPUT_COUNT];
	const struct locked_file *locked; /* one shared block, names included */
	size_t locked_count;
	struct task_place place;
};

struct task_view *task_view_ref(struct task_view *view);
void task_view_unref(struct task_view *view); /* NULL is fine */

/*
 * A private, changeable copy with one reference. NULL without memory, which the view alone
 * needs: the copy's texts are those of the original.
 */
struct task_view *task_view_copy(const struct task_view *view);
struct task_view *task_view_new(uint64_t number);

/* What to do about the problem, for people:
 * where it may be billed, whatever the class. */
const char *task_advice(const struct task_view *view);

/*
 * What comes next is an attempt of its own, with a row of its own in the ledger; one that
 * did not leave is the same attempt still.
 */
void task_begin_attempt(struct task_view *view);

/* There is none, or it is over. */
void task_clear_refused_save(struct task_view *view);

/*
 * Setters of a private view. Each allocates first: without memory the field stays as it
 * was, and the view's `failure` is set, so that nothing of the change is committed.
 */

/* Replaces one of the view's texts by a copy (or by NULL). */
void task_set_text(struct task_view *view, const char **field, const char *text);
void task_format_text(struct task_view *view, const char **field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void task_set_problem(struct task_view *view, enum problem_class class,
		      const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Replaces the locked files; the list is copied. */
void task_set_locked(struct task_view *view, const struct locked_file *files,
		     size_t count);
void task_set_place(struct task_view *view, const struct task_place *place);

/* Whether trigger and inputs are read-only: fs/README.md, "Locked once sent". */
static inline bool task_is_locked(enum task_state state)
{
	return state == TASK_SUBMITTING || state == TASK_QUEUED ||
	       state == TASK_RUNNING || state == TASK_SUCCEEDED;
}

/* Whether the service has it and works on it. */
static inline bool task_is_active(enum task_state state)
{
	return state == TASK_SUBMITTING || state == TASK_QUEUED || state == TASK_RUNNING;
}

/* None of its bytes are here, and nothing is known of them. */
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

/* It succeeded: a cancel that was asked for came too late. */
void task_end_cancel(struct task_view *view);

#endif
