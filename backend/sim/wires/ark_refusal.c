#include "backend/sim/wires/ark_refusal.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"

static const struct refusal_words kinds[REFUSAL_KINDS] = {
	[REFUSAL_INVALID] = { 400, "InvalidParameter" },
	[REFUSAL_MISSING] = { 400, "MissingParameter" },
	[REFUSAL_MODEL] = { 404, "InvalidEndpointOrModel.NotFound" },
	[REFUSAL_KEY] = { 401, "AuthenticationError" },
	[REFUSAL_PATH] = { 404, "InvalidPath" },
	[REFUSAL_TASK] = { 404, "ResourceNotFound.Task" },
	[REFUSAL_TOO_LARGE] = { 413, "RequestEntityTooLarge" },
	[REFUSAL_INTERNAL] = { 500, "InternalServiceError" },
};

static const struct refusal_words by_status[] = {
	{ 400, "InvalidParameter" },
	{ 401, "AuthenticationError" },
	{ 403, "AccessDenied" },
	{ 404, "ResourceNotFound.Task" },
	{ 409, "InvalidAction" },
	{ 413, "RequestEntityTooLarge" },
	{ 429, "RateLimitExceeded.EndpointRPMExceeded" },
	{ 500, "InternalServiceError" },
};

static const char *type_of(const struct refusal *refusal, int status)
{
	if (refusal->type)
		return refusal->type;
	switch (status) {
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "NotFound";
	case 409:
		return "Conflict";
	case 429:
		return "TooManyRequests";
	default:
		return status < 500 ? "BadRequest" : "InternalServerError";
	}
}

static void put_message(struct buffer *out, const struct refusal *refusal)
{
	const char *param = refusal_param(refusal), *text = refusal_message(refusal);

	switch (refusal->kind) {
	case REFUSAL_MISSING:
		buffer_addf(out,
			    "The request failed because it is missing `%s` parameter",
			    param);
		return;
	case REFUSAL_TASK:
		buffer_addf(out, "The specified task %s is not found", text);
		return;
	case REFUSAL_INTERNAL:
		buffer_add(out, "The service encountered an unexpected internal error");
		return;
	default:
		if (*param)
			buffer_addf(out,
				    "The parameter `%s` specified in the request is not "
				    "valid: ",
				    param);
		buffer_add(out, text);
	}
}

void ark_refuse(const struct wire_call *call, const struct refusal *refusal,
		struct http_reply *reply)
{
	struct refusal_words words =
		refusal_words(refusal, kinds, by_status, ARRAY_SIZE(by_status));
	AUTOBUFFER message = BUFFER_INIT(8192);
	struct buffer *out = &reply->body;

	put_message(&message, refusal);
	buffer_addf(&message, ". Request id: %s", call->request_id);
	reply->status = words.status;
	json_write_open(out, NULL, '{');
	json_write_open(out, "error", '{');
	json_write_string(out, "code", words.code);
	json_write_string(out, "message", message.data ? message.data : "");
	if (refusal->param.size)
		json_write_string(out, "param", refusal_param(refusal));
	else
		json_write_null(out, "param");
	json_write_string(out, "type", type_of(refusal, words.status));
	json_write_close(out, '}');
	json_write_close(out, '}');
}
