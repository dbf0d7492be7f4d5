/* `tools`: an array of objects that the services would accept with any mistake in it. */
#include "backend/models/fit_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define KEYS_MAX 16
#define LIST_MAX_BYTES 1024

/* The object of `tools` that is being checked. */
struct tool {
	struct fit *fit;
	size_t index;
	const struct json *keys; /* allowed beside "type" */
};

static int refuse(const struct tool *tool, const struct json *value, const char *allowed)
{
	AUTOFREE char *found = json_print(value);
	const char *key = json_key(value);

	problem_set(tool->fit->problem, PROBLEM_INVALID,
		    "%s: \"tools\"[%zu]%s%s is %.200s; allowed: %s",
		    request_param_source(tool->fit->request, PARAM_TOOLS), tool->index,
		    key ? "." : "", key ? key : "", found ? found : "nothing", allowed);
	return -EINVAL;
}

static int refuse_key(const struct tool *tool, const char *key)
{
	const char *keys[KEYS_MAX + 1] = { "type" };
	AUTOBUFFER allowed = BUFFER_INIT(LIST_MAX_BYTES);
	const char *near;
	size_t count = 1;

	buffer_add(&allowed, "type");
	for (const struct json *item = json_first(tool->keys); item && count < KEYS_MAX;
	     item = json_next(item)) {
		keys[count++] = json_key(item);
		buffer_addf(&allowed, ", %s", json_key(item));
	}
	near = text_nearest(key, keys);
	problem_set(tool->fit->problem, PROBLEM_INVALID,
		    "%s: \"tools\"[%zu]: unknown key \"%.100s\"; allowed at %s: %s%s%s%s",
		    request_param_source(tool->fit->request, PARAM_TOOLS), tool->index,
		    key, tool->fit->title, allowed.data, near ? "; did you mean \"" : "",
		    near ? near : "", near ? "\"?" : "");
	return -EINVAL;
}

static int check_number(const struct tool *tool, const struct json *value,
			const struct json *range)
{
	int64_t least = INT64_MIN, most = INT64_MAX, number;
	AUTOFREE char *allowed = NULL;

	rules_narrow(range, &least, &most);
	if (json_to_int64(value, &number) && number >= least && number <= most)
		return 0;
	allowed = text_format("%" PRId64 " to %" PRId64, least, most);
	return refuse(tool, value, allowed ? allowed : "another number");
}

static int check_words(const struct tool *tool, const struct json *value,
		       const struct json *words)
{
	AUTOBUFFER allowed = BUFFER_INIT(LIST_MAX_BYTES);
	bool is_good = json_is_array(value);

	for (const struct json *item = json_first(value); item; item = json_next(item))
		is_good = is_good && json_string(item) &&
			  rules_list_has(words, json_string(item));
	if (is_good)
		return 0;
	buffer_add(&allowed, "an array of ");
	for (const struct json *word = json_first(words); word; word = json_next(word))
		buffer_addf(&allowed, "%s%s", word == json_first(words) ? "" : ", ",
			    json_string(word));
	return refuse(tool, value, allowed.data);
}

static int check_member(const struct tool *tool, const struct json *value)
{
	const char *key = json_key(value);
	const struct json *rule = json_get(tool->keys, key);

	if (!strcmp(key, "type"))
		return 0;
	if (!rule)
		return refuse_key(tool, key);
	return !strcmp(key, "sources") ? check_words(tool, value, rule)
				       : check_number(tool, value, rule);
}

static int check_tool(const struct tool *tool, const struct json *object)
{
	const char *type = json_get_string(object, "type");
	int r = 0;

	if (!json_is_object(object))
		return refuse(tool, object, "{\"type\": \"web_search\"}");
	if (!type || strcmp(type, "web_search"))
		return refuse(tool, object, "an object with \"type\": \"web_search\"");
	for (const struct json *item = json_first(object); item && tool->keys && !r;
	     item = json_next(item))
		r = check_member(tool, item);
	return r;
}

int fit_check_tools(struct fit *fit)
{
	const struct json *list = fit->request->params[PARAM_TOOLS].json;
	struct tool tool = { .fit = fit,
			     .keys = rules_service(&fit->rules, "web_search_keys") };
	int r = 0;

	for (const struct json *item = json_first(list); item && !r;
	     item = json_next(item), tool.index++)
		r = check_tool(&tool, item);
	return r;
}
