/*
 * A request: the video that a person wants, in one request language for all services.
 *
 * request_parse() reads the text of a trigger file (a bare prompt or JSON) and checks
 * everything that the text itself shows; it opens no files. Local files that the text
 * names become content items with a path and no file; the folder side opens them and
 * passes each to request_attach(). Inputs that are recognised by their file name are
 * added with request_add_input(). The provider's adapter does the rest.
 *
 * Pure: no I/O, except that request_attach() reads the descriptor it is given. A request
 * belongs to one thread at a time; request_destroy() closes its descriptors.
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

/* Largest trigger file, in bytes. Larger ones contain data URLs; files are better. */
#define REQUEST_TEXT_MAX (64u << 20)

/* The parameters of a request, named by their key in Ark's language. */
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
	char *source;	   /* where it is written, if not in the trigger under its own
			    * key: `../defaults.json`, `prompt.txt: --dur`,
			    * `request.json: "seconds"` */
	int64_t number;	   /* numbers, and booleans as 0 or 1 */
	char *text;	   /* words and strings */
	struct json *json; /* arrays and objects, passed on unchanged */
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

/*
 * A local file that is sent with a request: a private copy that nobody else can change.
 */
struct request_file {
	int fd; /* -1: none */
	uint64_t size;
	const char *mime;
	unsigned width, height; /* of an image, in pixels; 0: unknown */
	char sha256[SHA256_HEX];
};

/*
 * An output of another task as an input. The folder side names the task; the backend
 * substitutes the link or the bytes once the output exists.
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
	char *where; /* where the request names it: "content[2]"; NULL: recognised by
		      * its file name */
	bool is_any_media; /* the file decides between image, video and audio */
	struct request_file file;
	struct request_output_link shot;
};

struct request {
	char *source;	/* the trigger's file name, for messages */
	char *provider; /* a section of the configuration, or NULL */
	char *model;	/* or NULL */
	char *task_id;	/* a task created elsewhere, to be adopted; excludes everything
			 * else */
	struct request_content *content;
	size_t content_count;
	struct request_value params[PARAM_COUNT];
	struct json *extra; /* passed on unchanged, before everything else; or NULL */
	char *note;	    /* remarks for the user on how the request was read, or
			     * NULL */
};

/*
 * Parses a trigger. `name` determines the form: `request.json` is JSON, the others are a
 * bare prompt. Returns 0, -EINVAL with the problem set, or -ENOMEM.
 */
int request_parse(const char *name, const char *text, size_t size,
		  struct request **ret_request, struct problem *problem);
void request_destroy(struct request *request);
/* A copy of a request that has no files yet. 0 or -ENOMEM. */
int request_copy(const struct request *request, struct request **ret_copy);

/*
 * Adds the text and the flags of a prompt file to a request.json without a text. Messages
 * call the file `name`. Returns 0, -EINVAL with the problem set, or -ENOMEM.
 */
int request_parse_text(struct request *request, const char *name, const char *text,
		       size_t size, struct problem *problem);
/*
 * Adds a defaults.json: values that the request does not set itself (for `extra`, key by
 * key). Call it for the nearest file first. A request that only adopts takes no defaults.
 */
int request_parse_defaults(struct request *request, const char *name, const char *text,
			   size_t size, struct problem *problem);

/*
 * Adds media by role (a reference may be of any kind); `path` is relative to the task's
 * folder. Returns 0 or -ENOMEM.
 */
int request_add_input(struct request *request, enum request_role role, const char *path);
bool request_has_role(const struct request *request, enum request_role role);
bool request_has_text(const struct request *request);
/* The name of a media item in messages: its path, or its position in the request. */
const char *request_content_name(const struct request_content *item);

/*
 * Attaches the file of a content item: always takes over the descriptor, and reads type,
 * digest and image dimensions from it. A data: URL whose bytes are in the file is
 * dropped. Returns 0, -EINVAL with the problem set (not media, or media of the wrong
 * kind), or -errno.
 */
int request_attach(struct request *request, size_t index, int fd,
		   struct problem *problem);

/*
 * Whether the request contains nothing to make a video from: no text, media or draft
 * task.
 */
bool request_is_empty(const struct request *request);

/* The value of a parameter, or `otherwise` if it is not set. */
int64_t request_number(const struct request *request, enum request_param param,
		       int64_t otherwise);
const char *request_word(const struct request *request, enum request_param param);
void request_set_number(struct request *request, enum request_param param,
			int64_t number);

/* Where a parameter is written, for messages: the file, or see request_value.source. */
const char *request_param_source(const struct request *request, enum request_param param);
/* Removes a parameter, as if it had not been written. */
void request_unset(struct request *request, enum request_param param);
void request_set_word(struct request *request, enum request_param param,
		      const char *word); /* without memory it remains unset */

/*
 * Adds a sentence to the request's note, unless it is there. Without memory it is lost.
 */
void request_add_note(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The key of a parameter in Ark's language, and whether it is a boolean. */
const char *request_param_key(enum request_param param);
bool request_param_is_bool(enum request_param param);

/*
 * The request for people, as JSON text: files and data URLs appear by name, size and
 * digest. free() it; NULL without memory.
 */
char *request_describe(const struct request *request);

static inline void request_cleanup(struct request **request)
{
	request_destroy(*request);
}
#define AUTOREQUEST __attribute__((cleanup(request_cleanup))) struct request

#endif
