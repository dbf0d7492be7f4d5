#include "backend/sim/link.h"

#include "backend/base/cleanup.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define DATE_FORMAT "%Y%m%dT%H%M%SZ"
#define CREDENTIAL "sim-"

static void add_path(struct buffer *out, const struct task *task, enum media_kind kind)
{
	buffer_addf(out, "/media/%s/%s", task->id, media_file_name(kind));
}

static void add_hex(struct buffer *out, const unsigned char *bytes, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		buffer_addf(out, "%02x", bytes[i]);
}

static char *sign(const struct link_settings *settings, const struct task *task,
		  enum media_kind kind, const struct link_query *query)
{
	AUTOBUFFER text = BUFFER_INIT(4096);
	AUTOBUFFER signature = BUFFER_INIT(256);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	add_path(&text, task, kind);
	buffer_addf(&text, "\nGET\n%s\n%s\n%s", query->credential, query->date,
		    query->expires);
	if (buffer_error(&text))
		return NULL;
	if (!HMAC(EVP_sha256(), settings->key, BOOKS_KEY_BYTES,
		  (unsigned char *)text.data, text.size, digest, &size))
		return NULL;
	add_hex(&signature, digest, size);
	return buffer_take(&signature);
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

char *link_make(const struct link_settings *settings, const struct task *task,
		enum media_kind kind, const char *host)
{
	AUTOBUFFER link = BUFFER_INIT(4096);
	AUTOFREE char *credential = number_text(CREDENTIAL, task->link_generation);
	AUTOFREE char *date = date_text(task->link_date_ms);
	AUTOFREE char *expires = number_text("", settings->seconds);
	struct link_query query = { credential, date, expires, NULL };
	AUTOFREE char *signature = NULL;

	if (!credential || !date || !expires)
		return NULL;
	signature = sign(settings, task, kind, &query);
	if (!signature)
		return NULL;
	buffer_addf(&link, "http://%s", host);
	add_path(&link, task, kind);
	buffer_addf(&link,
		    "?X-Tos-Algorithm=TOS4-HMAC-SHA256&X-Tos-Credential=%s&X-Tos-Date=%s"
		    "&X-Tos-Expires=%s&X-Tos-Signature=%s&X-Tos-SignedHeaders=host",
		    credential, date, expires, signature);
	return buffer_take(&link);
}

static bool is_signed(const struct link_settings *settings, const struct task *task,
		      enum media_kind kind, const struct link_query *query)
{
	AUTOFREE char *signature = NULL;

	if (!query->credential || !query->date || !query->expires || !query->signature)
		return false;
	signature = sign(settings, task, kind, query);
	return signature && strlen(signature) == strlen(query->signature) &&
	       !CRYPTO_memcmp(signature, query->signature, strlen(signature));
}

/* What is parsed here was made by link_make(): its signature is good. */
static int64_t end_ms(const struct link_query *query)
{
	struct tm tm = { 0 };

	if (!strptime(query->date, DATE_FORMAT, &tm))
		return 0;
	return ((int64_t)timegm(&tm) + strtoll(query->expires, NULL, 10)) * 1000;
}

enum link_verdict link_check(const struct link_settings *settings,
			     const struct task *task, enum media_kind kind,
			     const struct link_query *query, int64_t now_ms)
{
	int64_t generation;

	if (!is_signed(settings, task, kind, query))
		return LINK_FORGED;
	generation = strtoll(query->credential + strlen(CREDENTIAL), NULL, 10);
	if (generation != task->link_generation || now_ms >= end_ms(query))
		return LINK_EXPIRED;
	return LINK_GOOD;
}
