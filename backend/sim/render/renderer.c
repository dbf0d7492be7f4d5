#include "backend/sim/render/renderer.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/thread.h"
#include "backend/sim/render/child.h"
#include "backend/sim/render/film.h"

#include <errno.h>
#include <string.h>

#define RENDERERS_MAX 64
#define PROMPT_CEILING 8192

struct renderer {
	struct renderers *owner;
	pthread_t thread;
	struct child child;
};

struct renderers {
	/* constant */
	struct tasks *tasks;
	struct home *home;
	struct renderer *all;
	unsigned count;
};

int renderers_check(void)
{
	CLEANUP(film_command_clear) struct film_command command;
	struct child child;
	int r;

	if (!film_font()) {
		log_error("no font found: install fonts-dejavu-core");
		return -ENOENT;
	}
	r = film_check(&command);
	if (r)
		return r;
	child_init(&child);
	r = child_run(&child, "/", command.arguments);
	child_clear(&child);
	if (!r)
		return 0;
	log_error("ffmpeg is missing or lacks drawtext, libx264 or aac: install ffmpeg "
		  "status=%d",
		  r);
	return -ENOENT;
}

static int run(struct renderer *renderer, const char *directory,
	       struct film_command *command)
{
	return child_run(&renderer->child, directory, command->arguments);
}

static int publish(struct renderer *renderer, const struct task *task, const char *part,
		   enum media_kind kind)
{
	struct home *home = renderer->owner->home;
	AUTOFREE char *from = home_media_path(home, task->id, part);
	AUTOFREE char *to = home_media_path(home, task->id, media_file_name(kind));

	if (!from || !to)
		return -ENOMEM;
	return rename(from, to) ? -errno : 0;
}

static int render_video(struct renderer *renderer, const struct task *task,
			const char *directory, bool with_background)
{
	CLEANUP(film_command_clear) struct film_command command;
	int r = film_video(task, with_background, &command);

	if (!r)
		r = run(renderer, directory, &command);
	return r ? r : publish(renderer, task, FILM_VIDEO_PART, MEDIA_VIDEO);
}

static int render_last_frame(struct renderer *renderer, const struct task *task,
			     const char *directory)
{
	CLEANUP(film_command_clear) struct film_command command;
	int r = film_last_frame(task, &command);

	if (!r)
		r = run(renderer, directory, &command);
	return r ? r : publish(renderer, task, FILM_FRAME_PART, MEDIA_LAST_FRAME);
}

static int write_prompt(struct renderer *renderer, const struct task *task)
{
	AUTOBUFFER prompt = BUFFER_INIT(PROMPT_CEILING);
	int r = film_prompt(&task->picture, &prompt);

	if (!r)
		r = buffer_add(&prompt, "\n");
	if (!r)
		r = home_make_media(renderer->owner->home, task->id);
	return r ? r
		 : home_write_media(renderer->owner->home, task->id, FILM_PROMPT_FILE,
				    prompt.data, prompt.size);
}

static int render(struct renderer *renderer, const struct task *task)
{
	AUTOFREE char *directory = home_media_path(renderer->owner->home, task->id, NULL);
	int r = directory ? write_prompt(renderer, task) : -ENOMEM;

	if (r)
		return r;
	r = render_video(renderer, task, directory, task->picture.background);
	if (r > 0 && task->picture.background) {
		log_info("background not usable task=%s", task->id);
		r = render_video(renderer, task, directory, false);
	}
	if (!r && task->picture.has_last_frame)
		r = render_last_frame(renderer, task, directory);
	return r;
}

static void *renderer_main(void *context)
{
	struct renderer *renderer = context;
	struct tasks *tasks = renderer->owner->tasks;
	struct task *task;

	while ((task = tasks_next_render(tasks))) {
		tasks_rendered(tasks, task->id, render(renderer, task));
		task_destroy(task);
	}
	return NULL;
}

static int start(struct renderers *renderers)
{
	struct renderer *renderer = &renderers->all[renderers->count];
	int r;

	renderer->owner = renderers;
	child_init(&renderer->child);
	r = thread_start(&renderer->thread, renderer_main, renderer);
	if (r)
		child_clear(&renderer->child);
	else
		renderers->count++;
	return r;
}

int renderers_create(struct tasks *tasks, struct home *home, unsigned count,
		     struct renderers **ret_renderers)
{
	struct renderers *renderers = calloc(1, sizeof(*renderers));
	int r = 0;

	if (!renderers)
		return -ENOMEM;
	renderers->tasks = tasks;
	renderers->home = home;
	renderers->all = calloc(RENDERERS_MAX, sizeof(*renderers->all));
	if (!renderers->all)
		r = -ENOMEM;
	for (unsigned i = 0; !r && i < count && i < RENDERERS_MAX; i++)
		r = start(renderers);
	if (r) {
		tasks_end(tasks);
		renderers_destroy(renderers);
		return r;
	}
	*ret_renderers = renderers;
	return 0;
}

void renderers_destroy(struct renderers *renderers)
{
	if (!renderers)
		return;
	for (unsigned i = 0; i < renderers->count; i++)
		child_kill(&renderers->all[i].child);
	for (unsigned i = 0; i < renderers->count; i++) {
		pthread_join(renderers->all[i].thread, NULL);
		child_clear(&renderers->all[i].child);
	}
	free(renderers->all);
	free(renderers);
}
