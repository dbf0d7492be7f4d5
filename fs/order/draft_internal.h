/*
 * One look at a folder: what the files that gather share; not for others.
 *
 * Functions return 0; -EAGAIN when something holds the folder back (`out->waiting` says
 * what); -EINVAL when what is there is refused (`out->problem`); or another -errno.
 */
#ifndef SEEDANCEFS_FS_ORDER_DRAFT_INTERNAL_H
#define SEEDANCEFS_FS_ORDER_DRAFT_INTERNAL_H

#include "backend/base/buffer.h"
#include "fs/order/draft.h"

#include <sys/stat.h>

#define NAMED_MAX 64 /* inputs known by their name: more than any service takes */

/* A file that was read for the order. */
struct seen_file {
	char *name; /* for people */
	int fd;
	struct stat status; /* before it was read */
};

struct draft {
	struct filesystem *fs;
	uint64_t number;  /* of its task; 0: none */
	const char *path; /* below the tree */
	int directory;
	bool is_comparison; /* for the digest alone: nothing is copied, no shot waited for
			     */
	bool has_copy, has_hold;
	bool has_json;	     /* a request.json, which then is the trigger */
	char *prompt;	     /* the prompt file that counts, or NULL */
	const char *trigger; /* one of the two, or NULL */
	char *names[NAMED_MAX];
	size_t name_count;
	bool has_too_many;
	struct seen_file *seen;
	size_t seen_count;
	struct digest *digest;
	struct parsed *parsed; /* what the texts say that were read so far */
	struct draft_result *out;
};

/* -EAGAIN, with what the folder waits for. */
int draft_wait(struct draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* -EINVAL, with the problem. */
int draft_refuse(struct draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Holds the folder back while a file is open for writing in the mount. */
int draft_check_writer(struct draft *draft, const char *name, const struct stat *status);
/* A file of the folder itself that is read-only once the order is sent. */
int draft_lock(struct draft *draft, const char *name, const struct stat *status);

/*
 * draft_seen.c: a file's attributes before it is read, such that a later change shows in
 * them; it may take a few milliseconds. What was read by them is added, and compared once
 * all is read: draft_check_seen().
 */
int draft_stat(struct draft *draft, const char *name, int fd, struct stat *ret_status);
int draft_add_seen(struct draft *draft, const char *name, int fd,
		   const struct stat *status);
int draft_check_seen(struct draft *draft);
void draft_clear_seen(struct draft *draft);

/* draft_read.c: reads trigger, text and defaults into `out->request`. */
int draft_read(struct draft *draft);
/* The last of them: what the folder's own and those above it say. */
int draft_read_defaults(struct draft *draft);

/* draft_inputs.c: adds what is an input by its name, and attaches every file once
 * nothing is missing. */
int draft_add_named(struct draft *draft);
int draft_attach(struct draft *draft);

/*
 * draft_shots.c: an item that another task's output is to be, and a draft that is named
 * by its folder.
 */
int draft_attach_output_link(struct draft *draft, size_t index, const char *path,
			     const struct request_output_link *shot);
int draft_attach_draft(struct draft *draft, size_t index);
/* The request of another folder, as far as its text goes; NULL: it cannot be read now. */
struct request *draft_peek(struct filesystem *fs, const char *path);

#endif
