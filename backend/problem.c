#include "backend/problem.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX_BYTES 1000
#define CODE_MAX_BYTES 100

static const struct {
	const char *word;
	const char *advice;
} classes[] = {
	[PROBLEM_NONE] = { "none", "" },
	[PROBLEM_INVALID] = { "invalid", "Correct the file and save it: that sends it "
					 "again. Or write "
					 "\"retry\" to status." },
	[PROBLEM_AUTH] = { "auth",
			   "Check the key of this provider in config.ini, then write "
			   "\"retry\" to status." },
	[PROBLEM_BALANCE] = { "balance",
			      "Top up the account or raise its limit, then write "
			      "\"retry\" to status." },
	[PROBLEM_MODERATION] = { "moderation", "Change the prompt or the pictures and "
					       "save, or write \"retry\" to "
					       "status: the service's judgement of an "
					       "output can differ." },
	[PROBLEM_RATE] = { "rate", "Nothing to do: it is tried again by itself." },
	[PROBLEM_BUSY] = { "busy", "Wait until the task has ended." },
	[PROBLEM_GONE] = { "gone", "Look it up in the service's own console; \"adopt "
				   "ID\" written to "
				   "status attaches to a task, \"retry\" orders (and "
				   "pays) anew." },
	[PROBLEM_SERVER] = { "server", "Try later: write \"retry\" to status." },
	[PROBLEM_NETWORK] = { "network",
			      "Check the connection; look into the service's own "
			      "console. "
			      "\"adopt ID\" written to status attaches to a task that "
			      "exists there, \"retry\" orders (and pays) anew." },
};

void problem_set(struct problem *problem, enum problem_class class, const char *format,
		 ...)
{
	AUTOFREE char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	problem_clear(problem);
	problem->class = class;
	problem->text = text ? text_clean(text, TEXT_MAX_BYTES) : NULL;
}

/* The address that begins first, or the text's end. Its slashes can be escaped:
 * `https:\/\/`. */
static const char *find_address(const char *text)
{
	while (*text && strncasecmp(text, "http:", 5) && strncasecmp(text, "https:", 6))
		text++;
	return text;
}

/*
 * A copy in which the addresses have lost what stands behind their '?': signed links are
 * as good as the media itself, and messages are shown and logged.
 */
static char *without_queries(const char *text)
{
	char *copy = text_dup(text);
	char *to = copy;

	while (copy && *text) {
		const char *address = find_address(text);
		const char *end = address + strcspn(address, " \t\r\n\"<>");
		const char *query = memchr(address, '?', (size_t)(end - address));
		const char *kept = query ? query : end;

		memmove(to, text, (size_t)(kept - text));
		to += kept - text;
		text = end;
	}
	if (copy)
		*to = '\0';
	return copy;
}

void problem_set_from_service(struct problem *problem, enum problem_class class,
			      const char *code, const char *message)
{
	AUTOFREE char *bare = without_queries(message);
	AUTOFREE char *bare_code = without_queries(code);
	AUTOFREE char *clean = text_clean(bare, TEXT_MAX_BYTES);
	AUTOFREE char *clean_code = text_clean(bare_code, CODE_MAX_BYTES);

	problem_set(problem, class, "the service says: %s",
		    clean && *clean		? clean
		    : clean_code && *clean_code ? clean_code
						: "(nothing)");
	if (clean_code && *clean_code)
		problem->code = TAKE(clean_code);
}

void problem_copy(struct problem *to, const struct problem *from)
{
	to->class = from->class;
	to->code = text_dup(from->code);
	to->text = text_dup(from->text);
}

void problem_clear(struct problem *problem)
{
	free(problem->code);
	free(problem->text);
	*problem = (struct problem){ 0 };
}

const char *problem_class_word(enum problem_class class)
{
	return classes[class].word;
}

enum problem_class problem_class_from_word(const char *word)
{
	for (size_t i = 1; word && i < ARRAY_SIZE(classes); i++)
		if (!strcmp(word, classes[i].word))
			return (enum problem_class)i;
	return PROBLEM_NONE;
}

const char *problem_advice(enum problem_class class)
{
	return classes[class].advice;
}
