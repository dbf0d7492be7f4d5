#include "backend/providers/call.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>

static int begin(struct http_request *http, const struct endpoint *endpoint,
		 const char *method, const char *path, const char *id, bool has_json_body)
{
	http->method = method;
	http->url = text_format("%s%s%s", endpoint->base_url, path, id);
	return http->url ? provider_add_headers(http, endpoint, has_json_body) : -ENOMEM;
}

int call_begin(struct http_request *http, const struct endpoint *endpoint,
	       const char *method, const char *path)
{
	return begin(http, endpoint, method, path, "", false);
}

int call_of_task(struct http_request *http, const struct endpoint *endpoint,
		 const char *method, const char *path, const char *id)
{
	if (!text_is_url_safe(id))
		return -EINVAL;
	return begin(http, endpoint, method, path, id, false);
}

int call_with_json(struct http_request *http, const struct endpoint *endpoint,
		   const char *path, const struct json *object,
		   const struct request *request)
{
	static const struct request no_files;
	int r = begin(http, endpoint, "POST", path, "", true);

	return r ? r
		 : provider_set_json_body(http, object, request ? request : &no_files);
}
