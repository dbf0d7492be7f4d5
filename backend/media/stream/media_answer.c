#include "backend/media/stream/media_answer.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/http/content_range.h"

#include <string.h>
#include <strings.h>

/* --- answers that are not media --- */

/*
 * Pages and messages, which arrive with status 200 for a dead link or from a network that
 * requires a login. text/plain is accepted: servers use it for any file that they do not
 * know.
 */
static bool is_page(const char *content_type)
{
	static const char *const kinds[] = { "text/html", "text/xml", "application/json",
					     "application/xml", "application/xhtml" };

	for (size_t i = 0; content_type && i < ARRAY_SIZE(kinds); i++)
		if (!strncasecmp(content_type, kinds[i], strlen(kinds[i])))
			return true;
	return false;
}

/* NULL: none. */
static const char *objection(const struct http_response *response, bool is_start,
			     const char *bytes, size_t size)
{
	if (response->content_encoding &&
	    strcasecmp(response->content_encoding, "identity"))
		return "the media host sent the file compressed, which was not requested";
	if (is_page(response->content_type))
		return "the media host sent a web page instead of the file";
	if (is_start && size && *bytes == '<') /* no video or picture begins like this */
		return "the media host sent a web page instead of the file";
	return NULL;
}

/* --- the head --- */

static const char *opaque_tag(const char *etag)
{
	return text_starts_with(etag, "W/") ? etag + 2 : etag;
}

/* A weak tag proves little, but more than nothing. */
static bool is_other_etag(const char *one, const char *other)
{
	return one && other && strcmp(opaque_tag(one), opaque_tag(other));
}

static enum answer_verdict judge_whole(const struct http_response *response,
				       const struct answer_wanted *wanted,
				       struct answer_span *ret_span, const char **ret_why)
{
	bool is_same = wanted->etag && response->etag; /* equal: checked before */

	if (response->content_length < 0 && !is_same) {
		*ret_why = "the media host does not report the size of the file";
		return ANSWER_UNUSABLE;
	}
	if (response->content_length >= 0 &&
	    (uint64_t)response->content_length != wanted->size)
		return ANSWER_CHANGED;
	*ret_span = (struct answer_span){ .start = 0, .end = wanted->size };
	return ANSWER_FITS;
}

static enum answer_verdict judge_range(const struct http_response *response,
				       const struct answer_wanted *wanted,
				       struct answer_span *ret_span, const char **ret_why)
{
	struct content_range range;

	if (content_range_parse(response->content_range, &range) || !range.has_range) {
		*ret_why = "the media host does not say which bytes it sent";
		return ANSWER_UNUSABLE;
	}
	if (range.has_total && range.total != wanted->size)
		return ANSWER_CHANGED;
	if (range.first != wanted->start || range.last >= wanted->end) {
		*ret_why = "the media host sent a different byte range than requested";
		return ANSWER_UNUSABLE;
	}
	*ret_span = (struct answer_span){ .start = wanted->start, .end = range.last + 1 };
	return ANSWER_FITS;
}

enum answer_verdict media_answer_judge(const struct http_response *response,
				       const struct answer_wanted *wanted,
				       const char *bytes, size_t size,
				       struct answer_span *ret_span, const char **ret_why)
{
	bool is_start = response->status == 200 || wanted->start == 0;
	const char *why = objection(response, is_start, bytes, size);

	*ret_why = why ? why : "the file at the media host changed";
	if (why)
		return ANSWER_UNUSABLE;
	if (is_other_etag(wanted->etag, response->etag))
		return ANSWER_CHANGED;
	return response->status == 206 ? judge_range(response, wanted, ret_span, ret_why)
				       : judge_whole(response, wanted, ret_span, ret_why);
}

/* The part at the start of the file. */
static enum answer_told tell_part(const struct http_response *response,
				  uint64_t *ret_size, struct answer_span *ret_span)
{
	struct content_range range;

	if (content_range_parse(response->content_range, &range) || !range.has_range ||
	    range.first != 0)
		return ANSWER_TELLS_NOTHING;
	if (!range.has_total)
		return ANSWER_HIDES_SIZE;
	*ret_size = range.total;
	*ret_span = (struct answer_span){ .start = 0, .end = range.last + 1 };
	return ANSWER_TELLS;
}

enum answer_told media_answer_tell(const struct http_response *response,
				   const char *bytes, size_t size, uint64_t *ret_size,
				   struct answer_span *ret_span, const char **ret_why)
{
	const char *why = objection(response, true, bytes, size);

	*ret_why = why ? why : "the response has no usable size";
	if (why)
		return ANSWER_TELLS_NOTHING;
	if (response->status == 206)
		return tell_part(response, ret_size, ret_span);
	if (response->content_length < 0)
		return ANSWER_IS_ENDLESS;
	*ret_size = (uint64_t)response->content_length;
	*ret_span = (struct answer_span){ .start = 0, .end = *ret_size };
	return ANSWER_TELLS;
}

/* --- failures --- */

bool media_answer_keep_said(char *said, size_t *said_size, const char *bytes, size_t size)
{
	size_t room = MEDIA_ANSWER_SAID_BYTES - *said_size;
	size_t part = size < room ? size : room;

	memcpy(said + *said_size, bytes, part);
	*said_size += part;
	return size <= room;
}

bool media_answer_is_resized(const struct http_response *response, uint64_t size)
{
	struct content_range range;

	return response->status == 416 &&
	       !content_range_parse(response->content_range, &range) && range.has_total &&
	       range.total != size;
}

static bool is_expired(const char *said)
{
	return strcasestr(said, "ExpiredRequest") || strcasestr(said, "has expired");
}

bool media_answer_is_dead_link(int status, const char *said)
{
	return status == 401 || status == 403 || status == 404 || status == 410 ||
	       (status == 400 && is_expired(said));
}

bool media_answer_is_passing(int status, const char *said)
{
	if (status == 400)
		return strstr(said, "video_not_ready") != NULL;
	return status < 300 || status == 408 || status == 425 || status == 429 ||
	       status >= 500;
}
