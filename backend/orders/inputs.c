#include "backend/orders/inputs.h"

#include "backend/base/cleanup.h"
#include "backend/base/clock.h"
#include "backend/base/file.h"
#include "backend/base/log.h"
#include "backend/base/text.h"
#include "backend/config/trust.h"
#include "backend/core/core.h"
#include "backend/http/http.h"
#include "backend/http/link.h"
#include "backend/media/stream/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define DOWNLOAD_MAX_BYTES (UINT64_C(64) << 20)
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LAST_MS 60000
#define DOWNLOAD_TRIES_MAX 10
#define LINK_MARGIN_S 900	/* a link that expires sooner is not sent */
#define LINK_UNTOLD_MS 43200000 /* assumed lifetime of a link that states none */

/* An address that is downloaded into a file. */
struct download {
	struct download *next;
	struct inputs *inputs;
	size_t index; /* of the item */
	struct http_call *call;
	int fd;
	uint64_t size;
	int write_error;
	bool is_too_large;
	bool is_done;  /* the file is complete and can be attached */
	bool is_wrong; /* the address cannot be used; `why` gives the reason */
	char *why;
	unsigned failures;
	int64_t not_before_ms; /* boot clock */
	struct timer timer;
};

/* An output of another task that is fetched in order to send its bytes. */
struct fetch {
	struct fetch *next;
	size_t index; /* of the item */
	bool is_begun;
	char *why; /* the last failure */
	unsigned failures;
	int64_t not_before_ms; /* boot clock */
};

struct inputs {
	struct backend *backend;
	const struct provider_section *section;
	struct download *downloads;
	struct fetch *fetches;
};

static void download_due(void *context)
{
	(void)context; /* the timer only causes a turn, which checks all inputs */
}

static void download_destroy(struct download *download)
{
	timer_clear(&download->inputs->backend->timers, &download->timer);
	http_cancel(download->call);
	cleanup_close(&download->fd);
	free(download->why);
	free(download);
}

static void fetch_destroy(struct fetch *fetch)
{
	free(fetch->why);
	free(fetch);
}

void inputs_destroy(struct inputs *inputs)
{
	while (inputs && inputs->fetches) {
		struct fetch *fetch = inputs->fetches;

		inputs->fetches = fetch->next;
		fetch_destroy(fetch);
	}
	while (inputs && inputs->downloads) {
		struct download *download = inputs->downloads;

		inputs->downloads = download->next;
		download_destroy(download);
	}
	free(inputs);
}

static unsigned ways_of(const struct provider *provider, enum request_content_type type)
{
	switch (type) {
	case CONTENT_IMAGE:
		return provider->image;
	case CONTENT_VIDEO:
		return provider->video;
	case CONTENT_AUDIO:
		return provider->audio;
	default:
		return MEDIA_BY_URL;
	}
}

/* --- outputs of other tasks --- */

static bool is_link_alive(const struct inputs *inputs, const struct task_view *view,
			  const char *url)
{
	int64_t expires_s = link_expires_at(url), now_ms = clock_wall_ms();

	/*
	 * A remote service cannot fetch from an address that only this machine can reach.
	 */
	if (config_is_loopback(url) && !config_is_loopback(inputs->section->base_url))
		return false;
	if (!expires_s)
		return now_ms - view->since_ms < LINK_UNTOLD_MS;
	return expires_s - now_ms / 1000 > LINK_MARGIN_S;
}

static int take_link(struct request_content *item, const char *url)
{
	item->url = strdup(url);
	return item->url ? 0 : -ENOMEM;
}

static struct fetch *find_or_add_fetch(struct inputs *inputs, size_t index)
{
	struct fetch *fetch = inputs->fetches;

	while (fetch && fetch->index != index)
		fetch = fetch->next;
	if (fetch)
		return fetch;
	fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return NULL;
	fetch->index = index;
	fetch->next = inputs->fetches;
	inputs->fetches = fetch;
	return fetch;
}

/* Schedules a retry of a fetch that failed. */
static void fetch_later(struct fetch *fetch, struct backend *backend, int r)
{
	unsigned doublings = fetch->failures < 6 ? fetch->failures : 6;
	int64_t ms = (int64_t)BACKOFF_FIRST_MS << doublings;

	if (!fetch->why)
		fetch->why = strdup(strerror(-r));
	fetch->failures++;
	fetch->is_begun = false;
	fetch->not_before_ms =
		clock_boot_ms() +
		backend_jitter(backend, ms > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : ms);
}

static int explain_fetch(const struct fetch *fetch, const char *path, char **ret_waiting)
{
	*ret_waiting =
		text_format("downloading %s to send it with the request%s%s%s", path,
			    fetch->why ? " (" : "", fetch->why ? fetch->why : "",
			    fetch->why ? "; retrying automatically)" : "");
	return -EAGAIN;
}

static int take_bytes(struct inputs *inputs, struct request *request, size_t index,
		      const struct task_view *view, char **ret_waiting,
		      struct problem *problem)
{
	const struct request_content *item = &request->content[index];
	struct fetch *fetch = find_or_add_fetch(inputs, index);
	int fd = -1, r;

	if (!fetch)
		return -ENOMEM;
	if (clock_boot_ms() < fetch->not_before_ms)
		return explain_fetch(fetch, item->path, ret_waiting);
	free(TAKE(fetch->why));
	r = media_whole(inputs->backend, view, (enum output_kind)item->shot.output,
			!fetch->is_begun, &fd, &fetch->why);
	fetch->is_begun = true;
	if (!r)
		return request_attach(request, index, fd, problem);
	if (r == -ESTALE || r == -ENOMEM)
		return r;
	if (r == -ENODATA) {
		problem_set(problem, PROBLEM_INVALID,
			    "%s: %s is no longer available: the service returned no link "
			    "(%s); use another file, or make it again in a new folder",
			    request->source, item->path,
			    fetch->why ? fetch->why : "no reason given");
		return -EINVAL;
	}
	if (r != -EAGAIN)
		fetch_later(fetch, inputs->backend, r);
	return explain_fetch(fetch, item->path, ret_waiting);
}

static int provide_output_link(struct inputs *inputs, struct request *request,
			       size_t index, char **ret_waiting, struct problem *problem)
{
	struct request_content *item = &request->content[index];
	AUTOVIEW *view = tasks_view(inputs->backend->tasks, item->shot.number);
	const struct output *output = view ? &view->outputs[item->shot.output] : NULL;
	unsigned ways = ways_of(inputs->section->provider, item->type);

	if (!view || view->state != TASK_SUCCEEDED || !output->is_ready)
		return -ESTALE;
	if (item->file.fd >= 0)
		return 0;
	if (item->url && is_link_alive(inputs, view, item->url))
		return 0;
	free(TAKE(item->url));
	if (ways & MEDIA_BY_URL && output->url &&
	    is_link_alive(inputs, view, output->url))
		return take_link(item, output->url);
	if (ways & (MEDIA_BY_DATA | MEDIA_BY_FILE))
		return take_bytes(inputs, request, index, view, ret_waiting, problem);
	problem_set(problem, PROBLEM_INVALID,
		    "%s: %s accepts this input only as a URL, and the link to %s has "
		    "expired; upload the file and use its https:// URL",
		    request->source, inputs->section->provider->title, item->path);
	return -EINVAL;
}

/* --- addresses, for services that take only files --- */

static int write_download(void *context, const struct http_response *response,
			  const char *bytes, size_t size)
{
	struct download *download = context;

	if (response->status != 200)
		return 0;
	download->is_too_large = download->size + size > DOWNLOAD_MAX_BYTES;
	if (download->is_too_large)
		return -1;
	download->write_error = -file_write_at(download->fd, bytes, size, download->size);
	download->size += size;
	return download->write_error ? -1 : 0;
}

static void try_later(struct download *download)
{
	struct backend *backend = download->inputs->backend;
	unsigned doublings = download->failures < 6 ? download->failures : 6;
	int64_t ms = (int64_t)BACKOFF_FIRST_MS << doublings;

	download->failures++;
	download->not_before_ms =
		clock_boot_ms() +
		backend_jitter(backend, ms > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : ms);
	timer_set(&backend->timers, &download->timer, download->not_before_ms);
}

/* Whether a retry cannot change the result. A slow or busy server is retried. */
static bool is_final_status(int status)
{
	return status >= 300 && status < 500 && status != 408 && status != 429;
}

static void download_done(void *context, struct http_response *response)
{
	struct download *download = context;
	int status = response->status;
	bool is_whole = response->outcome == HTTP_ANSWERED && status == 200;

	download->call = NULL;
	free(TAKE(download->why));
	if (is_whole && download->size) {
		download->is_done = true;
		return;
	}
	if (download->write_error)
		download->why = strdup(strerror(download->write_error));
	else if (download->is_too_large)
		download->why =
			text_format("larger than %" PRIu64 " bytes", DOWNLOAD_MAX_BYTES);
	else if (is_whole)
		download->why = strdup("the file is empty");
	else if (response->outcome == HTTP_ANSWERED)
		download->why = text_format("HTTP status %d", status);
	else
		download->why = text_dup(response->failure);
	download->is_wrong =
		download->is_too_large || is_whole || is_final_status(status);
	if (download->failures >= DOWNLOAD_TRIES_MAX && !download->write_error)
		download->is_wrong = true;
	if (!download->is_wrong)
		try_later(download);
}

static int start_download(struct download *download, const char *url)
{
	struct backend *backend = download->inputs->backend;
	struct http_request request = { .method = "GET", .url = strdup(url) };
	struct http_options options = { .may_reuse = true,
					.follows = true,
					.sink = write_download,
					.done = download_done,
					.context = download };

	trust_media(backend->trust, download->inputs->section, &options);
	options.lane = trust_media_lane(backend->trust, download->inputs->section);
	cleanup_close(&download->fd);
	download->size = 0;
	download->write_error = 0;
	download->fd = open(backend->library_path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (download->fd < 0 || !request.url) {
		http_request_clear(&request);
		return download->fd < 0 ? -errno : -ENOMEM;
	}
	return http_start(backend->http, &request, &options, &download->call);
}

static struct download *find_download(struct inputs *inputs, size_t index)
{
	struct download *download = inputs->downloads;

	while (download && download->index != index)
		download = download->next;
	return download;
}

static struct download *add_download(struct inputs *inputs, size_t index)
{
	struct download *download = calloc(1, sizeof(*download));

	if (!download)
		return NULL;
	download->inputs = inputs;
	download->index = index;
	download->fd = -1;
	timer_init(&download->timer, download_due, download);
	download->next = inputs->downloads;
	inputs->downloads = download;
	return download;
}

/*
 * Attaches the downloaded file in place of the address. The address stays for the ledger.
 */
static int attach(struct request *request, size_t index, struct download *download,
		  struct problem *problem)
{
	struct request_content *item = &request->content[index];

	if (!item->path) /* the name for messages; the address itself may be signed */
		item->path = problem_without_secrets(item->url);
	if (!item->path)
		return -ENOMEM;
	free(TAKE(item->url));
	return request_attach(request, index, take_fd(&download->fd), problem);
}

static int provide_address(struct inputs *inputs, struct request *request, size_t index,
			   char **ret_waiting, struct problem *problem)
{
	struct download *download = find_download(inputs, index);
	AUTOFREE char *shown = NULL;
	const char *url = request->content[index].url;
	int r = 0;

	if (!text_starts_with(url, "https://") &&
	    !config_is_loopback(inputs->section->base_url)) {
		problem_set(problem, PROBLEM_INVALID,
			    "%s: %s is an http:// URL; allowed: https://, or a file in "
			    "this folder",
			    request->source,
			    request_content_name(&request->content[index]));
		return -EINVAL;
	}
	if (!download)
		download = add_download(inputs, index);
	if (!download)
		return -ENOMEM;
	if (download->is_done)
		return attach(request, index, download, problem);
	shown = problem_without_secrets(url);
	if (!shown)
		return -ENOMEM;
	if (download->is_wrong) {
		problem_set(problem, PROBLEM_INVALID,
			    "%s: %s: %.200s cannot be downloaded (%s)", request->source,
			    request_content_name(&request->content[index]), shown,
			    download->why ? download->why : "no answer");
		return -EINVAL;
	}
	if (!download->call && clock_boot_ms() >= download->not_before_ms) {
		r = start_download(download, url);
		if (r)
			return r;
	}
	*ret_waiting =
		text_format("downloading %.200s to send it with the request%s%s%s", shown,
			    download->why ? " (" : "", download->why ? download->why : "",
			    download->why ? ")" : "");
	return -EAGAIN;
}

/* --- all inputs --- */

static int provide(struct inputs *inputs, struct request *request, size_t index,
		   char **ret_waiting, struct problem *problem)
{
	const struct request_content *item = &request->content[index];
	unsigned ways = ways_of(inputs->section->provider, item->type);
	bool is_address = item->url && text_starts_with(item->url, "http");

	if (item->shot.number)
		return provide_output_link(inputs, request, index, ret_waiting, problem);
	if (is_address && !(ways & MEDIA_BY_URL) && ways & MEDIA_BY_FILE)
		return provide_address(inputs, request, index, ret_waiting, problem);
	return 0;
}

int inputs_provide(struct backend *backend, const struct provider_section *section,
		   struct request *request, struct inputs **inputs, char **ret_waiting,
		   struct problem *problem)
{
	int r = 0;

	if (!*inputs)
		*inputs = calloc(1, sizeof(**inputs));
	if (!*inputs)
		return -ENOMEM;
	(*inputs)->backend = backend;
	(*inputs)->section = section;
	for (size_t i = 0; !r && i < request->content_count; i++)
		r = provide(*inputs, request, i, ret_waiting, problem);
	return r;
}
