#include "backend/sim/wires/refusal.h"

#include <stdlib.h>
#include <string.h>

void refusal_clear(struct refusal *refusal)
{
	buffer_clear(&refusal->message);
	buffer_clear(&refusal->param);
	free(refusal->code);
}

const char *refusal_message(const struct refusal *refusal)
{
	return refusal->message.data ? refusal->message.data : "";
}

const char *refusal_param(const struct refusal *refusal)
{
	return refusal->param.data ? refusal->param.data : "";
}

static struct refusal_words find_status(const struct refusal_words *by_status,
					size_t count, int status)
{
	size_t i = 0;

	while (i + 1 < count && by_status[i].status != status)
		i++;
	return by_status[i];
}

struct refusal_words refusal_words(const struct refusal *refusal,
				   const struct refusal_words kinds[REFUSAL_KINDS],
				   const struct refusal_words *by_status, size_t count)
{
	struct refusal_words words =
		refusal->kind == REFUSAL_STATUS
			? find_status(by_status, count, refusal->status)
			: kinds[refusal->kind];

	if (refusal->status)
		words.status = refusal->status;
	if (refusal->code)
		words.code = refusal->code;
	if (!words.code)
		words.code = "";
	return words;
}

static bool begin(struct refusal *refusal, enum refusal_kind kind, const char *param)
{
	if (refusal->kind)
		return false;
	refusal->kind = kind;
	if (param)
		buffer_add(&refusal->param, param);
	return true;
}

bool refuse(struct refusal *refusal, enum refusal_kind kind, const char *format, ...)
{
	va_list arguments;

	if (!begin(refusal, kind, NULL))
		return false;
	va_start(arguments, format);
	buffer_vaddf(&refusal->message, format, arguments);
	va_end(arguments);
	return false;
}

bool refuse_as(struct refusal *refusal, int status, const char *code, const char *type,
	       const char *format, ...)
{
	va_list arguments;

	if (!begin(refusal, REFUSAL_OWN, NULL))
		return false;
	refusal->status = status;
	refusal->code = strdup(code);
	refusal->type = type;
	va_start(arguments, format);
	buffer_vaddf(&refusal->message, format, arguments);
	va_end(arguments);
	return false;
}

bool refuse_missing(struct refusal *refusal, const char *param)
{
	begin(refusal, REFUSAL_MISSING, param);
	return false;
}

bool refuse_invalid(struct refusal *refusal, const char *param, const char *format, ...)
{
	va_list arguments;

	if (!begin(refusal, REFUSAL_INVALID, param))
		return false;
	va_start(arguments, format);
	buffer_vaddf(&refusal->message, format, arguments);
	va_end(arguments);
	return false;
}

bool refuse_task(struct refusal *refusal, const char *id)
{
	if (begin(refusal, REFUSAL_TASK, NULL))
		buffer_addf(&refusal->message, "%.100s", id);
	return false;
}

bool refuse_no_memory(struct refusal *refusal)
{
	begin(refusal, REFUSAL_INTERNAL, NULL);
	return false;
}

bool refuse_silently(struct refusal *refusal)
{
	begin(refusal, REFUSAL_SILENT, NULL);
	return false;
}
