#include "backend/sim/wires/ace.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/sim/tasks/ids.h"

static const struct refusal_words ace_kinds[REFUSAL_KINDS] = {
	[REFUSAL_INVALID] = { 400, "bad_request" },
	[REFUSAL_MISSING] = { 400, "bad_request" },
	[REFUSAL_MODEL] = { 400, "bad_request" },
	[REFUSAL_KEY] = { 401, "invalid_token" },
	[REFUSAL_PATH] = { 404, "no_api" },
	[REFUSAL_TASK] = { 400, "bad_request" },
	[REFUSAL_TOO_LARGE] = { 413, "request_too_large" },
	[REFUSAL_INTERNAL] = { 500, "api_error" },
};

/*
 * The service's page lists these words for missing and invalid parameters, and no others.
 */
static const struct refusal_words xhuo_kinds[REFUSAL_KINDS] = {
	[REFUSAL_INVALID] = { 400, "token_mismatched" },
	[REFUSAL_MISSING] = { 400, "token_mismatched" },
	[REFUSAL_MODEL] = { 400, "token_mismatched" },
	[REFUSAL_KEY] = { 401, "invalid_token" },
	[REFUSAL_PATH] = { 400, "api_not_implemented" },
	[REFUSAL_TASK] = { 400, "token_mismatched" },
	[REFUSAL_TOO_LARGE] = { 413, "request_too_large" },
	[REFUSAL_INTERNAL] = { 500, "api_error" },
};

static const struct refusal_words ace_by_status[] = {
	{ 400, "bad_request" },
	{ 401, "invalid_token" },
	{ 402, "payment_required" },
	{ 403, "used_up" },
	{ 404, "no_api" },
	{ 413, "request_too_large" },
	{ 429, "too_many_requests" },
	{ 500, "api_error" },
};

static const struct refusal_words xhuo_by_status[] = {
	{ 400, "token_mismatched" },  { 401, "invalid_token" },	    { 403, "used_up" },
	{ 413, "request_too_large" }, { 429, "too_many_requests" }, { 500, "api_error" },
};

static struct refusal_words find_words(const struct wire_call *call,
				       const struct refusal *refusal)
{
	if (call->wire == &wire_xhuo)
		return refusal_words(refusal, xhuo_kinds, xhuo_by_status,
				     ARRAY_SIZE(xhuo_by_status));
	return refusal_words(refusal, ace_kinds, ace_by_status,
			     ARRAY_SIZE(ace_by_status));
}

static void put_message(struct buffer *out, const struct refusal *refusal)
{
	const char *param = refusal_param(refusal), *text = refusal_message(refusal);

	switch (refusal->kind) {
	case REFUSAL_MISSING:
		buffer_addf(out, "%s is required.", param);
		return;
	case REFUSAL_MODEL:
		buffer_add(out, "model is invalid.");
		return;
	case REFUSAL_INTERNAL:
		buffer_add(out, "fetch failed");
		return;
	default:
		buffer_addf(out, "%s%s%s", param, *param ? " is invalid: " : "", text);
	}
}

static void put_error(struct buffer *out, const char *code, const char *message,
		      int64_t shape)
{
	AUTOFREE char *trace = id_uuid();

	json_write_open(out, NULL, '{');
	if (shape == ACE_ERROR_DETAIL) {
		json_write_string(out, "detail", message);
		json_write_close(out, '}');
		return;
	}
	json_write_bool(out, "success", false);
	if (shape == ACE_ERROR_STRING) {
		json_write_string(out, "error", message);
	} else {
		json_write_open(out, "error", '{');
		json_write_string(out, "code", code);
		json_write_string(out, "message", message);
		json_write_close(out, '}');
	}
	json_write_string(out, "trace_id", trace);
	json_write_close(out, '}');
}

void ace_refuse(const struct wire_call *call, const struct refusal *refusal,
		struct http_reply *reply)
{
	struct refusal_words words = find_words(call, refusal);
	AUTOBUFFER message = BUFFER_INIT(8192);

	put_message(&message, refusal);
	reply->status = words.status;
	put_error(&reply->body, words.code, message.data ? message.data : "",
		  call->variants[ACE_ERROR]);
}
