#include "backend/models/fit_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define LIST_MAX_BYTES 4096

/* BytePlus speaks Ark's protocol with other model names. */
static bool is_byteplus(const struct endpoint *endpoint)
{
	static const char domain[] = "bytepluses.com";
	const char *host = endpoint->base_url ? strstr(endpoint->base_url, "://") : NULL;
	size_t length = host ? strcspn(host + 3, "/:?#") : 0;
	size_t tail = sizeof(domain) - 1;

	if (length < tail)
		return false;
	host += 3 + length - tail;
	return !strncasecmp(host, domain, tail) && (length == tail || host[-1] == '.');
}

void fit_find_service(struct fit *fit)
{
	const struct json *block;
	const char *title;

	fit->service = fit->provider->type;
	if (!strcmp(fit->service, "ark") && is_byteplus(fit->endpoint))
		fit->service = "byteplus";
	block = json_get(fit->models->services, fit->service);
	title = json_get_string(block, "title");
	fit->title = title ? title : fit->provider->title;
	if (!fit->title)
		fit->title = fit->provider->type;
}

int fit_request(const struct models *models, const struct provider *provider,
		const struct endpoint *endpoint, struct request *request,
		struct problem *problem)
{
	static int (*const steps[])(struct fit * fit) = {
		fit_model,    fit_content,	fit_media,	 fit_leave_out,
		fit_complete, fit_check_values, fit_check_tools,
	};
	struct fit fit = { .models = models,
			   .provider = provider,
			   .endpoint = endpoint,
			   .request = request,
			   .problem = problem };
	AUTOFREE char *note = text_dup(request->note);
	int r = note || !request->note ? 0 : -ENOMEM;

	fit_find_service(&fit);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && !r; i++)
		r = steps[i](&fit);
	if (!r)
		return 0;
	/* Notes made before a refusal do not apply. */
	free(request->note);
	request->note = TAKE(note);
	return r;
}

static struct json *parse_described(const char *described)
{
	struct json *tree = NULL;

	if (described && json_parse(described, strlen(described), &tree, NULL))
		return NULL;
	return tree;
}

/* `extra` is passed on unchanged, before everything else. */
static bool says_true(const struct json *tree, const char *key, bool otherwise)
{
	bool is_true = otherwise;

	json_to_bool(json_get(tree, key), &is_true);
	json_to_bool(json_get(json_get(tree, "extra"), key), &is_true);
	return is_true;
}

bool fit_gives_last_frame(const struct provider *provider, const char *described)
{
	AUTOJSON *tree = parse_described(described);
	bool is_draft = says_true(tree, "draft", false);

	/* A draft has none, unless the request asks for it. */
	return provider->gives_last_frame &&
	       says_true(tree, "return_last_frame", !is_draft);
}

bool fit_makes_draft(const char *described)
{
	AUTOJSON *tree = parse_described(described);

	return says_true(tree, "draft", false);
}

__attribute__((format(printf, 3, 0))) static int
refuse(struct fit *fit, const char *source, const char *format, va_list arguments)
{
	AUTOFREE char *text = text_vformat(format, arguments);

	problem_set(fit->problem, PROBLEM_INVALID, "%s: %s", source, text ? text : "");
	return -EINVAL;
}

int fit_refuse(struct fit *fit, const char *format, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = refuse(fit, fit->request->source, format, arguments);
	va_end(arguments);
	return r;
}

static char *print_value(const struct fit *fit, enum request_param param)
{
	const struct request_value *value = &fit->request->params[param];

	if (value->json)
		return json_print(value->json);
	if (value->text)
		return text_format("\"%.200s\"", value->text);
	if (request_param_is_bool(param))
		return strdup(value->number ? "true" : "false");
	return text_format("%lld", (long long)value->number);
}

int fit_refuse_param(struct fit *fit, enum request_param param, const char *format, ...)
{
	AUTOFREE char *found = print_value(fit, param);
	AUTOFREE char *rest = NULL;
	va_list arguments;

	va_start(arguments, format);
	rest = text_vformat(format, arguments);
	va_end(arguments);
	problem_set(fit->problem, PROBLEM_INVALID, "%s: \"%s\" is %s%s",
		    request_param_source(fit->request, param), request_param_key(param),
		    found ? found : "?", rest ? rest : "");
	return -EINVAL;
}

char *fit_where(const struct fit *fit)
{
	if (!fit->is_listed)
		return strdup(fit->title);
	return text_format("%s at %s", fit->model, fit->title);
}

static void add_item(struct buffer *text, const char *item)
{
	buffer_addf(text, "%s%s", text->size ? ", " : "", item);
}

/* Whether a rule exists and is neither false, nor 0, nor empty. */
static bool is_some(const struct json *rule)
{
	bool is_true;
	int64_t number;

	if (json_to_bool(rule, &is_true))
		return is_true;
	if (json_to_int64(rule, &number))
		return number != 0;
	return json_is_array(rule) && json_first(rule);
}

char *fit_models_with(const struct fit *fit, const char *rule)
{
	AUTOBUFFER names = BUFFER_INIT(LIST_MAX_BYTES);

	for (const struct json *model = json_first(fit->models->models); model;
	     model = json_next(model)) {
		const struct rules rules = rules_of(fit->models, model, fit->service);

		if (rules.place && is_some(rules_model(&rules, rule)))
			add_item(&names, json_get_string(rules.place, "name"));
	}
	if (!names.size)
		return text_format("; no model at %s supports it", fit->title);
	return text_format("; models at %s that support it: %s", fit->title, names.data);
}

char *fit_services_with(bool (*does)(const struct provider *provider, unsigned what),
			unsigned what)
{
	AUTOBUFFER names = BUFFER_INIT(LIST_MAX_BYTES);
	const struct provider *provider;

	for (size_t i = 0; (provider = provider_at(i)); i++)
		if (does(provider, what))
			add_item(&names, provider->title);
	return text_format("; services that support it: %s",
			   names.size ? names.data : "none");
}

void fit_add_names(const struct fit *fit, struct buffer *text)
{
	for (const struct json *model = json_first(fit->models->models); model;
	     model = json_next(model)) {
		const char *name = models_name_at(model, fit->service);

		if (name)
			add_item(text, name);
	}
}

void fit_add_words(struct buffer *text, const struct json *list)
{
	for (const struct json *item = json_first(list); item; item = json_next(item))
		add_item(text, json_string(item));
}

bool fit_is_said(const struct fit *fit, enum request_param param)
{
	const struct request *request = fit->request;
	const char *key = request_param_key(param);

	return request->params[param].is_set || json_get(request->extra, key) ||
	       json_get(json_get(request->extra, "provider_specific"), key);
}

bool fit_is_true(const struct fit *fit, enum request_param param)
{
	return request_number(fit->request, param, 0) != 0;
}

bool fit_is_draft(const struct fit *fit)
{
	bool is_draft = fit_is_true(fit, PARAM_DRAFT);

	json_to_bool(json_get(fit->request->extra, "draft"), &is_draft);
	return is_draft;
}

bool fit_can(const struct fit *fit, const char *rule)
{
	return !fit->is_listed || rules_model_is(&fit->rules, rule);
}

bool fit_is_media(const struct request_content *item)
{
	return item->type == CONTENT_IMAGE || item->type == CONTENT_VIDEO ||
	       item->type == CONTENT_AUDIO;
}

const char *fit_kind_word(enum request_content_type type)
{
	return type == CONTENT_VIDEO   ? "video"
	       : type == CONTENT_AUDIO ? "audio"
				       : "image";
}

char *fit_item_name(const struct fit *fit, size_t index)
{
	const char *path = fit->request->content[index].path;

	return text_format("content[%zu]%s%.200s%s", index, path ? " (" : "",
			   path ? path : "", path ? ")" : "");
}
