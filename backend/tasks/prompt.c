#include "backend/tasks/prompt.h"

#include "backend/base/buffer.h"
#include "backend/base/json.h"

#include <string.h>

#define PROMPT_CEILING (16u << 20)

static void add(struct buffer *prompt, const char *text)
{
	if (!text || !*text)
		return;
	if (prompt->size)
		buffer_add(prompt, " ");
	buffer_add(prompt, text);
}

static char *take(struct buffer *prompt)
{
	return prompt->size ? buffer_take(prompt) : NULL;
}

char *task_prompt(const struct task_view *view)
{
	AUTOBUFFER prompt = BUFFER_INIT(PROMPT_CEILING);
	AUTOJSON *request = NULL;
	const struct json *item;

	if (!view->request ||
	    json_parse(view->request, strlen(view->request), &request, NULL))
		return NULL;
	item = json_first(json_get(request, "content"));
	for (; item; item = json_next(item)) {
		const char *type = json_get_string(item, "type");

		if (type && !strcmp(type, "text"))
			add(&prompt, json_get_string(item, "text"));
	}
	return take(&prompt);
}

char *request_prompt(const struct request *request)
{
	AUTOBUFFER prompt = BUFFER_INIT(PROMPT_CEILING);

	for (size_t i = 0; i < request->content_count; i++)
		if (request->content[i].type == CONTENT_TEXT)
			add(&prompt, request->content[i].text);
	return take(&prompt);
}
