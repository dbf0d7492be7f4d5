/*
 * What the files of fit share: one request being fitted to one model at one service, and
 * how it is refused. For fit*.c only.
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
	const char *title;   /* for people */
	bool is_listed;	     /* the model is in models.json, and its rules hold */
	const char *model;   /* … and this is its name there */
	struct rules rules;

	/* What the content holds, once fit_content() has looked. */
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

/* The service's block in models.json, and what people call it. */
void fit_find_service(struct fit *fit);
/* The model as the person, the configuration or models.json names it, or NULL. */
const char *fit_asked_model(const struct fit *fit);
/* Refuses one that is not there at the service. */
int fit_refuse_absent(struct fit *fit, const struct json *model, const char *name);
/* The part of fit_check_values() that no content makes any looser. */
int fit_check_ranges(struct fit *fit);

/* Refuses: one line, the request's file before it; returns -EINVAL. */
int fit_refuse(struct fit *fit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Refuses the value of a parameter; `source` is the file that says it: "KEY" is VALUE,
 * and the rest.
 */
int fit_refuse_param(struct fit *fit, enum request_param param, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "doubao-seedance-1-5-pro-251215 at Ark", or the service alone if nobody lists it. */
char *fit_where(const struct fit *fit);
/* "; models at Ark that support it: a, b": those of which the rule is true. free() it. */
char *fit_models_with(const struct fit *fit, const char *rule);
/* "; services that support it: A, B". free() it. */
char *fit_services_with(bool (*does)(const struct provider *provider, unsigned what),
			unsigned what);
/* The service's own names of all models that it has. */
void fit_add_names(const struct fit *fit, struct buffer *text);

/* The words of a list in models.json, "a, b", for messages. */
void fit_add_words(struct buffer *text, const struct json *list);

/* Whether the request says the parameter, by itself or in `extra`. */
bool fit_is_said(const struct fit *fit, enum request_param param);
/* Whether it is set, and not left out by the service or for the sake of another. */
bool fit_sends(const struct fit *fit, enum request_param param);
/* Whether it is set and not 0. */
bool fit_is_true(const struct fit *fit, enum request_param param);
bool fit_is_draft(const struct fit *fit);
/* Whether a rule holds: of models that nobody lists everything is believed. */
bool fit_can(const struct fit *fit, const char *rule);
/* "content[2]", with the file's path when it has one. free() it. */
char *fit_item_name(const struct fit *fit, size_t index);
/* Refuses an item of a kind that the service does not take at all. 0 or -EINVAL. */
int fit_check_kind(struct fit *fit, size_t index);
/* "image", "video", "audio": in messages, and the keys of `media` in models.json. */
const char *fit_kind_word(enum request_content_type type);
bool fit_is_media(const struct request_content *item);

#endif
