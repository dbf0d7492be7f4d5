#include "backend/sim/wires/senseaudio.h"

#include "backend/base/cleanup.h"
#include "backend/base/json_write.h"
#include "backend/base/text.h"

#include <string.h>

/* A service's words for a refusal; code and message may be Chinese. */
struct words {
	int status;
	const char *code, *message; /* message NULL = the detailed reason */
	int64_t ref_code;	    /* 0 = none */
};

#define BUSY "服务繁忙，请稍后再试"

static const struct words wrong = { 400, "参数错误", NULL, 400000 };
static const struct words bad_image = { 400, "图片链接无效", "图片链接无效", 400000 };

static const struct words kinds[REFUSAL_KINDS] = {
	[REFUSAL_MODEL] = { 500, "internal", BUSY, 500000 },
	[REFUSAL_KEY] = { 401, "authentication_error", "incorrect API key provided", 0 },
	[REFUSAL_PATH] = { 404, "notfound", "未找到资源", 404000 },
	[REFUSAL_TASK] = { 404, "notfound", "未找到资源", 404000 },
	[REFUSAL_TOO_LARGE] = { 413, "请求体过大", "请求体过大", 400000 },
	[REFUSAL_INTERNAL] = { 500, "internal", BUSY, 500000 },
};

static const struct words by_status[] = {
	{ 400, "参数错误", NULL, 400000 },
	{ 401, "authentication_error", "incorrect API key provided", 0 },
	{ 404, "notfound", "未找到资源", 404000 },
	{ 429, "rate_limit", "请求过于频繁", 429000 },
	{ 500, "internal", BUSY, 500000 },
};

static const struct words *find_words(const struct refusal *refusal)
{
	size_t i = 0;

	if (refusal->kind == REFUSAL_STATUS) {
		while (i + 1 < ARRAY_SIZE(by_status) &&
		       by_status[i].status != refusal->status)
			i++;
		return &by_status[i];
	}
	if (kinds[refusal->kind].status)
		return &kinds[refusal->kind];
	return text_ends_with(refusal_param(refusal), ".url") ? &bad_image : &wrong;
}

static void put_detail(struct buffer *out, const struct refusal *refusal)
{
	const char *param = refusal_param(refusal);

	if (refusal->kind == REFUSAL_MISSING)
		buffer_addf(out, "缺少参数 %s", param);
	else
		buffer_addf(out, "%s%s%s", param, *param ? ": " : "",
			    refusal_message(refusal));
}

void senseaudio_refuse(const struct wire_call *call, const struct refusal *refusal,
		       struct http_reply *reply)
{
	const struct words *words = find_words(refusal);
	int64_t ref_code = refusal->number ? refusal->number : words->ref_code;
	bool is_ordered = refusal->kind == REFUSAL_STATUS && refusal->code;
	AUTOBUFFER detail = BUFFER_INIT(8192);

	put_detail(&detail, refusal);
	reply->status = refusal->status ? refusal->status : words->status;
	json_write_open(&reply->body, NULL, '{');
	json_write_string(&reply->body, "code",
			  refusal->code ? refusal->code : words->code);
	json_write_string(&reply->body, "message",
			  words->message && !is_ordered ? words->message
			  : detail.data			? detail.data
							: "");
	if (ref_code)
		json_write_int64(&reply->body, "ref_code", ref_code);
	if (ref_code == 404000)
		json_write_string(&reply->body, "ref_scope", "common");
	json_write_close(&reply->body, '}');
}
