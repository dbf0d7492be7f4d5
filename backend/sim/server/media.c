#include "backend/sim/server/media.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/sim/server/media_stream.h"
#include "backend/sim/server/range.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX "/media/"

/* A file that is to be served. */
struct medium {
	int fd;
	uint64_t size;
	char etag[64];
	char modified[64];
	struct range range; /* the part to send */
	bool is_partial;
};

bool media_route(const char *path, char **ret_task, enum media_kind *ret_kind)
{
	const char *id = path + strlen(PREFIX), *slash;

	if (strncmp(path, PREFIX, strlen(PREFIX)))
		return false;
	slash = strchr(id, '/');
	for (int kind = 0; slash && slash > id && kind < MEDIA_KINDS; kind++) {
		if (strcmp(slash + 1, media_file_name((enum media_kind)kind)) &&
		    strcmp(slash + 1, media_kind_name((enum media_kind)kind)))
			continue;
		*ret_kind = (enum media_kind)kind;
		*ret_task = strndup(id, (size_t)(slash - id));
		return *ret_task;
	}
	return false;
}

static int refuse(struct http_reply *reply, int status, const char *code,
		  const char *message)
{
	AUTOBUFFER text = BUFFER_INIT(2048);

	buffer_addf(&text,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<Error><Code>%s</Code><Message>%s</Message></Error>\n",
		    code, message);
	return text.data ? http_reply_text(reply, status, "application/xml", text.data)
			 : -ENOMEM;
}

static void name_times(struct medium *medium, const struct stat *st)
{
	struct tm tm;

	snprintf(medium->etag, sizeof(medium->etag),
		 "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "%09lx\"", (uint64_t)st->st_ino,
		 (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec);
	gmtime_r(&st->st_mtim.tv_sec, &tm);
	strftime(medium->modified, sizeof(medium->modified), "%a, %d %b %Y %H:%M:%S GMT",
		 &tm);
}

static int open_medium(const struct sim *sim, const struct task *task,
		       enum media_kind kind, struct medium *ret)
{
	AUTOFREE char *path = home_media_path(sim->home, task->id, media_file_name(kind));
	struct stat st;

	if (!path)
		return -ENOMEM;
	ret->fd =
		open(task->media[kind] ? task->media[kind] : path, O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0 || fstat(ret->fd, &st))
		return -errno;
	ret->size = (uint64_t)st.st_size;
	name_times(ret, &st);
	return S_ISREG(st.st_mode) ? 0 : -EISDIR;
}

static enum link_verdict check_link(const struct sim *sim,
				    const struct http_request *request,
				    const struct task *task)
{
	struct link_query query = { http_query(request, "X-Tos-Credential"),
				    http_query(request, "X-Tos-Date"),
				    http_query(request, "X-Tos-Expires"),
				    http_query(request, "X-Tos-Signature") };

	return link_check(&sim->links, task, request->path, &query, clock_wall_ms());
}

/* Whether the range applies: If-Range may name another file. */
static bool is_range_meant(const struct http_request *request,
			   const struct medium *medium)
{
	const char *condition = http_header(request, "If-Range");

	return !condition || !strcmp(condition, medium->etag) ||
	       !strcmp(condition, medium->modified);
}

static void shift(struct medium *medium, int64_t by)
{
	uint64_t length = medium->range.last - medium->range.first;
	int64_t first = (int64_t)medium->range.first + by;

	first = first < 0 ? 0 : first;
	if ((uint64_t)first >= medium->size)
		first = (int64_t)medium->size - 1;
	medium->range.first = (uint64_t)first;
	if (length > medium->size - 1 - medium->range.first)
		length = medium->size - 1 - medium->range.first;
	medium->range.last = medium->range.first + length;
}

/* Chooses the bytes to send. False: 416. */
static bool choose_range(const struct http_request *request,
			 const struct fault_action *action, struct medium *medium)
{
	enum range_verdict verdict = RANGE_NONE;

	if (!(action && action->ignore_range) && is_range_meant(request, medium))
		verdict = range_parse(http_header(request, "Range"), medium->size,
				      &medium->range);
	if (verdict == RANGE_NONE)
		medium->range = (struct range){ 0, medium->size ? medium->size - 1 : 0 };
	medium->is_partial = verdict == RANGE_GOOD;
	if (medium->is_partial && action && action->shift_range)
		shift(medium, action->shift_range);
	return verdict != RANGE_UNSATISFIABLE;
}

static void put_headers(const struct medium *medium, enum media_kind kind,
			const struct fault_action *action, struct http_reply *reply)
{
	http_reply_header(reply, "Content-Type", "%s",
			  kind == MEDIA_VIDEO ? "video/mp4" : "image/png");
	http_reply_header(reply, "ETag", "%s",
			  action && action->etag ? action->etag : medium->etag);
	http_reply_header(reply, "Last-Modified", "%s", medium->modified);
	http_reply_header(reply, "Accept-Ranges", "bytes");
	for (size_t i = 0; action && i < action->header_count; i++)
		http_reply_header(reply, action->headers[i].name, "%s",
				  action->headers[i].value);
	if (medium->is_partial)
		http_reply_header(reply, "Content-Range",
				  "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
				  medium->range.first, medium->range.last, medium->size);
}

static int put_body(struct sim *sim, const struct http_request *request,
		    struct medium *medium, struct fault *fault, struct http_reply *reply)
{
	uint64_t length = medium->size ? medium->range.last - medium->range.first + 1 : 0;

	reply->status = medium->is_partial ? 206 : 200;
	if (!length)
		return 0;
	if (fault && media_stream_is_needed(&fault->action))
		return media_stream_open(sim->faults, fault, request->socket, &medium->fd,
					 medium->range.first, length, &reply->stream);
	reply->fd = take_fd(&medium->fd);
	reply->file_offset = medium->range.first;
	reply->file_size = length;
	return 0;
}

static int serve(struct sim *sim, const struct http_request *request,
		 enum media_kind kind, struct medium *medium, struct fault *fault,
		 struct http_reply *reply)
{
	const struct fault_action *action = fault ? &fault->action : NULL;
	const char *condition = http_header(request, "If-Match");

	if (condition && strcmp(condition, "*") && !strstr(condition, medium->etag))
		return refuse(reply, 412, "PreconditionFailed", "If-Match does not hold");
	if (!choose_range(request, action, medium)) {
		http_reply_header(reply, "Content-Range", "bytes */%" PRIu64,
				  medium->size);
		return refuse(reply, 416, "InvalidRange",
			      "The requested range is not satisfiable");
	}
	put_headers(medium, kind, action, reply);
	return put_body(sim, request, medium, fault, reply);
}

int media_handle(struct sim *sim, const struct http_request *request, const char *id,
		 enum media_kind kind, struct fault *fault, struct http_reply *reply)
{
	AUTOTASK *task = tasks_find(sim->tasks, id);
	struct medium medium = { .fd = -1 };
	enum link_verdict verdict;
	int r;

	if (strcmp(request->method, "GET"))
		return refuse(reply, 403, "AccessDenied", "The link is signed for GET");
	if (http_header(request, "Authorization"))
		return refuse(reply, 400, "InvalidArgument",
			      "Only one authorization mechanism is allowed");
	if (!task)
		return refuse(reply, 404, "NoSuchKey",
			      "The specified key does not exist.");
	verdict = check_link(sim, request, task);
	if (verdict == LINK_FORGED)
		return refuse(reply, 403, "SignatureDoesNotMatch",
			      "The signature is not valid");
	if (verdict == LINK_EXPIRED)
		return refuse(reply, 403, "AccessDenied", "Request has expired");
	task_destroy(task);
	task = tasks_await_media(sim->tasks, id);
	r = task ? open_medium(sim, task, kind, &medium) : -ENOENT;
	if (!r)
		r = serve(sim, request, kind, &medium, fault, reply);
	else
		r = refuse(reply, 404, "NoSuchKey", "The specified key does not exist.");
	cleanup_close(&medium.fd);
	return r;
}
