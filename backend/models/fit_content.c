/* Texts, drafts, and the roles and counts of media. */
#include "backend/models/fit_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The placeholder id of a service's sample request. */
#define PLACEHOLDER_DRAFT "draft_task_id"

static void count_item(struct fit *fit, const struct request_content *item)
{
	fit->texts += item->type == CONTENT_TEXT;
	fit->drafts += item->type == CONTENT_DRAFT_TASK;
	fit->first_frames += item->role == ROLE_FIRST_FRAME;
	fit->last_frames += item->role == ROLE_LAST_FRAME;
	if (item->role == ROLE_REFERENCE) {
		fit->references[item->type]++;
		fit->references_total++;
	}
}

static void count(struct fit *fit)
{
	const struct request *request = fit->request;

	fit->texts = fit->drafts = fit->first_frames = fit->last_frames = 0;
	fit->references_total = 0;
	memset(fit->references, 0, sizeof(fit->references));
	for (size_t i = 0; i < request->content_count; i++)
		count_item(fit, &request->content[i]);
}

static size_t count_media(const struct request *request)
{
	size_t media = 0;

	for (size_t i = 0; i < request->content_count; i++)
		media += fit_is_media(&request->content[i]);
	return media;
}

/* Video and audio have only one role; a single image is the first frame. */
static int give_roles(struct fit *fit)
{
	struct request *request = fit->request;
	size_t media = count_media(request);

	for (size_t i = 0; i < request->content_count; i++) {
		struct request_content *item = &request->content[i];
		AUTOFREE char *name = NULL;

		if (!fit_is_media(item) || item->role != ROLE_NONE)
			continue;
		item->role =
			item->type == CONTENT_IMAGE ? ROLE_FIRST_FRAME : ROLE_REFERENCE;
		if (item->type != CONTENT_IMAGE || media == 1)
			continue;
		item->role = ROLE_NONE;
		name = fit_item_name(fit, i);
		return fit_refuse(
			fit,
			"%s is an image without \"role\", and there are other media; add "
			"\"role\"; allowed: first_frame, last_frame, reference_image",
			name);
	}
	return 0;
}

/* For services that accept a single image, as the first frame. */
static void turn_reference(struct fit *fit)
{
	struct request *request = fit->request;

	if (!rules_service_is(&fit->rules, "reference_is_first_frame") ||
	    fit->references_total != 1 || fit->references[CONTENT_IMAGE] != 1 ||
	    fit->first_frames || fit->last_frames)
		return;
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].role == ROLE_REFERENCE)
			request->content[i].role = ROLE_FIRST_FRAME;
	request_add_note(request,
			 "the reference image is sent as the first frame: %s accepts "
			 "images only as first frames",
			 fit->title);
	count(fit);
}

static bool takes_draft_task(const struct provider *provider, unsigned what)
{
	return provider->takes_draft_task;
}

static bool takes_last_frame(const struct provider *provider, unsigned what)
{
	return provider->takes_last_frame;
}

static bool takes_references(const struct provider *provider, unsigned what)
{
	return provider->takes_references;
}

/* Refuses what the service lacks. */
static int refuse_lack(struct fit *fit, const char *what,
		       bool (*does)(const struct provider *provider, unsigned what))
{
	AUTOFREE char *others = fit_services_with(does, 0);

	return fit_refuse(fit, "%s does not support %s%s", fit->title, what, others);
}

/* Refuses what this model lacks and others at the service may have. */
static int refuse_model(struct fit *fit, const char *what, const char *rule)
{
	AUTOFREE char *where = fit_where(fit);
	AUTOFREE char *others = fit_models_with(fit, rule);

	return fit_refuse(fit, "%s does not support %s%s", where, what, others);
}

static int check_draft_id(struct fit *fit, size_t index)
{
	const struct request_content *item = &fit->request->content[index];

	if (item->shot.number || (item->text && text_is_url_safe(item->text) &&
				  !text_starts_with(item->text, PLACEHOLDER_DRAFT)))
		return 0;
	return fit_refuse(fit,
			  "content[%zu]: \"%.200s\" is not a draft task; allowed: the id "
			  "of a draft task, or the path of its folder",
			  index, item->text ? item->text : "");
}

static int check_draft_task(struct fit *fit)
{
	const struct request *request = fit->request;

	if (!fit->drafts)
		return 0;
	if (!fit->provider->takes_draft_task)
		return refuse_lack(fit, "draft_task", takes_draft_task);
	if (!fit_can(fit, "draft"))
		return refuse_model(fit, "draft_task", "draft");
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].type == CONTENT_DRAFT_TASK &&
		    check_draft_id(fit, i))
			return -EINVAL;
	if (request->content_count == 1)
		return 0;
	return fit_refuse(fit,
			  "\"content\" has other items besides the draft_task; remove "
			  "them: %s takes the prompt and the images from the draft",
			  fit->title);
}

/* First and last frame, or references, but not both. */
static int check_mixture(struct fit *fit)
{
	if (fit->first_frames > 1 || fit->last_frames > 1)
		return fit_refuse(fit,
				  "\"content\" has %zu first and %zu last frames; "
				  "allowed: one of each",
				  fit->first_frames, fit->last_frames);
	if (fit->last_frames && !fit->first_frames)
		return fit_refuse(fit,
				  "\"content\" has a last frame without a first frame; "
				  "add a first frame, or remove the last frame");
	if (fit->first_frames && fit->references_total)
		return fit_refuse(fit, "\"content\" mixes a first frame with references; "
				       "allowed: first and last frame, or references");
	return 0;
}

static int check_frames(struct fit *fit)
{
	if (fit->last_frames && !fit->provider->takes_last_frame)
		return refuse_lack(fit, "a last frame", takes_last_frame);
	if (fit->first_frames && !fit_can(fit, "first_frame"))
		return refuse_model(fit, "a first frame", "first_frame");
	if (fit->last_frames && !fit_can(fit, "last_frame"))
		return refuse_model(fit, "a last frame", "last_frame");
	return 0;
}

static int refuse_count(struct fit *fit, const char *kind, size_t found, int64_t most,
			const char *rule)
{
	AUTOFREE char *where = fit_where(fit);
	AUTOFREE char *what = text_format("reference %s", kind);

	if (most <= 0)
		return refuse_model(fit, what ? what : kind, rule);
	return fit_refuse(fit, "\"content\" has %zu %s; allowed for %s: up to %" PRId64,
			  found, what ? what : kind, where, most);
}

static int check_kinds(struct fit *fit)
{
	int r = 0;

	for (size_t i = 0; i < fit->request->content_count && !r; i++)
		if (fit_is_media(&fit->request->content[i]))
			r = fit_check_kind(fit, i);
	return r;
}

static int check_references(struct fit *fit)
{
	static const struct {
		enum request_content_type type;
		const char *rule, *words;
	} kinds[] = {
		{ CONTENT_IMAGE, "reference_images", "images" },
		{ CONTENT_VIDEO, "reference_videos", "videos" },
		{ CONTENT_AUDIO, "reference_audios", "audio files" },
	};
	int64_t most;

	if (!fit->references_total)
		return 0;
	if (rules_service_is(&fit->rules, "reference_is_first_frame"))
		return fit_refuse(fit,
				  "\"content\" has %zu references; allowed at %s: one "
				  "image, which is sent as the first frame",
				  fit->references_total, fit->title);
	if (!fit->provider->takes_references)
		return refuse_lack(fit, "references", takes_references);
	for (size_t i = 0; fit->is_listed && i < ARRAY_SIZE(kinds); i++) {
		most = rules_model_number(&fit->rules, kinds[i].rule, 0);
		if ((int64_t)fit->references[kinds[i].type] > most)
			return refuse_count(fit, kinds[i].words,
					    fit->references[kinds[i].type], most,
					    kinds[i].rule);
	}
	most = rules_model_number(&fit->rules, "references_total", INT64_MAX);
	if ((int64_t)fit->references_total > most)
		return refuse_count(fit, "media in total", fit->references_total, most,
				    "references_total");
	if (fit->references[CONTENT_AUDIO] == fit->references_total &&
	    !fit_can(fit, "audio_alone"))
		return refuse_model(fit, "reference audio without an image or a video",
				    "audio_alone");
	return 0;
}

static int check_needs_image(struct fit *fit)
{
	AUTOFREE char *where = NULL;

	if (!fit->is_listed || !rules_model_is(&fit->rules, "needs_image") ||
	    fit->drafts || fit->first_frames || fit->references[CONTENT_IMAGE])
		return 0;
	where = fit_where(fit);
	return fit_refuse(fit,
			  "%s needs an input image; add one, for example "
			  "first_frame.jpg, or choose another model",
			  where);
}

/* Characters, not bytes. */
static int64_t count_chars(const char *text)
{
	int64_t chars = 0;

	for (; *text; text++)
		chars += ((unsigned char)*text & 0xc0) != 0x80;
	return chars;
}

static void note_long_text(struct fit *fit)
{
	const struct request *request = fit->request;
	int64_t most = INT64_MAX, chars = 0;

	json_to_int64(rules_service(&fit->rules, "text_chars"), &most);
	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].type == CONTENT_TEXT)
			chars += count_chars(request->content[i].text);
	if (chars > most)
		request_add_note(fit->request,
				 "the prompt has %" PRId64
				 " characters; the limit that %s documents is %" PRId64,
				 chars, fit->title, most);
}

static int check_texts(struct fit *fit)
{
	int64_t most = INT64_MAX;

	json_to_int64(rules_service(&fit->rules, "text_max"), &most);
	if ((int64_t)fit->texts > most)
		return fit_refuse(
			fit,
			"\"content\" has %zu text items; allowed at %s: up to %" PRId64,
			fit->texts, fit->title, most);
	if (!fit->texts && fit->provider->needs_text)
		return fit_refuse(
			fit,
			"%s needs a prompt; write it to prompt.txt, or add \"prompt\"",
			fit->title);
	if (!fit->texts && fit->last_frames &&
	    rules_service_is(&fit->rules, "text_with_last_frame"))
		return fit_refuse(fit,
				  "%s needs a prompt when it is given a first and a last "
				  "frame; write it to prompt.txt, or add \"prompt\"",
				  fit->title);
	note_long_text(fit);
	return 0;
}

static int check_empty(struct fit *fit)
{
	if (!request_is_empty(fit->request))
		return 0;
	return fit_refuse(fit, "the request is empty: no \"prompt\", and nothing in "
			       "\"content\"; write a prompt, or add an image");
}

int fit_content(struct fit *fit)
{
	static int (*const checks[])(struct fit * fit) = {
		check_draft_task, check_kinds,	     check_mixture, check_frames,
		check_references, check_needs_image, check_texts,
	};
	int r = check_empty(fit);

	if (!r)
		r = give_roles(fit);
	if (r)
		return r;
	count(fit);
	turn_reference(fit);
	for (size_t i = 0; i < ARRAY_SIZE(checks) && !r; i++)
		r = checks[i](fit);
	return r;
}
