/*
 * A trigger file's text on its way to a service: read, completed, fitted, built. The
 * first byte chooses the service and the form, the rest is the text; what follows a NUL
 * is a defaults.json. What was fitted once must be fitted again to the same; a refusal
 * says why in one line.
 */
#include "backend/base/cleanup.h"
#include "backend/models/fit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef MODELS_JSON
#define MODELS_JSON "share/models.json"
#endif

#define SERVICE_BITS 0x3f
#define IS_OVERSEAS 0x40
#define IS_PROMPT 0x80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "fuzz_request: %s\n", what);
	abort();
}

static const struct models *installed_models(void)
{
	static struct models *models;
	AUTOFREE char *error = NULL;

	if (!models && models_load(MODELS_JSON, NULL, 0, &models, &error)) {
		fprintf(stderr, "fuzz_request: %s\n", error);
		abort();
	}
	return models;
}

static const struct provider *choose(unsigned byte)
{
	size_t count = 0;

	while (provider_at(count))
		count++;
	return provider_at((byte & SERVICE_BITS) % count);
}

static int fit(unsigned byte, struct request *request, struct problem *problem)
{
	const struct endpoint endpoint = {
		.base_url = byte & IS_OVERSEAS ? "https://ark.eu-west.bytepluses.com/x"
					       : "https://example.com",
		.callback_url = byte & IS_OVERSEAS ? "https://example.com/hook" : NULL,
	};
	int r = fit_request(installed_models(), choose(byte), &endpoint, request,
			    problem);

	expect(!r || r == -EINVAL || r == -ENOMEM, "fitting ends in another way");
	expect(r != -EINVAL || (problem->class == PROBLEM_INVALID && problem->text &&
				!strchr(problem->text, '\n')),
	       "it is refused without a line that says why");
	return r;
}

/* What was fitted can be written down, and nothing of it leaks. */
static void build(unsigned byte, const struct request *request)
{
	const struct endpoint endpoint = { .base_url = "https://example.com" };
	struct http_request http = { 0 };
	AUTOPROBLEM problem = { 0 };
	int r = choose(byte)->build_create(request, &endpoint, &http, &problem);

	expect(!r || r == -EINVAL || r == -ENOMEM, "building ends in another way");
	expect(r || (http.url && http.method), "nothing is built");
	http_request_clear(&http);
}

static void fit_twice(unsigned byte, struct request *request)
{
	AUTOPROBLEM problem = { 0 };
	AUTOFREE char *first = NULL, *second = NULL;

	if (fit(byte, request, &problem))
		return;
	first = request_describe(request);
	expect(!fit(byte, request, &problem), "it is refused the second time");
	second = request_describe(request);
	expect(first && second && !strcmp(first, second),
	       "the second fitting changes it");
	fit_gives_last_frame(choose(byte), first);
	build(byte, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTOPROBLEM problem = { 0 };
	AUTOREQUEST *request = NULL;
	AUTOFREE char *text = NULL;
	const uint8_t *behind = size ? memchr(data + 1, '\0', size - 1) : NULL;
	size_t length = behind ? (size_t)(behind - data) - 1 : size - 1;
	unsigned byte;

	if (!size)
		return 0;
	byte = data[0];
	text = malloc(size); /* of the very size: reading too far is seen */
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	if (request_parse(byte & IS_PROMPT ? "prompt.txt" : "request.json", text, length,
			  &request, &problem) ||
	    !request)
		return 0;
	if (!behind ||
	    !request_parse_defaults(request, "defaults.json", text + length + 1,
				    size - 2 - length, &problem))
		fit_twice(byte, request);
	return 0;
}
