#include "backend/request/problem.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/shared.h"
#include "backend/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX_BYTES 1000
#define CODE_MAX_BYTES 100
#define SAID_HEAD "the service says: \""
#define LOOKED_AT_BYTES 16384

static const struct {
	const char *word;
	const char *advice;
} classes[] = {
	[PROBLEM_NONE] = { "none", "" },
	[PROBLEM_INVALID] = { "invalid",
			      "Correct the file and save it: saving submits the request "
			      "again. Or write \"retry\" to status." },
	[PROBLEM_AUTH] = { "auth",
			   "Check the key of this provider in config.ini, then write "
			   "\"retry\" to status." },
	[PROBLEM_BALANCE] = { "balance", "Add credit to the account or raise its limit, "
					 "then write \"retry\" to status." },
	[PROBLEM_MODERATION] = { "moderation", "Change the prompt or the images and "
					       "save. Or write \"retry\" to status: "
					       "another attempt may pass moderation." },
	[PROBLEM_RATE] = { "rate",
			   "Wait a few minutes, then write \"retry\" to status." },
	[PROBLEM_BUSY] = { "busy", "Wait until the task ends." },
	[PROBLEM_GONE] = { "gone",
			   "Look for the task in the service's console. If it is there, "
			   "write \"adopt ID\" to status. If it is not, write \"retry\" "
			   "to status, which submits and bills the request again." },
	[PROBLEM_SERVER] = { "server", "Try again later: write \"retry\" to status." },
	[PROBLEM_NETWORK] = { "network",
			      "Check the connection, and look for the task in the "
			      "service's console. If it is there, write \"adopt ID\" to "
			      "status. If it is not, write \"retry\" to status, which "
			      "submits and bills the request again." },
};

int problem_vset(struct problem *problem, enum problem_class class, const char *format,
		 va_list arguments)
{
	AUTOFREE char *text = text_vformat(format, arguments);
	AUTOFREE char *clean = text ? text_clean(text, TEXT_MAX_BYTES) : NULL;

	problem_clear(problem);
	problem->class = class;
	problem->text = shared_text(clean);
	return problem->text ? 0 : -ENOMEM;
}

int problem_set(struct problem *problem, enum problem_class class, const char *format,
		...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = problem_vset(problem, class, format, arguments);
	va_end(arguments);
	return r;
}

/* --- secrets --- */

#define SPACE " \t\r\n"
#define WORD_ENDS SPACE "\"<>" /* of a URL, in a text or in JSON */

static bool is_word_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '_';
}

/*
 * The length of the URL prefix that starts here, with its user and password; 0: none.
 * Slashes may be escaped: `https:\/\/`.
 */
static size_t address_start(const char *text, size_t *ret_kept)
{
	size_t scheme = !strncasecmp(text, "http:", 5)	  ? 5
			: !strncasecmp(text, "https:", 6) ? 6
			: !strncmp(text, "://", 3)	  ? 1
							  : 0;
	const char *host, *at;

	if (!scheme)
		return 0;
	*ret_kept = scheme + strspn(text + scheme, "/\\");
	host = text + *ret_kept;
	at = memrchr(host, '@', strcspn(host, "/\\?#" WORD_ENDS));
	return at ? (size_t)(at + 1 - text) : *ret_kept;
}

/* `data:TYPE,…`; other words with this beginning have neither a comma nor a semicolon. */
static size_t data_url_secret(const char *text, size_t *ret_kept)
{
	size_t length;

	if (strncasecmp(text, "data:", 5))
		return 0;
	length = strcspn(text, WORD_ENDS);
	if (strcspn(text, ",;") >= length)
		return 0;
	*ret_kept = 5;
	return length;
}

/* `Bearer KEY` */
static size_t bearer_secret(const char *text, size_t *ret_kept)
{
	static const char quotes[] = SPACE "\"'<`\\";
	size_t length;

	if (strncasecmp(text, "Bearer", 6) || !strspn(text + 6, SPACE))
		return 0;
	*ret_kept = 6 + strspn(text + 6, quotes);
	length = strcspn(text + *ret_kept, WORD_ENDS "'`\\");
	return length ? *ret_kept + length : 0;
}

/* `sk-…`, the beginning of many services' keys */
static size_t key_secret(const char *text, size_t *ret_kept)
{
	if (strncmp(text, "sk-", 3) || !is_word_char(text[3]))
		return 0;
	*ret_kept = 3;
	return strcspn(text, WORD_ENDS "'`,;)&\\");
}

/* The length of a secret word that starts here, and of the part to show. */
static size_t find_secret(const char *text, size_t *ret_kept)
{
	size_t length = data_url_secret(text, ret_kept);

	if (!length)
		length = bearer_secret(text, ret_kept);
	return length ? length : key_secret(text, ret_kept);
}

static void add_without_secrets(struct buffer *out, const char *text)
{
	bool in_address = false, in_word = false;

	while (*text) {
		size_t kept = 0;
		size_t length = in_word ? 0 : find_secret(text, &kept);
		bool is_secret = length > 0;

		if (!is_secret && (length = address_start(text, &kept)))
			in_address = true;
		if (!length && in_address && *text == '?')
			length = strcspn(text, WORD_ENDS);
		else if (!length)
			length = kept = 1;
		buffer_append(out, text, kept);
		if (is_secret)
			buffer_add(out, "…");
		in_word = kept && is_word_char(text[kept - 1]);
		text += length;
		if (strchr(WORD_ENDS, *text))
			in_address = false;
	}
}

char *problem_without_secrets(const char *text)
{
	/* A service may answer with megabytes: this is far more than is ever shown. */
	AUTOFREE char *head = text ? strndup(text, LOOKED_AT_BYTES) : NULL;
	/* A mark of three bytes can replace a single one. */
	AUTOBUFFER out = BUFFER_INIT(3 * LOOKED_AT_BYTES + 1);

	if (!head || !*head)
		return TAKE(head);
	add_without_secrets(&out, head);
	return buffer_take(&out);
}

void problem_set_from_service(struct problem *problem, enum problem_class class,
			      const char *code, const char *message)
{
	AUTOFREE char *bare = problem_without_secrets(message);
	AUTOFREE char *bare_code = problem_without_secrets(code);
	AUTOFREE char *clean = text_clean(bare, TEXT_MAX_BYTES - sizeof(SAID_HEAD "\""));
	AUTOFREE char *clean_code = text_clean(bare_code, CODE_MAX_BYTES);
	const char *said = clean && *clean ? clean : clean_code;

	if (!said || !*said)
		problem_set(problem, class, "the service gave no reason");
	else
		problem_set(problem, class, SAID_HEAD "%s\"", said);
	if (clean_code && *clean_code)
		problem->code = shared_text(clean_code);
}

void problem_copy(struct problem *to, const struct problem *from)
{
	struct problem copy = { from->class, shared_ref(from->code),
				shared_ref(from->text) };

	problem_clear(to);
	*to = copy;
}

void problem_clear(struct problem *problem)
{
	shared_unref(problem->code);
	shared_unref(problem->text);
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
