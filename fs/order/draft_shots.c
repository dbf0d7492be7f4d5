/*
 * Inputs that are outputs of other tasks, and draft tasks that are named by their folder:
 * whether they are available, and what to report if not.
 */
#include "fs/order/draft_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/folder/folder.h"
#include "fs/tree/resolve.h"
#include "fs/order/output_link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Another task whose output this folder needs. */
struct other {
	const struct task_view *view;
	const char *folder; /* below the tree */
	const char *shown;  /* the same relative to this folder: "../shot-1" */
	const char *input;  /* what needs it, as shown to the user: a file, or
			     * "content[1]" */
};

/* An input by its place in the request, or by its name if it was found by name. */
static const char *input_name(const struct request_content *item)
{
	return item->where ? item->where : request_content_name(item);
}

__attribute__((format(printf, 3, 4))) static int
refuse(struct draft *draft, const struct other *other, const char *format, ...)
{
	AUTOFREE char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = text_vformat(format, arguments);
	va_end(arguments);
	return draft_refuse(draft, "%s: %s: %s", draft->trigger, other->input,
			    text ? text : "");
}

static const char *output_word(unsigned output)
{
	return output == OUTPUT_VIDEO ? "video" : "last frame";
}

static int wait_on(struct draft *draft, const struct other *other, const char *more)
{
	draft->out->waits_on = other->view->number;
	return draft_wait(draft, "waiting for %s (%s)%s", other->shown, other->input,
			  more);
}

/* The output is missing; reports what makes it available. */
static int wait_for_state(struct draft *draft, const struct other *other)
{
	switch (other->view->state) {
	case TASK_FAILED:
	case TASK_EXPIRED:
	case TASK_CANCELLED:
	case TASK_UNKNOWN:
	case TASK_INVALID: {
		AUTOFREE char *more = text_format(", which is %s: correct it, or "
						  "write \"retry\" to its status",
						  task_state_word(other->view->state));

		return wait_on(draft, other, more ? more : "");
	}
	default:
		return wait_on(draft, other, "");
	}
}

/* --- orders of other folders --- */

/* The order of another folder: sent, or as it would be sent now. */
struct other_order {
	char *request;	/* as from request_describe(); NULL: not known now */
	char *provider; /* NULL: the default one */
	char *model;	/* NULL: the provider's default one */
	bool is_final;	/* further files beside it do not change the order */
};

static void other_order_clear(struct other_order *order)
{
	free(order->request);
	free(order->provider);
	free(order->model);
}
#define AUTOORDER __attribute__((cleanup(other_order_clear))) struct other_order

/* Before sending, and after a refusal, the content of the folder counts. */
static bool is_sent(const struct task_view *view)
{
	return view->state != TASK_PENDING && view->state != TASK_INVALID;
}

/* Attached to a task created elsewhere: its request is not known. */
static bool is_adopted(const struct task_view *view)
{
	return is_sent(view) && view->remote_id && !view->intent_ms;
}

static void read_other_folder(struct draft *draft, const struct other *other,
			      struct other_order *order)
{
	AUTOREQUEST *request = draft_peek(draft->fs, other->folder);

	if (!request || request->task_id)
		return;
	order->request = request_describe(request);
	order->provider = TAKE(request->provider);
	order->model = TAKE(request->model);
	order->is_final = text_ends_with(request->source, ".json");
}

static void read_other_order(struct draft *draft, const struct other *other,
			     struct other_order *order)
{
	const struct task_view *view = other->view;

	if (is_adopted(view))
		return;
	if (!is_sent(view) || !view->request) {
		read_other_folder(draft, other, order);
		return;
	}
	order->request = strdup(view->request);
	order->provider = text_dup(view->provider);
	order->model = text_dup(view->model);
	order->is_final = true;
}

/* --- outputs --- */

/* Refuses to wait for a last frame that will never exist. */
static int check_gives_frame(struct draft *draft, const struct other *other)
{
	AUTOORDER order = { 0 };
	const struct provider_section *section;

	read_other_order(draft, other, &order);
	section = config_section(backend_config(draft->fs->backend), order.provider);
	if (!order.request || !section ||
	    backend_gives_last_frame(section, order.request))
		return 0;
	if (!section->provider->gives_last_frame)
		return refuse(draft, other,
			      "this request needs the last frame of %s, but %s returns "
			      "no last frames; use an image in this folder instead",
			      other->shown, section->provider->title);
	return refuse(
		draft, other,
		"this request needs the last frame of %s, which was submitted without "
		"one (\"return_last_frame\": false, or a draft); use another image",
		other->shown);
}

/* The other task has ended: its output is available, or never will be. */
static int take_output(struct draft *draft, struct request_content *item,
		       const struct request_output_link *shot, const struct other *other)
{
	static const unsigned hidden[] = { HIDDEN_VIDEO, HIDDEN_LAST_FRAME };
	const struct output *output = &other->view->outputs[shot->output];

	if (other->view->hidden & hidden[shot->output])
		return wait_on(draft, other,
			       ", whose output was removed: write \"fetch\" to its "
			       "status");
	if (output->is_dead || !output->url)
		return refuse(draft, other, "%s has no %s; use another file",
			      other->shown, output_word(shot->output));
	if (!output->is_ready)
		return wait_on(draft, other, "");
	item->shot = *shot;
	return 0;
}

/* An image input accepts no video; a reference accepts either. */
static int check_kind(struct draft *draft, struct request_content *item,
		      const struct request_output_link *shot, const struct other *other)
{
	enum request_content_type type =
		shot->output == OUTPUT_VIDEO ? CONTENT_VIDEO : CONTENT_IMAGE;

	if (item->is_any_media)
		item->type = type;
	if (item->type == type)
		return 0;
	return refuse(draft, other, "the %s of %s cannot be used for this input",
		      output_word(shot->output), other->shown);
}

static int attach(struct draft *draft, struct request_content *item,
		  const struct request_output_link *shot, const struct other *other)
{
	int r = check_kind(draft, item, shot, other);

	if (r)
		return r;
	if (shot->number == draft->number)
		return refuse(draft, other,
			      "the %s of this folder would make the folder depend on "
			      "itself; use another file",
			      output_word(shot->output));
	if (other->view->state == TASK_SUCCEEDED)
		return take_output(draft, item, shot, other);
	r = shot->output == OUTPUT_LAST_FRAME ? check_gives_frame(draft, other) : 0;
	return r ? r : wait_for_state(draft, other);
}

int draft_attach_output_link(struct draft *draft, size_t index, const char *path,
			     const struct request_output_link *shot)
{
	AUTOVIEW *view = backend_task_view(draft->fs->backend, shot->number);
	AUTOFREE char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
	AUTOFREE char *shown = folder ? output_link_relative(draft->path, folder) : NULL;
	struct request_content *item = &draft->out->request->content[index];
	struct other other = { view, folder, shown, input_name(item) };

	if (!view || !shown)
		return -ENOMEM;
	return attach(draft, item, shot, &other);
}

/* --- drafts --- */

/* Only a draft can be completed: the service would refuse another task. */
static int check_is_draft(struct draft *draft, const struct other *other,
			  const struct other_order *order)
{
	if (!order->request || !order->is_final || backend_makes_draft(order->request))
		return 0;
	return refuse(draft, other,
		      "%s is not a draft: it %s submitted without \"draft\": true",
		      other->shown, is_sent(other->view) ? "was" : "will be");
}

static int refuse_account(struct draft *draft, const struct other *other,
			  const struct provider_section *section)
{
	const struct task_view *view = other->view;

	return refuse(
		draft, other,
		"the draft %s was made with provider \"%s\" at %s with the key from %s; "
		"[provider %s] now uses another account, which cannot access the draft",
		other->shown, section->name, view->endpoint ? view->endpoint : "?",
		view->key_name ? view->key_name : "?", section->name);
}

/* A draft is known only to the service and the account that made it. */
static int check_provider(struct draft *draft, const struct other *other,
			  const struct other_order *order,
			  const struct provider_section *section)
{
	const struct backend *backend = draft->fs->backend;
	const struct task_view *view = other->view;
	bool is_there = task_is_active(view->state) || view->state == TASK_SUCCEEDED;
	const char *name = is_there ? view->provider : order->provider;
	const struct provider_section *by = config_section(backend_config(backend), name);

	if (!is_there && (!order->request || !by))
		return 0; /* the other folder reports the problem */
	if (by != section)
		return refuse(draft, other,
			      "the draft %s is made with provider \"%s\", but this "
			      "request goes to provider \"%s\", which does not know the "
			      "draft; use the same provider",
			      other->shown,
			      name ? name
			      : by ? by->name
				   : "?",
			      section->name);
	if (is_there && backend_section_of(backend, view) != section)
		return refuse_account(draft, other, section);
	return 0;
}

/* The model that made the draft also completes it. */
static int take_model(struct request *request, const struct other_order *order)
{
	if (request->model || !order->model)
		return 0;
	request->model = strdup(order->model);
	return request->model ? 0 : -ENOMEM;
}

/* Reports now what could not be sent, instead of after the draft is done. */
static int check_fits(struct draft *draft, size_t index, const struct other *other,
		      const struct provider_section *section)
{
	struct request *request = draft->out->request;

	request->content[index].shot.number = other->view->number;
	return backend_fit_request(draft->fs->backend, section, request,
				   &draft->out->problem);
}

static int check_draft(struct draft *draft, const struct other *other,
		       const struct other_order *order,
		       const struct provider_section **ret_section)
{
	const struct config *config = backend_config(draft->fs->backend);
	struct request *request = draft->out->request;
	const struct provider_section *section =
		config_section(config, request->provider);
	int r;

	if (!section)
		return config_refuse_section(config, request->source, request->provider,
					     &draft->out->problem);
	r = check_is_draft(draft, other, order);
	if (!r)
		r = check_provider(draft, other, order, section);
	if (!r)
		r = take_model(request, order);
	*ret_section = section;
	return r;
}

static int take_draft(struct draft *draft, size_t index, const struct other *other)
{
	struct request_content *item = &draft->out->request->content[index];
	const struct provider_section *section = NULL;
	AUTOORDER order = { 0 };
	int r;

	read_other_order(draft, other, &order);
	r = check_draft(draft, other, &order, &section);
	if (r)
		return r;
	if (other->view->state != TASK_SUCCEEDED) {
		r = check_fits(draft, index, other, section);
		return r ? r : wait_for_state(draft, other);
	}
	free(item->path);
	item->path = TAKE(item->text); /* for the ledger, and the digest */
	item->text = strdup(other->view->remote_id ? other->view->remote_id : "");
	return item->text ? 0 : -ENOMEM;
}

/* A text that is not a folder's path is an id, possibly of a task created elsewhere. */
int draft_attach_draft(struct draft *draft, size_t index)
{
	const struct request_content *item = &draft->out->request->content[index];
	AUTOFREE char *path = NULL, *shown = NULL;
	AUTOVIEW *view = NULL;
	struct other other;
	uint64_t number = 0;
	int r = resolve_path(&draft->fs->tree, draft->path, item->text, &path);

	if (!r)
		number = output_link_task(draft->fs, path);
	if (!number && !strchr(item->text, '/'))
		return 0;
	if (!number)
		return draft_wait(draft,
				  "%s: %s: there is no task folder %s (draft_task)",
				  draft->trigger, input_name(item), item->text);
	if (number == draft->number)
		return draft_refuse(draft, "%s: %s: %s is this folder itself",
				    draft->trigger, input_name(item), item->text);
	view = backend_task_view(draft->fs->backend, number);
	shown = output_link_relative(draft->path, path);
	if (!view || !shown)
		return -ENOMEM;
	other = (struct other){ view, path, shown, input_name(item) };
	return take_draft(draft, index, &other);
}
