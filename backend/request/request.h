/*
 * A request: what a person wants made, in the one request language of all services.
 *
 * request_parse() reads a trigger file's text (a bare prompt or JSON) and judges all that
 * the text itself shows; it opens nothing. Local files that the text names come out as
 * content items with a path and no file; whoever knows folders opens them and gives each
 * one with request_attach(). Inputs that are named by their file name alone are added
 * with request_add_input(). What remains is for the provider's adapter.
 *
 * Pure: no I/O but for request_attach(), which reads the descriptor it is given. A
 * request belongs to one thread at a time; request_destroy() closes its descriptors.
 */
#ifndef SEEDANCEFS_BACKEND_REQUEST_REQUEST_H
#define SEEDANCEFS_BACKEND_REQUEST_REQUEST_H

#include "backend/base/digest.h"
#include "backend/base/json.h"
#include "backend/formats/type.h"
#include "backend/request/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest trigger file read, in bytes. Larger ones hold data URLs; files are better. */
#define REQUEST_TEXT_MAX (64u << 20)

/* The parameters that a request can have, named by their key in Ark's language. */
enum request_param {
	PARAM_RESOLUTION,
	PARAM_RATIO,
	PARAM_DURATION,
	PARAM_FRAMES,
	PARAM_FRAMESPERSECOND,
	PARAM_SEED,
	PARAM_CAMERA_FIXED,
	PARAM_WATERMARK,
	PARAM_GENERATE_AUDIO,
	PARAM_DRAFT,
	PARAM_RETURN_LAST_FRAME,
	PARAM_SERVICE_TIER,
	PARAM_EXECUTION_EXPIRES_AFTER,
	PARAM_PRIORITY,
	PARAM_CALLBACK_URL,
	PARAM_SAFETY_IDENTIFIER,
	PARAM_OUTPUT_FORMAT,
	PARAM_OMNI_REFERENCE_TASK_TYPE,
	PARAM_TOOLS,
	PARAM_COUNT,
};

struct request_value {
	bool is_set;
	char *source;	   /* who says it, if not the trigger by the parameter's own key:
			    * `../defaults.json`, `prompt.txt: --dur`,
			    * `request.json: "seconds"` */
	int64_t number;	   /* numbers, and booleans as 0 or 1 */
	char *text;	   /* words and texts */
	struct json *json; /* lists and objects, passed on as they are */
};

enum request_content_type {
	CONTENT_TEXT,
	CONTENT_IMAGE,
	CONTENT_VIDEO,
	CONTENT_AUDIO,
	CONTENT_DRAFT_TASK,
};

enum request_role {
	ROLE_NONE,
	ROLE_FIRST_FRAME,
	ROLE_LAST_FRAME,
	ROLE_REFERENCE,
};

/* A local file that goes out with a request:
 * a private copy that nobody else can change. */
struct request_file {
	int fd; /* -1: none */
	uint64_t size;
	const char *mime;
	unsigned width, height; /* of an image, in pixels; 0: not told */
	char sha256[SHA256_HEX];
};

/*
 * An output of another task as an input: a shot made of a shot. The folder side names the
 * task; the backend puts its link or its bytes in the place when it is there.
 */
struct request_output_link {
	uint64_t number; /* of the other task; 0: none */
	unsigned output; /* enum output_kind */
};

struct request_content {
	enum request_content_type type;
	enum request_role role;
	char *text;  /* CONTENT_TEXT: the text; CONTENT_DRAFT_TASK: the id */
	char *url;   /* media: https:, data: or asset:, in lower case, or NULL */
	char *path;  /* media: a local file, relative to the task's folder, or NULL */
	char *where; /* the place in the request: "content[2]"; NULL: a file by its name
		      */
	bool is_any_media; /* its file tells whether it is an image, a video or a sound */
	struct request_file file;
	struct request_output_link shot;
};

struct request {
	char *source;	/* the trigger's file name, for messages */
	char *provider; /* a section of the configuration, or NULL */
	char *model;	/* or NULL */
	char *task_id;	/* a task made elsewhere, to be adopted; then nothing else */
	struct request_content *content;
	size_t content_count;
	struct request_value params[PARAM_COUNT];
	struct json *extra; /* passed on as it is, before all else; or NULL */
	char *note;	    /* what a person should know of how it was read, or NULL */
};

/*
 * Reads a trigger. `name` tells the form: `request.json` is JSON, the others are a bare
 * prompt. Returns 0, -EINVAL with the problem set, or -ENOMEM.
 */
int request_parse(const char *name, const char *text, size_t size,
		  struct request **ret_request, struct problem *problem);
void request_destroy(struct request *request);
/* A copy of a request that has no files yet. 0 or -ENOMEM. */
int request_copy(const struct request *request, struct request **ret_copy);

/*
 * A prompt file beside a request.json without a text supplies it, with its flags. `name`
 * is what messages call it. Returns 0, -EINVAL with the problem set, or -ENOMEM.
 */
int request_parse_text(struct request *request, const char *name, const char *text,
		       size_t size, struct problem *problem);
/*
 * Reads a defaults.json: it says what the request itself does not (of `extra`, key by
 * key); the nearest one first. Nothing of it counts for a request that only adopts.
 */
int request_parse_defaults(struct request *request, const char *name, const char *text,
			   size_t size, struct problem *problem);

/* Adds media by role (a reference of any kind); `path` is relative to the task's folder.
 * Returns 0 or -ENOMEM. */
int request_add_input(struct request *request, enum request_role role, const char *path);
bool request_has_role(const struct request *request, enum request_role role);
bool request_has_media(const struct request *request);
bool request_has_text(const struct request *request);
/* How messages call an item of media: its path, or its place in the request. */
const char *request_content_name(const struct request_content *item);

/*
 * Gives a content item its file: takes the descriptor, in every case, and reads type,
 * digest and an image's dimensions from it. A data: address whose bytes the file holds is
 * dropped. Returns 0, -EINVAL with the problem set (not media, or media of a kind
 * that the item is not), or -errno.
 */
int request_attach(struct request *request, size_t index, int fd,
		   struct problem *problem);

/* Whether there is anything to make a video of: a text, media, or a draft task. */
bool request_is_empty(const struct request *request);

/* The value of a parameter, or the given one when it is not set. */
int64_t request_number(const struct request *request, enum request_param param,
		       int64_t otherwise);
const char *request_word(const struct request *request, enum request_param param);
void request_set_number(struct request *request, enum request_param param,
			int64_t number);

/* Who says a parameter, for messages: the file, or see request_value.source. */
const char *request_param_source(const struct request *request, enum request_param param);
/* Takes a parameter out, as if it had not been written. */
void request_unset(struct request *request, enum request_param param);
void request_set_word(struct request *request, enum request_param param,
		      const char *word); /* without memory it stays unset */

/* Adds a sentence to the request's note, once. Without memory it is lost. */
void request_add_note(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The key of a parameter in Ark's language, and whether it is a boolean. */
const char *request_param_key(enum request_param param);
bool request_param_is_bool(enum request_param param);

/*
 * The request as a person may see it, as JSON text: files and data URLs appear by name,
 * size and digest. free() it; NULL without memory.
 */
char *request_describe(const struct request *request);

static inline void request_cleanup(struct request **request)
{
	request_destroy(*request);
}
#define AUTOREQUEST __attribute__((cleanup(request_cleanup))) struct request

#endif
