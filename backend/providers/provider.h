/*
 * A provider adapter: one service's wire format as pure functions. No socket, no clock,
 * no global: each is tested against recorded answers and fuzzed.
 *
 * The functions get a request or an answer and give an HTTP request or what the answer
 * says. They own nothing; what they return belongs to the caller. One table lists the
 * adapters.
 */
#ifndef SEEDANCEFS_BACKEND_PROVIDERS_PROVIDER_H
#define SEEDANCEFS_BACKEND_PROVIDERS_PROVIDER_H

#include "backend/http/message.h"
#include "backend/request/problem.h"
#include "backend/request/request.h"

/* Where and as whom to ask. All texts are borrowed. */
struct endpoint {
	const char *base_url; /* without a slash at the end */
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

/* What a service said of one task. Unset texts are NULL. */
struct observation {
	char *id;	       /* the service's id of the task */
	enum task_state state; /* QUEUED … CANCELLED; TASK_UNKNOWN: there is no such task
			     (problem GONE), or nothing is said of it yet (no problem) */
	char *raw_state;       /* the service's own word when we do not know it */
	bool is_doubtful; /* RUNNING, but it says that it failed in a way that was wrong
			     before: three times in a row counts */
	int progress;	  /* per cent, or -1 */
	struct problem problem; /* of FAILED, UNKNOWN, and what is doubtful */
	char *video_url;
	char *last_frame_url;
	char *model;
	char *usage;	   /* the service's own object, as JSON text */
	char *answer;	   /* the task's whole object, as JSON text */
	int64_t created_s; /* seconds since the epoch; 0: it does not tell */
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

/* What became of a create. Exactly one of these three. */
enum create_result {
	CREATE_ACCEPTED,  /* observation.id is the task's; it may be finished already */
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

/* The ways in which a service takes media of a kind. */
enum {
	MEDIA_BY_URL = 1 << 0,	 /* https://… */
	MEDIA_BY_DATA = 1 << 1,	 /* data:…, so a local file too */
	MEDIA_BY_FILE = 1 << 2,	 /* a part of a form: so a local file too */
	MEDIA_BY_ASSET = 1 << 3, /* asset://ID */
};

#define PARAM_BIT(param) (UINT32_C(1) << (param))

/* Ark documents a day; the others pass its links on, and document nothing. */
#define PROVIDER_LINK_LIFE_S 86400

struct provider {
	const char *type;	      /* the word in the configuration */
	const char *title;	      /* the service's name, for people */
	const char *default_base_url; /* NULL: must be configured */
	const char *default_key_env;
	/* What its requests can say. models/fit.h sees to it that they say nothing else. */
	uint32_t params;	      /* PARAM_BIT()s */
	unsigned image, video, audio; /* MEDIA_BY_…; 0: it takes none */
	bool takes_references;	      /* media without being a first or last frame */
	bool takes_last_frame;	      /* an image as the video's end */
	bool takes_draft_task;
	bool gives_last_frame;
	bool needs_text;

	int64_t poll_interval_ms;
	int64_t link_life_s; /* of a link that does not tell */
	unsigned max_active;
	uint64_t body_max_bytes;
	bool can_cancel_queued;
	bool can_cancel_running;
	unsigned query_most; /* tasks asked about in one query */

	/*
	 * Builds the create request of what fit_request() made of the person's. Returns
	 * 0, -EINVAL with the problem set when this service cannot do what is asked, or
	 * -ENOMEM.
	 */
	int (*build_create)(const struct request *request,
			    const struct endpoint *endpoint,
			    struct http_request *ret_http, struct problem *problem);
	/* Reads an answer (outcome HTTP_ANSWERED). Returns 0 or -ENOMEM. */
	int (*parse_create)(const struct http_response *response,
			    struct create_answer *ret);

	/* Asks about 1 to query_most tasks. */
	int (*build_query)(const char *const *ids, size_t count,
			   const struct endpoint *endpoint,
			   struct http_request *ret_http);
	/*
	 * Appends what was said of the asked tasks; one that the answer to a query for
	 * several leaves out is asked about alone. Returns 0; -EAGAIN with the problem
	 * set when the answer says nothing of the tasks (5xx, 429, not understood);
	 * -ENOMEM.
	 */
	int (*parse_query)(const struct http_response *response, const char *const *ids,
			   size_t count, struct observations *list,
			   struct problem *problem);

	/*
	 * The service's own list of tasks of a model and a tier (NULL: the default one),
	 * newest first; NULL: it has none.
	 * parse_list() appends those that were made at `since_s` or later; -EAGAIN,
	 * -ENOMEM as above.
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
/* The n-th adapter, NULL behind the last. */
const struct provider *provider_at(size_t n);

/* "pending", "submitting", …: the first line of status. */
const char *task_state_word(enum task_state state);
int task_state_from_word(const char *word, enum task_state *ret_state); /* 0 or -EINVAL */

/*
 * A service's state word, in any case, of the common vocabulary (README.md, section
 * 7). Returns whether it is known.
 */
bool provider_state_of(const char *word, enum task_state *ret_state);

/* Adds the headers of a JSON call:
 * Authorization (when there is a key), Accept. 0 or -ENOMEM. */
int provider_add_headers(struct http_request *http, const struct endpoint *endpoint,
			 bool has_json_body);

/*
 * Prints the object as the request's body. Texts that provider_file_mark() made become
 * `data:TYPE;base64,…` with the file's bytes, read as they are sent. 0 or -ENOMEM.
 */
int provider_set_json_body(struct http_request *http, const struct json *object,
			   const struct request *request);
/* The text to put where a file's data URL shall stand; free() it. */
char *provider_file_mark(const struct request_content *item);

/* The class of an HTTP status for services that say no more. */
enum problem_class provider_class_of_status(int status);

#endif
