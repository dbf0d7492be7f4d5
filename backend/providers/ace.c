/*
 * AceData Cloud, and xhuoapi, which is the same service under another name and path:
 * README.md, sections 1 and 4.
 *
 * Without `async`, a create blocks until the video is finished, and bills even a client
 * that did not wait. So `async` is always set; a synchronous answer is accepted
 * nevertheless.
 */
#include "backend/providers/ace_internal.h"
#include "backend/providers/ark_shape.h"
#include "backend/providers/call.h"
#include "backend/providers/table_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>

#define QUERY_MOST 50
#define QUERY_LIMIT 12 /* the default number of results of a query: 1.3 */

/* The differences between the two on the wire. */
struct ace_paths {
	const char *create, *query;
};

static const struct ace_paths acedata = { "/seedance/videos", "/seedance/tasks" };
static const struct ace_paths xhuo = { "/v1/seedance/videos", "/v1/seedance/tasks" };

/* --- building --- */

static const struct param_name names[] = {
	{ PARAM_RESOLUTION, "resolution" },
	{ PARAM_RATIO, "ratio" },
	{ PARAM_DURATION, "duration" },
	{ PARAM_FRAMES, "frames" },
	{ PARAM_FRAMESPERSECOND, "framespersecond" }, /* xhuo only */
	{ PARAM_SEED, "seed" },
	{ PARAM_CAMERA_FIXED, "camerafixed" },
	{ PARAM_WATERMARK, "watermark" },
	{ PARAM_GENERATE_AUDIO, "generate_audio" },
	{ PARAM_RETURN_LAST_FRAME, "return_last_frame" },
	{ PARAM_SERVICE_TIER, "service_tier" },
	{ PARAM_EXECUTION_EXPIRES_AFTER, "execution_expires_after" },
	{ PARAM_CALLBACK_URL, "callback_url" },
	/* AceData only: */
	{ PARAM_PRIORITY, "priority" },
	{ PARAM_SAFETY_IDENTIFIER, "safety_identifier" },
	{ PARAM_OUTPUT_FORMAT, "output_format" },
	{ PARAM_OMNI_REFERENCE_TASK_TYPE, "omni_reference_task_type" },
	{ PARAM_TOOLS, "tools" },
};

static int build_create(const struct ace_paths *paths, const struct request *request,
			const struct endpoint *endpoint, struct http_request *ret_http)
{
	AUTOJSON *body = json_new_object();
	int r = json_put_bool(body, "async", true); /* before `extra`, which must not
						     * override it */

	if (!r)
		r = ark_put_request(request, names, ARRAY_SIZE(names), body);
	return r ? r : call_with_json(ret_http, endpoint, paths->create, body, request);
}

static int put_ids(struct json *body, const char *const *ids, size_t count)
{
	struct json *list = json_new_array();
	int r = json_put(body, "ids", list);

	for (size_t i = 0; !r && i < count; i++) {
		AUTOJSON *holder = json_new_object();

		r = json_put_string(holder, "id", ids[i]);
		if (!r)
			r = json_push(list, json_copy(json_get(holder, "id")));
	}
	return r;
}

static int put_batch(struct json *body, const char *const *ids, size_t count)
{
	int r = put_ids(body, ids, count);

	if (!r)
		r = json_put_string(body, "action", "retrieve_batch");
	if (!r && count > QUERY_LIMIT)
		r = json_put_int64(body, "limit", (int64_t)count);
	return r;
}

static int build_query(const struct ace_paths *paths, const char *const *ids,
		       size_t count, const struct endpoint *endpoint,
		       struct http_request *ret_http)
{
	AUTOJSON *body = json_new_object();
	int r;

	if (!count || count > QUERY_MOST)
		return -EINVAL;
	for (size_t i = 0; i < count; i++)
		if (!text_is_url_safe(ids[i]))
			return -EINVAL;
	if (count == 1) {
		r = json_put_string(body, "id", ids[0]);
		if (!r)
			r = json_put_string(body, "action", "retrieve");
	} else {
		r = put_batch(body, ids, count);
	}
	return r ? r : call_with_json(ret_http, endpoint, paths->query, body, NULL);
}

/* --- the two services --- */

static int acedata_build_create(const struct request *request,
				const struct endpoint *endpoint,
				struct http_request *ret_http, struct problem *problem)
{
	return build_create(&acedata, request, endpoint, ret_http);
}

static int acedata_build_query(const char *const *ids, size_t count,
			       const struct endpoint *endpoint,
			       struct http_request *ret_http)
{
	return build_query(&acedata, ids, count, endpoint, ret_http);
}

static int xhuo_build_create(const struct request *request,
			     const struct endpoint *endpoint,
			     struct http_request *ret_http, struct problem *problem)
{
	return build_create(&xhuo, request, endpoint, ret_http);
}

static int xhuo_build_query(const char *const *ids, size_t count,
			    const struct endpoint *endpoint,
			    struct http_request *ret_http)
{
	return build_query(&xhuo, ids, count, endpoint, ret_http);
}

#define BOTH_PARAMS                                                                    \
	(PARAM_BIT(PARAM_RESOLUTION) | PARAM_BIT(PARAM_RATIO) |                        \
	 PARAM_BIT(PARAM_DURATION) | PARAM_BIT(PARAM_FRAMES) | PARAM_BIT(PARAM_SEED) | \
	 PARAM_BIT(PARAM_CAMERA_FIXED) | PARAM_BIT(PARAM_WATERMARK) |                  \
	 PARAM_BIT(PARAM_GENERATE_AUDIO) | PARAM_BIT(PARAM_RETURN_LAST_FRAME) |        \
	 PARAM_BIT(PARAM_SERVICE_TIER) | PARAM_BIT(PARAM_EXECUTION_EXPIRES_AFTER) |    \
	 PARAM_BIT(PARAM_CALLBACK_URL))

const struct provider provider_acedata = {
	.type = "acedata",
	.title = "AceData Cloud",
	.default_base_url = "https://api.acedata.cloud",
	.default_key_env = "ACEDATA_API_KEY",
	.params = BOTH_PARAMS | PARAM_BIT(PARAM_PRIORITY) |
		  PARAM_BIT(PARAM_SAFETY_IDENTIFIER) | PARAM_BIT(PARAM_OUTPUT_FORMAT) |
		  PARAM_BIT(PARAM_OMNI_REFERENCE_TASK_TYPE) | PARAM_BIT(PARAM_TOOLS),
	.image = MEDIA_BY_URL | MEDIA_BY_DATA,
	.video = MEDIA_BY_URL,
	.audio = MEDIA_BY_URL,
	.takes_references = true,
	.takes_last_frame = true,
	.gives_last_frame = true,
	.poll_interval_ms = 10000,
	.link_life_s = PROVIDER_LINK_LIFE_S,
	.max_active = 10,
	.body_max_bytes = 64u << 20,
	.query_most = QUERY_MOST,
	.build_create = acedata_build_create,
	.parse_create = ace_parse_create,
	.build_query = acedata_build_query,
	.parse_query = ace_parse_query,
};

const struct provider provider_xhuo = {
	.type = "xhuo",
	.title = "xhuoapi",
	.default_base_url = "https://api.xhuoapi.ai",
	.default_key_env = "XHUO_API_KEY",
	.params = BOTH_PARAMS | PARAM_BIT(PARAM_FRAMESPERSECOND),
	.image = MEDIA_BY_URL | MEDIA_BY_DATA,
	.takes_last_frame = true,
	.gives_last_frame = true,
	.poll_interval_ms = 10000,
	.link_life_s = PROVIDER_LINK_LIFE_S,
	.max_active = 10,
	.body_max_bytes = 64u << 20,
	.query_most = QUERY_MOST,
	.build_create = xhuo_build_create,
	.parse_create = ace_parse_create,
	.build_query = xhuo_build_query,
	.parse_query = ace_parse_query,
};
