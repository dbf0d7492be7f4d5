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

struct scene {
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
	struct gathered *out;
};

/* -EAGAIN, with what the folder waits for. */
int scene_wait(struct scene *scene, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* -EINVAL, with the problem. */
int scene_refuse(struct scene *scene, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Holds the folder back while a file is open for writing in the mount. */
int scene_check_writer(struct scene *scene, const char *name, const struct stat *status);
/* A file of the folder itself that is read-only once the order is sent. */
int scene_lock(struct scene *scene, const char *name, const struct stat *status);

/*
 * gather_seen.c: a file's attributes before it is read, such that a later change shows in
 * them; it may take a few milliseconds. What was read by them is added, and compared once
 * all is read: scene_check_seen().
 */
int scene_stat(struct scene *scene, const char *name, int fd, struct stat *ret_status);
int scene_add_seen(struct scene *scene, const char *name, int fd,
		   const struct stat *status);
int scene_check_seen(struct scene *scene);
void scene_clear_seen(struct scene *scene);

/* gather_read.c: reads trigger, text and defaults into `out->request`. */
int scene_read(struct scene *scene);
/* The last of them: what the folder's own and those above it say. */
int scene_read_defaults(struct scene *scene);
/* A file's content from its beginning; -EFBIG over the buffer's ceiling. */
int scene_read_all(int fd, struct buffer *text);

/* gather_inputs.c: adds what is an input by its name, and attaches every file once
 * nothing is missing. */
int scene_add_named(struct scene *scene);
int scene_attach(struct scene *scene);

/*
 * gather_shots.c: an item that another task's output is to be, and a draft that is named
 * by its folder.
 */
int scene_attach_shot(struct scene *scene, size_t index, const char *path,
		      const struct request_shot *shot);
int scene_attach_draft(struct scene *scene, size_t index);
/* The request of another folder, as far as its text goes; NULL: it cannot be read now. */
struct request *scene_peek(struct filesystem *fs, const char *path);

#endif
