/*
 * Shared by the files of fit: one request that is being fitted to one model at one
 * service, and its refusals. For fit*.c only.
 */
#ifndef SEEDANCEFS_BACKEND_MODELS_FIT_INTERNAL_H
#define SEEDANCEFS_BACKEND_MODELS_FIT_INTERNAL_H

#include "backend/base/buffer.h"
#include "backend/models/fit.h"
#include "backend/models/rules_internal.h"

struct fit {
	const struct models *models;
	const struct provider *provider;
	const struct endpoint *endpoint;
	struct request *request;
	struct problem *problem;

	const char *service; /* its block in models.json */
	const char *title;   /* for messages */
	bool is_listed;	     /* the model is in models.json, and its rules apply */
	const char *model;   /* … under this name */
	struct rules rules;

	/* Set by fit_content(): what the content contains. */
	size_t texts, drafts;
	size_t references[CONTENT_DRAFT_TASK]; /* by type: CONTENT_IMAGE … */
	size_t references_total;
	size_t first_frames, last_frames;
};

/* Each step returns 0, -EINVAL with the problem set, or -ENOMEM. */
int fit_model(struct fit *fit);
int fit_content(struct fit *fit);
int fit_media(struct fit *fit);
int fit_leave_out(struct fit *fit);
int fit_complete(struct fit *fit);
int fit_check_values(struct fit *fit);
int fit_check_tools(struct fit *fit);

/* Finds the service's block in models.json, and its title. */
void fit_find_service(struct fit *fit);
/* The model named by the request, the configuration or models.json; or NULL. */
const char *fit_asked_model(const struct fit *fit);
/* Refuses a model that the service does not have. */
int fit_refuse_absent(struct fit *fit, const struct json *model, const char *name);
/* The part of fit_check_values() that no content relaxes. */
int fit_check_ranges(struct fit *fit);

/* Refuses with one line that begins with the request's file; returns -EINVAL. */
int fit_refuse(struct fit *fit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Refuses the value of a parameter: its source, "KEY" is VALUE, and the rest. */
int fit_refuse_param(struct fit *fit, enum request_param param, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "doubao-seedance-1-5-pro-251215 at Ark"; for an unlisted model the service alone. */
char *fit_where(const struct fit *fit);
/*
 * "; models at Ark that support it: a, b": those for which the rule is true. free() it.
 */
char *fit_models_with(const struct fit *fit, const char *rule);
/* "; services that support it: A, B". free() it. */
char *fit_services_with(bool (*does)(const struct provider *provider, unsigned what),
			unsigned what);
/* The service's names of all its models. */
void fit_add_names(const struct fit *fit, struct buffer *text);

/* The words of an array in models.json, "a, b", for messages. */
void fit_add_words(struct buffer *text, const struct json *list);

/* Whether the request sets the parameter, directly or in `extra`. */
bool fit_is_said(const struct fit *fit, enum request_param param);
/* Whether it is set, and is not dropped for the service or in favour of another one. */
bool fit_sends(const struct fit *fit, enum request_param param);
/* Whether it is set and not 0. */
bool fit_is_true(const struct fit *fit, enum request_param param);
bool fit_is_draft(const struct fit *fit);
/* Whether a rule is true; for unlisted models every rule is. */
bool fit_can(const struct fit *fit, const char *rule);
/* "content[2]", with the file's path if it has one. free() it. */
char *fit_item_name(const struct fit *fit, size_t index);
/* Refuses an item of a kind that the service does not accept. 0 or -EINVAL. */
int fit_check_kind(struct fit *fit, size_t index);
/* "image", "video", "audio": for messages, and as keys of `media` in models.json. */
const char *fit_kind_word(enum request_content_type type);
bool fit_is_media(const struct request_content *item);

#endif
