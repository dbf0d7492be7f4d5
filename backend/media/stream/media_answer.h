/*
 * Judges the answers of media hosts: whether the bytes are the requested ones, and
 * whether a failure means that the link has expired. Pure.
 *
 * Servers are distrusted: bytes count only where the headers say that they belong.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_MEDIA_ANSWER_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_MEDIA_ANSWER_H

#include "backend/http/message.h"

/* Bytes of a failure's text that are examined. */
#define MEDIA_ANSWER_SAID_BYTES 2048

enum answer_verdict {
	ANSWER_FITS,
	ANSWER_CHANGED,	 /* the server has a different file now */
	ANSWER_UNUSABLE, /* not what was requested */
};

/* The request: [start, end) of a file with this size and ETag (NULL: unknown). */
struct answer_wanted {
	uint64_t start, end;
	uint64_t size;
	const char *etag;
};

/* The position of the body's bytes in the file. */
struct answer_span {
	uint64_t start, end;
};

/*
 * Judges an answer with status 200 or 206 by its headers and the first bytes of its body.
 * If it fits, *ret_span is set: a range that ends early is accepted as far as it goes,
 * and 200 is the complete file. Otherwise *ret_why gives the reason: a constant, for
 * messages.
 */
enum answer_verdict media_answer_judge(const struct http_response *response,
				       const struct answer_wanted *wanted,
				       const char *bytes, size_t size,
				       struct answer_span *ret_span,
				       const char **ret_why);

enum answer_told {
	ANSWER_TELLS,
	ANSWER_TELLS_NOTHING, /* not usable; see *ret_why */
	ANSWER_HIDES_SIZE,    /* a part of a file of unknown size */
	ANSWER_IS_ENDLESS,    /* the complete file; only its end tells the size */
};

/*
 * The same for the first answer, to a range from byte 0, about an unknown file: whether
 * it tells the size.
 */
enum answer_told media_answer_tell(const struct http_response *response,
				   const char *bytes, size_t size, uint64_t *ret_size,
				   struct answer_span *ret_span, const char **ret_why);

/*
 * Appends the start of a failure's text to `said` (MEDIA_ANSWER_SAID_BYTES and a NUL).
 * False: it is full.
 */
bool media_answer_keep_said(char *said, size_t *said_size, const char *bytes,
			    size_t size);

/* Whether a 416 says that the size of the file has changed. */
bool media_answer_is_resized(const struct http_response *response, uint64_t size);
/* Whether a failure means that the link has expired; `said` is the start of its text. */
bool media_answer_is_dead_link(int status, const char *said);
/* Whether a retry with the same link may succeed. */
bool media_answer_is_passing(int status, const char *said);

#endif
