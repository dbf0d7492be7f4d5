/*
 * Shots made of shots: inputs that other tasks make, and drafts that are named by their
 * folder. Whether they are there already, and what to say when they are not.
 */
#include "fs/gather_scene.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/fit.h"
#include "fs/folder.h"
#include "fs/resolve.h"
#include "fs/shot.h"

#include <errno.h>
#include <string.h>

/* Another task that this folder needs something of. */
struct other {
	const struct task_view *view;
	const char *folder; /* below the tree */
	const char *shown;  /* the same as seen from this folder: "../shot-1" */
};

static const char *output_word(unsigned output)
{
	return output == OUTPUT_VIDEO ? "video" : "last frame";
}

static int wait_on(struct scene *scene, const struct other *other, const char *more)
{
	scene->out->waits_on = other->view->number;
	return scene_wait(scene, "waiting for %s%s", other->shown, more);
}

/* It is not there (yet): what ends that. */
static int wait_for_state(struct scene *scene, const struct other *other)
{
	switch (other->view->state) {
	case TASK_FAILED:
	case TASK_EXPIRED:
	case TASK_CANCELLED:
	case TASK_UNKNOWN:
	case TASK_INVALID: {
		AUTOFREE char *more =
			text_format(", which is %s: mend it, or write \"retry\" to its "
				    "status",
				    task_state_word(other->view->state));

		return wait_on(scene, other, more ? more : "");
	}
	default:
		return wait_on(scene, other, "");
	}
}

/* --- outputs --- */

/* What the other task was ordered with, or will be; NULL: it cannot be told now. */
static char *describe_order(struct scene *scene, const struct other *other,
			    char **ret_provider)
{
	AUTOREQUEST *request = NULL;

	if (other->view->state != TASK_PENDING && other->view->request) {
		*ret_provider = text_dup(other->view->provider);
		return strdup(other->view->request);
	}
	request = scene_peek(scene->fs, other->folder);
	if (!request)
		return NULL;
	*ret_provider = text_dup(request->provider);
	return request_describe(request);
}

/* Refuses to wait for a last frame that never comes. */
static int check_gives_frame(struct scene *scene, const struct other *other)
{
	AUTOFREE char *name = NULL;
	AUTOFREE char *order = describe_order(scene, other, &name);
	const struct provider_section *section =
		config_section(backend_config(scene->fs->backend), name);

	if (!order || !section || fit_gives_last_frame(section->provider, order))
		return 0;
	if (!section->provider->gives_last_frame)
		return scene_refuse(scene,
				    "%s: it waits for the last frame of %s, and %s gives "
				    "no last frame; put a picture into this folder instead",
				    scene->trigger, other->shown,
				    section->provider->title);
	return scene_refuse(scene,
			    "%s: it waits for the last frame of %s, which was ordered "
			    "without one (\"return_last_frame\": false, or a draft)",
			    scene->trigger, other->shown);
}

/* The other task is done: its output is there, or it never will be. */
static int take_output(struct scene *scene, struct request_content *item,
		       const struct request_shot *shot, const struct other *other)
{
	static const unsigned hidden[] = { HIDDEN_VIDEO, HIDDEN_LAST_FRAME };
	const struct output *output = &other->view->outputs[shot->output];

	if (other->view->hidden & hidden[shot->output])
		return wait_on(scene, other,
			       ", whose output was removed: write \"fetch\" to its "
			       "status");
	if (output->is_dead || !output->url)
		return scene_refuse(scene, "%s: %s has no %s", scene->trigger,
				    other->shown, output_word(shot->output));
	if (!output->is_ready)
		return wait_on(scene, other, "");
	item->shot = *shot;
	return 0;
}

/* A picture's place takes no video; a reference takes either. */
static int check_kind(struct scene *scene, struct request_content *item,
		      const struct request_shot *shot, const struct other *other)
{
	enum request_content_type type =
		shot->output == OUTPUT_VIDEO ? CONTENT_VIDEO : CONTENT_IMAGE;

	if (item->is_any_media)
		item->type = type;
	if (item->type == type)
		return 0;
	return scene_refuse(scene, "%s: %s is the %s of %s, which cannot stand here",
			    scene->trigger, item->path, output_word(shot->output),
			    other->shown);
}

static int attach(struct scene *scene, struct request_content *item,
		  const struct request_shot *shot, const struct other *other)
{
	int r = check_kind(scene, item, shot, other);

	if (r)
		return r;
	if (shot->number == scene->number)
		return scene_refuse(scene,
				    "%s: %s is this folder's own %s: it would wait for "
				    "itself",
				    scene->trigger, item->path,
				    output_word(shot->output));
	if (other->view->state == TASK_SUCCEEDED)
		return take_output(scene, item, shot, other);
	r = shot->output == OUTPUT_LAST_FRAME ? check_gives_frame(scene, other) : 0;
	return r ? r : wait_for_state(scene, other);
}

int scene_attach_shot(struct scene *scene, size_t index, const char *path,
		      const struct request_shot *shot)
{
	AUTOVIEW *view = backend_task_view(scene->fs->backend, shot->number);
	AUTOFREE char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	AUTOFREE char *shown = folder ? shot_relative(scene->path, folder) : NULL;
	struct other other = { view, folder, shown };

	if (!view || !shown)
		return -ENOMEM;
	return attach(scene, &scene->out->request->content[index], shot, &other);
}

/* --- drafts --- */

/* A draft is of the service that made it, and of that account. */
static int check_provider(struct scene *scene, const struct other *other)
{
	struct request *request = scene->out->request;
	const char *made_by = other->view->provider ? other->view->provider : "";
	const struct provider_section *section = config_section(
		backend_config(scene->fs->backend), request->provider);

	if (section && !strcmp(section->name, made_by))
		return 0;
	return scene_refuse(scene,
			    "%s: the draft %s was made with provider \"%s\"; this asks "
			    "provider \"%s\" for the rest, which does not know it",
			    request->source, other->shown, made_by,
			    section ? section->name : "?");
}

static int take_draft(struct scene *scene, size_t index, const struct other *other)
{
	struct request_content *item = &scene->out->request->content[index];
	int r;

	if (other->view->state != TASK_SUCCEEDED)
		return wait_for_state(scene, other);
	r = check_provider(scene, other);
	if (r)
		return r;
	free(item->path);
	item->path = TAKE(item->text); /* for the books, and the digest */
	item->text = strdup(other->view->remote_id ? other->view->remote_id : "");
	return item->text ? 0 : -ENOMEM;
}

/* What is no folder's path is an id, made elsewhere perhaps. */
int scene_attach_draft(struct scene *scene, size_t index)
{
	const struct request_content *item = &scene->out->request->content[index];
	AUTOFREE char *path = NULL, *shown = NULL;
	AUTOVIEW *view = NULL;
	struct other other;
	uint64_t number = 0;
	int r = resolve_path(&scene->fs->tree, scene->path, item->text, &path);

	if (!r)
		number = shot_task(scene->fs, path);
	if (!number && !strchr(item->text, '/'))
		return 0;
	if (!number)
		return scene_wait(scene, "%s: there is no task folder %s (draft_task)",
				  scene->trigger, item->text);
	if (number == scene->number)
		return scene_refuse(scene, "%s: %s is this folder itself",
				    scene->trigger, item->text);
	view = backend_task_view(scene->fs->backend, number);
	shown = shot_relative(scene->path, path);
	if (!view || !shown)
		return -ENOMEM;
	other = (struct other){ view, path, shown };
	return take_draft(scene, index, &other);
}
