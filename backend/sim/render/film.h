/*
 * The ffmpeg command lines that render a task's files. Everything runs in the task's
 * directory with relative file names, so that no path needs escaping in a filter graph.
 * Pure, except for film_font(), which looks for a font file.
 *
 * The picture: the prompt and the word SIMULATED are drawn once onto a still (the first
 * frame, if there is one, else a plain colour derived from the task's id); a moving box
 * and a frame counter are added frame by frame, so a render is cheap.
 */
#ifndef SEEDANCE_SIM_RENDER_FILM_H
#define SEEDANCE_SIM_RENDER_FILM_H

#include "backend/base/buffer.h"
#include "backend/sim/tasks/task.h"

#include <stdbool.h>

#define FILM_FPS 24
#define FILM_PROMPT_FILE "prompt.txt"
#define FILM_VIDEO_PART "video.part"
#define FILM_FRAME_PART "last_frame.part"

#define FILM_ARGUMENTS_MAX 64

/* An argument vector that owns its texts. */
struct film_command {
	char *arguments[FILM_ARGUMENTS_MAX + 1];
	size_t count;
	int error; /* sticky: -ENOMEM, -E2BIG */
};

void film_command_clear(struct film_command *command);

/* NULL if none of the known fonts is installed. */
const char *film_font(void);

/* The text of the prompt for FILM_PROMPT_FILE. */
int film_prompt(const struct picture *picture, struct buffer *out);
int film_video(const struct task *task, bool with_background, struct film_command *ret);
int film_last_frame(const struct task *task, struct film_command *ret);
/* A tiny render without output that uses every feature that the others use. */
int film_check(struct film_command *ret);

#endif
