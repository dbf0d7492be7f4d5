#include "backend/sim/ark_refusal.h"

#include "backend/sim/json.h"

void ark_refusal_clear(struct ark_refusal *refusal)
{
	buffer_clear(&refusal->message);
	buffer_clear(&refusal->param);
}

static bool begin(struct ark_refusal *refusal, int status, const char *code,
		  const char *type, const char *param)
{
	if (refusal->status)
		return false;
	refusal->status = status;
	refusal->code = code;
	refusal->type = type;
	if (param)
		buffer_add(&refusal->param, param);
	return true;
}

bool ark_refuse(struct ark_refusal *refusal, int status, const char *code,
		const char *type, const char *format, ...)
{
	va_list arguments;

	if (!begin(refusal, status, code, type, NULL))
		return false;
	va_start(arguments, format);
	buffer_vaddf(&refusal->message, format, arguments);
	va_end(arguments);
	return false;
}

bool ark_refuse_missing(struct ark_refusal *refusal, const char *param)
{
	if (begin(refusal, 400, "MissingParameter", "BadRequest", param))
		buffer_addf(&refusal->message,
			    "The request failed because it is missing `%s` parameter",
			    param);
	return false;
}

bool ark_refuse_invalid(struct ark_refusal *refusal, const char *param,
			const char *format, ...)
{
	va_list arguments;

	if (!begin(refusal, 400, "InvalidParameter", "BadRequest", param))
		return false;
	buffer_addf(&refusal->message,
		    "The parameter `%s` specified in the request is not valid: ", param);
	va_start(arguments, format);
	buffer_vaddf(&refusal->message, format, arguments);
	va_end(arguments);
	return false;
}

bool ark_refuse_no_memory(struct ark_refusal *refusal)
{
	return ark_refuse(refusal, 500, "InternalServiceError", "InternalServerError",
			  "The service encountered an unexpected internal error");
}

void ark_refusal_write(const struct ark_refusal *refusal, const char *request_id,
		       struct buffer *out)
{
	AUTOBUFFER message = BUFFER_INIT(2048);

	buffer_addf(&message, "%s. Request id: %s",
		    refusal->message.data ? refusal->message.data : "", request_id);
	json_open(out, NULL, '{');
	json_open(out, "error", '{');
	json_put_text(out, "code", refusal->code);
	json_put_text(out, "message", message.data ? message.data : "");
	if (refusal->param.size)
		json_put_text(out, "param", refusal->param.data);
	else
		json_put_null(out, "param");
	json_put_text(out, "type", refusal->type);
	json_close(out, '}');
	json_close(out, '}');
}
