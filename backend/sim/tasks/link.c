#include "backend/sim/tasks/link.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define DATE_FORMAT "%Y%m%dT%H%M%SZ"
#define CREDENTIAL "sim-"

static char *make_path(const struct task *task, const char *file)
{
	AUTOBUFFER path = BUFFER_INIT(4096);

	buffer_addf(&path, "/media/%s/%s", task->id, file);
	return buffer_take(&path);
}

static int sign(const struct link_settings *settings, const char *path,
		const struct link_query *query, char ret_signature[SHA256_HEX])
{
	AUTOBUFFER text = BUFFER_INIT(4096);

	buffer_add(&text, path);
	buffer_addf(&text, "\nGET\n%s\n%s\n%s", query->credential, query->date,
		    query->expires);
	if (buffer_error(&text))
		return buffer_error(&text);
	return hmac_sha256(settings->key, BOOKS_KEY_BYTES, text.data, text.size,
			   ret_signature);
}

static char *date_text(int64_t date_ms)
{
	AUTOBUFFER text = BUFFER_INIT(64);
	time_t seconds = (time_t)(date_ms / 1000);
	char date[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), DATE_FORMAT, &tm);
	buffer_add(&text, date);
	return buffer_take(&text);
}

static char *number_text(const char *prefix, int64_t number)
{
	AUTOBUFFER text = BUFFER_INIT(64);

	buffer_addf(&text, "%s%" PRId64, prefix, number);
	return buffer_take(&text);
}

static char *make(const struct link_settings *settings, const struct task *task,
		  const char *file, const char *host)
{
	AUTOBUFFER link = BUFFER_INIT(4096);
	AUTOFREE char *path = make_path(task, file);
	AUTOFREE char *credential = number_text(CREDENTIAL, task->link_generation);
	AUTOFREE char *date = date_text(task->link_date_ms);
	AUTOFREE char *expires = number_text("", settings->seconds);
	struct link_query query = { credential, date, expires, NULL };
	char signature[SHA256_HEX];

	if (!path || !credential || !date || !expires ||
	    sign(settings, path, &query, signature))
		return NULL;
	buffer_addf(&link, "http://%s%s", host, path);
	buffer_addf(&link,
		    "?X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Credential=%s&X-Tos-Date=%s"
		    "&X-Tos-Expires=%s&X-Tos-Signature=%s&X-Tos-SignedHeaders=host",
		    credential, date, expires, signature);
	return buffer_take(&link);
}

char *link_make(const struct link_settings *settings, const struct task *task,
		enum media_kind kind, const char *host)
{
	return make(settings, task, media_file_name(kind), host);
}

char *link_make_bare(const struct link_settings *settings, const struct task *task,
		     enum media_kind kind, const char *host)
{
	return make(settings, task, media_kind_name(kind), host);
}

static bool is_signed(const struct link_settings *settings, const char *path,
		      const struct link_query *query)
{
	char signature[SHA256_HEX];

	if (!query->credential || !query->date || !query->expires || !query->signature)
		return false;
	return !sign(settings, path, query, signature) &&
	       !strcmp(signature, query->signature);
}

/* link_make() made the link that is parsed here: its signature is valid. */
static int64_t end_ms(const struct link_query *query)
{
	struct tm tm = { 0 };

	if (!strptime(query->date, DATE_FORMAT, &tm))
		return 0;
	return ((int64_t)timegm(&tm) + strtoll(query->expires, NULL, 10)) * 1000;
}

enum link_verdict link_check(const struct link_settings *settings,
			     const struct task *task, const char *path,
			     const struct link_query *query, int64_t now_ms)
{
	int64_t generation;

	if (!is_signed(settings, path, query))
		return LINK_FORGED;
	generation = strtoll(query->credential + strlen(CREDENTIAL), NULL, 10);
	if (generation != task->link_generation || now_ms >= end_ms(query))
		return LINK_EXPIRED;
	return LINK_GOOD;
}
