/*
 * One task: what was ordered, how far it is, and what a test has decreed about it.
 *
 * A wire format fills in what was ordered and hands the task to tasks.h. Texts are owned
 * by the task. Not thread-safe: inside tasks.c guarded by its lock, elsewhere a private
 * copy.
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
	TASK_STATES /* none of them */
};

enum task_render {
	RENDER_NONE,
	RENDER_WANTED,
	RENDER_RUNNING,
	RENDER_DONE,
	RENDER_FAILED
};

enum media_kind { MEDIA_VIDEO, MEDIA_LAST_FRAME, MEDIA_KINDS };

/* What the renderer makes. */
struct picture {
	char *prompt;
	char *background; /* an image's file name in the task's directory, or NULL */
	int width, height, frames;
	bool has_audio, has_last_frame;
};

struct task {
	/* constant once tasks_add() has it */
	char *id;
	char *wire;  /* the wire format's prefix */
	char *model; /* as it is shown */
	char *body;  /* the request, JSON with data URLs shortened */
	char *echo;  /* JSON object of the wire format's own, for its answers */
	int64_t created_ms, expires_ms;
	bool ends_expired;
	char *fail_code, *fail_message; /* with a code: the task will fail like this */
	struct picture picture;

	/* progress */
	enum task_state state;
	int64_t state_ms;   /* since when */
	int64_t started_ms; /* when it was first running; 0 = never */
	enum task_render render;
	char *error_code, *error_message;
	int64_t link_date_ms;	 /* links given out count from here */
	int64_t link_generation; /* links of an earlier one are dead */

	/* decreed through the control port */
	enum task_state hold; /* TASK_STATES = none */
	char *raw_status;
	bool omit_video_url, is_gone;
	char *media[MEDIA_KINDS]; /* files served instead of ours */
	char *link_video_url;
};

const char *task_state_name(enum task_state state);
/* TASK_STATES if there is no such word. */
enum task_state task_state_parse(const char *name);
bool task_is_finished(const struct task *task);

const char *media_kind_name(enum media_kind kind);
const char *media_file_name(enum media_kind kind);

struct task *task_create(void);
void task_destroy(struct task *task);
void task_cleanup(struct task **task);
#define AUTOTASK __attribute__((cleanup(task_cleanup))) struct task

/* As a JSON object, all of it; task_read() makes an equal task, or NULL. */
void task_write(struct buffer *out, const char *key, const struct task *task);
struct task *task_read(const char *text);
struct task *task_copy(const struct task *task);

/* Copies a text over another one. 0 or -ENOMEM. NULL is a text too. */
int task_set_text(char **where, const char *text);

#endif
