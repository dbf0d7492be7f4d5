/*
 * Shared by the files that make a draft.
 *
 * The functions return 0; -EAGAIN if something holds the folder back (`out->waiting` says
 * what); -EINVAL if something is refused (`out->problem`); or another -errno.
 */
#ifndef SEEDANCEFS_FS_ORDER_DRAFT_INTERNAL_H
#define SEEDANCEFS_FS_ORDER_DRAFT_INTERNAL_H

#include "backend/base/buffer.h"
#include "fs/order/draft.h"

#include <sys/stat.h>

#define NAMED_MAX 64 /* inputs found by name: more than any service accepts */

/* A file that was read for the order. */
struct seen_file {
	char *name; /* shown to the user */
	int fd;
	struct stat status; /* before it was read */
};

struct draft {
	struct filesystem *fs;
	uint64_t number;  /* of its task; 0: none */
	const char *path; /* below the tree */
	int directory;
	bool is_comparison; /* only the digest is needed: copies nothing, waits for no
			     * task */
	bool has_copy, has_hold;
	bool has_json;	     /* there is a request.json, which then is the trigger */
	char *prompt;	     /* the prompt file that is used, or NULL */
	const char *trigger; /* request.json or `prompt`, or NULL */
	char *names[NAMED_MAX];
	size_t name_count;
	bool has_too_many;
	struct seen_file *seen;
	size_t seen_count;
	struct digest *digest;
	struct parsed *parsed; /* the merged content of the texts read so far */
	struct draft_result *out;
};

/* Sets what the folder waits for, and returns -EAGAIN. */
int draft_wait(struct draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Sets the problem, and returns -EINVAL. */
int draft_refuse(struct draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Holds the folder back while the file is open for writing in the mount. */
int draft_check_writer(struct draft *draft, const char *name, const struct stat *status);
/* Adds a file of the folder to those that are read-only once the order is sent. */
int draft_lock(struct draft *draft, const char *name, const struct stat *status);

/*
 * draft_seen.c: draft_stat() reads a file's attributes before the file itself is read,
 * such that any later change alters them; it may take a few milliseconds.
 * draft_add_seen() records a file and these attributes. After everything has been read,
 * draft_check_seen() compares them.
 */
int draft_stat(struct draft *draft, const char *name, int fd, struct stat *ret_status);
int draft_add_seen(struct draft *draft, const char *name, int fd,
		   const struct stat *status);
int draft_check_seen(struct draft *draft);
void draft_clear_seen(struct draft *draft);

/* draft_read.c: reads the trigger, the prompt and defaults into `out->request`. */
int draft_read(struct draft *draft);
/* The last step of it: the defaults of the folder and of those above it. */
int draft_read_defaults(struct draft *draft);

/*
 * draft_inputs.c: draft_add_named() adds the files that are inputs by name;
 * draft_attach() attaches every input once nothing is missing.
 */
int draft_add_named(struct draft *draft);
int draft_attach(struct draft *draft);

/*
 * draft_shots.c: an input that is another task's output, and a draft task that is named
 * by its folder.
 */
int draft_attach_output_link(struct draft *draft, size_t index, const char *path,
			     const struct request_output_link *shot);
int draft_attach_draft(struct draft *draft, size_t index);
/* The request of another folder, from its texts only. NULL: it cannot be read now. */
struct request *draft_peek(struct filesystem *fs, const char *path);

#endif
