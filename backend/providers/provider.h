/*
 * A provider adapter: one service's wire format as pure functions. No socket, no clock,
 * no global: each is tested against recorded answers and fuzzed.
 *
 * The functions turn a request into an HTTP request, and an answer into observations.
 * They own nothing; the caller owns their results. One table lists the adapters.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_PROVIDER_H
#define SEEDANCEFS_BACKEND_PROVIDERS_PROVIDER_H

#include "backend/http/message.h"
#include "backend/request/problem.h"
#include "backend/request/request.h"

/* The address and the credentials of an account. All texts are borrowed. */
struct endpoint {
	const char *base_url; /* without a trailing slash */
	const char *key;      /* NULL: none configured */
	const char *model;    /* the section's default model, or NULL */
	const char *callback_url;
};

enum task_state {
	TASK_PENDING,
	TASK_SUBMITTING,
	TASK_QUEUED,
	TASK_RUNNING,
	TASK_SUCCEEDED,
	TASK_FAILED,
	TASK_EXPIRED,
	TASK_CANCELLED,
	TASK_INVALID,
	TASK_UNKNOWN,
};

/* A service's statement about one task. Unset texts are NULL. */
struct observation {
	char *id;	       /* the service's id of the task */
	enum task_state state; /* QUEUED … CANCELLED; TASK_UNKNOWN: the task does not
			        * exist (problem GONE), or there is no statement yet
			        * (no problem) */
	char *raw_state;       /* the service's own word, if it is unknown to us */
	bool is_doubtful; /* RUNNING; the service reports a failure of a kind that was
			   * wrong before: it counts after three in a row */
	int progress;	  /* per cent, or -1 */
	struct problem problem; /* of FAILED, UNKNOWN, and doubtful failures */
	char *video_url;
	char *last_frame_url;
	char *model;
	char *usage;	   /* the service's own object, as JSON text */
	char *answer;	   /* the task's complete object, as JSON text */
	int64_t created_s; /* seconds since the epoch; 0: unknown */
};

void observation_clear(struct observation *observation);

/* A growing list of observations. */
struct observations {
	struct observation *items;
	size_t count;
};

struct observation *
observations_push(struct observations *list); /* NULL without memory */
void observations_clear(struct observations *list);

/* The result of a create: exactly one of these three. */
enum create_result {
	CREATE_ACCEPTED,  /* observation.id is the task's id; the task may have
			   * finished already */
	CREATE_REFUSED,	  /* certain: nothing was accepted or will be billed */
	CREATE_AMBIGUOUS, /* it may have been accepted */
};

struct create_answer {
	enum create_result result;
	bool may_repeat; /* REFUSED: the same request may be sent again later (429) */
	struct observation observation;
	struct problem problem;
};

void create_answer_clear(struct create_answer *answer);

/* The forms in which a service accepts media of a kind. */
enum {
	MEDIA_BY_URL = 1 << 0,	 /* https://… */
	MEDIA_BY_DATA = 1 << 1,	 /* data:…, so local files as well */
	MEDIA_BY_FILE = 1 << 2,	 /* a part of a form, so local files as well */
	MEDIA_BY_ASSET = 1 << 3, /* asset://ID */
};

#define PARAM_BIT(param) (UINT32_C(1) << (param))

/* Ark documents a day; the others pass on its links and document nothing. */
#define PROVIDER_LINK_LIFE_S 86400

struct provider {
	const char *type;	      /* as used in the configuration */
	const char *title;	      /* the service's name, for messages */
	const char *default_base_url; /* NULL: must be configured */
	const char *default_key_env;
	/* What its requests can express; models/fit.h reduces requests to it. */
	uint32_t params;	      /* PARAM_BIT()s */
	unsigned image, video, audio; /* MEDIA_BY_…; 0: not accepted */
	bool takes_references;	      /* media that are neither first nor last frame */
	bool takes_last_frame;	      /* an image as the last frame */
	bool takes_draft_task;
	bool gives_last_frame;
	bool needs_text;

	int64_t poll_interval_ms;
	int64_t link_life_s; /* of links that do not state their expiry */
	unsigned max_active;
	uint64_t body_max_bytes;
	bool can_cancel_queued;
	bool can_cancel_running;
	unsigned query_most; /* maximum number of tasks per query */

	/*
	 * Builds the create request from the result of fit_request(). Returns 0, -EINVAL
	 * with the problem set if the service does not support the request, or -ENOMEM.
	 */
	int (*build_create)(const struct request *request,
			    const struct endpoint *endpoint,
			    struct http_request *ret_http, struct problem *problem);
	/* Reads an answer (outcome HTTP_ANSWERED). Returns 0 or -ENOMEM. */
	int (*parse_create)(const struct http_response *response,
			    struct create_answer *ret);

	/* Queries 1 to query_most tasks. */
	int (*build_query)(const char *const *ids, size_t count,
			   const struct endpoint *endpoint,
			   struct http_request *ret_http);
	/*
	 * Appends an observation for each task in the answer; a task that the answer to a
	 * query for several leaves out is queried alone later. Returns 0; -EAGAIN with
	 * the problem set if the answer says nothing about the tasks (5xx, 429,
	 * unreadable); -ENOMEM.
	 */
	int (*parse_query)(const struct http_response *response, const char *const *ids,
			   size_t count, struct observations *list,
			   struct problem *problem);

	/*
	 * Lists the service's tasks of a model and a tier (NULL: the default tier),
	 * newest first; NULL: there is no such call. parse_list() appends tasks created
	 * at `since_s` or later; -EAGAIN, -ENOMEM as above.
	 */
	int (*build_list)(const char *model, const char *tier,
			  const struct endpoint *endpoint, struct http_request *ret_http);
	int (*parse_list)(const struct http_response *response, int64_t since_s,
			  struct observations *list, struct problem *problem);

	int (*build_cancel)(const char *id, const struct endpoint *endpoint,
			    struct http_request *ret_http);
	/* 0: cancelled. -EBUSY or -EAGAIN with the problem set. */
	int (*parse_cancel)(const struct http_response *response,
			    struct problem *problem);
};

/* The adapter of a type, or NULL. */
const struct provider *provider_find(const char *type);
/* The n-th adapter; NULL after the last. */
const struct provider *provider_at(size_t n);

/* "pending", "submitting", …: the first line of status. */
const char *task_state_word(enum task_state state);
int task_state_from_word(const char *word, enum task_state *ret_state); /* 0 or -EINVAL */

/*
 * Translates a service's state word of the common vocabulary (README.md, section 7), in
 * any case. Returns whether it is known.
 */
bool provider_state_of(const char *word, enum task_state *ret_state);

/*
 * Adds the headers of a JSON call: Authorization (if there is a key), Accept. 0 or
 * -ENOMEM.
 */
int provider_add_headers(struct http_request *http, const struct endpoint *endpoint,
			 bool has_json_body);

/*
 * Prints the object as the request's body. Texts made by provider_file_mark() become
 * `data:TYPE;base64,…` with the file's bytes, which are read while they are sent. 0 or
 * -ENOMEM.
 */
int provider_set_json_body(struct http_request *http, const struct json *object,
			   const struct request *request);
/* A placeholder text for a file's data URL; free() it. */
char *provider_file_mark(const struct request_content *item);

/* The class of an HTTP status, for services that give no details. */
enum problem_class provider_class_of_status(int status);

#endif
