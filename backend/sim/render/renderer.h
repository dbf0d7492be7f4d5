/*
 * The renderers: threads that turn tasks into files, with one ffmpeg each at a time.
 *
 * Each thread lives as long as the renderers and forks its own children, which die with
 * that thread (PR_SET_PDEATHSIG), so that none outlives the program, not even after kill
 * -9. Files are made under temporary names and renamed when they are complete.
 */
#ifndef SEEDANCE_SIM_RENDER_RENDERER_H
#define SEEDANCE_SIM_RENDER_RENDERER_H

#include "backend/sim/tasks/home.h"
#include "backend/sim/tasks/tasks.h"

struct renderers;

/*
 * Whether ffmpeg, its filters and encoders, and a font are installed. Logs what is
 * missing and returns -ENOENT.
 */
int renderers_check(void);

/* `count` threads, at most 64. */
int renderers_create(struct tasks *tasks, struct home *home, unsigned count,
		     struct renderers **ret_renderers);
/* Kills running renders and joins the threads; call tasks_end() first. */
void renderers_destroy(struct renderers *renderers);

#endif
