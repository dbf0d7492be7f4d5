/*
 * What to make of a media host's answer: whether its bytes are those that were asked for,
 * and whether a failure says that the link is dead. Pure.
 *
 * Servers are distrusted: bytes count only where the head says that they belong.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_MEDIA_ANSWER_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_MEDIA_ANSWER_H

#include "backend/http/message.h"

/* So much of a failure's text is looked at. */
#define MEDIA_ANSWER_SAID_BYTES 2048

enum answer_verdict {
	ANSWER_FITS,
	ANSWER_CHANGED,	 /* the server has another file now */
	ANSWER_UNUSABLE, /* whatever it is, it is not what was asked for */
};

/* What was asked for: [start, end) of a file of that size and ETag (NULL: not known). */
struct answer_wanted {
	uint64_t start, end;
	uint64_t size;
	const char *etag;
};

/* Where the body's bytes belong. */
struct answer_span {
	uint64_t start, end;
};

/*
 * Judges an answer with status 200 or 206 by its head and the first bytes of its body. If
 * it fits, *ret_span is set: a range that ends early is taken as far as it goes, and 200
 * is the whole file. Otherwise *ret_why says what is wrong: a constant, for people.
 */
enum answer_verdict media_answer_judge(const struct http_response *response,
				       const struct answer_wanted *wanted,
				       const char *bytes, size_t size,
				       struct answer_span *ret_span,
				       const char **ret_why);

enum answer_told {
	ANSWER_TELLS,
	ANSWER_TELLS_NOTHING, /* the answer is of no use; *ret_why */
	ANSWER_HIDES_SIZE,    /* a part of a file of unknown size */
	ANSWER_IS_ENDLESS,    /* the whole file, whose size its end will tell */
};

/*
 * The same for the first answer, to a range from byte 0 on, of a file that nothing is
 * known of: whether it tells the size.
 */
enum answer_told media_answer_tell(const struct http_response *response,
				   const char *bytes, size_t size, uint64_t *ret_size,
				   struct answer_span *ret_span, const char **ret_why);

/*
 * Keeps the start of a failure's text in `said` (of MEDIA_ANSWER_SAID_BYTES and a NUL).
 * False: that was all of it that is looked at.
 */
bool media_answer_keep_said(char *said, size_t *said_size, const char *bytes,
			    size_t size);

/* Whether status 416 says that the file has another size now. */
bool media_answer_is_resized(const struct http_response *response, uint64_t size);
/* Whether a failure says that the link is dead; `said` is the start of its text. */
bool media_answer_is_dead_link(int status, const char *said);
/* Whether it says that another try may go better, with the same link. */
bool media_answer_is_passing(int status, const char *said);

#endif
