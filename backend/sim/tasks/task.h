/*
 * One task: what was ordered, its progress, and what a test has decreed.
 *
 * A wire format fills in the order and hands the task to tasks.h. The task owns its
 * texts. Not thread-safe: inside tasks.c its lock guards the task, elsewhere it is a
 * private copy.
 */
#ifndef SEEDANCE_SIM_TASKS_TASK_H
#define SEEDANCE_SIM_TASKS_TASK_H

#include "backend/base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define TASK_TEXT_MAX (1024u * 1024) /* of body and echo */

enum task_state {
	TASK_QUEUED,
	TASK_RUNNING,
	TASK_SUCCEEDED,
	TASK_FAILED,
	TASK_EXPIRED,
	TASK_CANCELLED,
	TASK_STATES /* no state */
};

enum task_render {
	RENDER_NONE,
	RENDER_WANTED,
	RENDER_RUNNING,
	RENDER_DONE,
	RENDER_FAILED
};

enum media_kind { MEDIA_VIDEO, MEDIA_LAST_FRAME, MEDIA_KINDS };

/* The parameters of the render. */
struct picture {
	char *prompt;
	char *background; /* an image's file name in the task's directory, or NULL */
	int width, height, frames;
	bool has_audio, has_last_frame;
};

struct task {
	/* constant after tasks_add() */
	char *id;
	char *wire;  /* the wire format's prefix */
	char *model; /* as shown in answers */
	char *body;  /* the request as JSON with shortened data URLs */
	char *echo;  /* JSON object in the wire format's own terms, for its answers */
	int64_t created_ms, expires_ms;
	bool ends_expired;
	char *fail_code, *fail_message; /* with a code: the task will fail with it */
	struct picture picture;

	/* progress */
	enum task_state state;
	int64_t state_ms;   /* since when */
	int64_t started_ms; /* when it first entered running; 0 = never */
	enum task_render render;
	char *error_code, *error_message;
	int64_t link_date_ms;	 /* the life of links counts from here */
	int64_t link_generation; /* links of earlier generations are dead */

	/* decreed through the control port */
	enum task_state hold; /* TASK_STATES = none */
	char *raw_status;
	bool omit_video_url, is_gone;
	char *media[MEDIA_KINDS]; /* files to serve instead of rendered ones */
	char *link_video_url;
};

const char *task_state_name(enum task_state state);
/* TASK_STATES if the word is unknown. */
enum task_state task_state_parse(const char *name);
bool task_is_finished(const struct task *task);

const char *media_kind_name(enum media_kind kind);
const char *media_file_name(enum media_kind kind);

struct task *task_create(void);
void task_destroy(struct task *task);
void task_cleanup(struct task **task);
#define AUTOTASK __attribute__((cleanup(task_cleanup))) struct task

/*
 * Writes the complete task as a JSON object; task_read() makes an equal task of it, or
 * NULL.
 */
void task_write(struct buffer *out, const char *key, const struct task *task);
struct task *task_read(const char *text);
struct task *task_copy(const struct task *task);

/* Replaces a text by a copy of another one (or by NULL). 0 or -ENOMEM. */
int task_set_text(char **where, const char *text);

#endif
