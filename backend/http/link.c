#include "backend/http/link.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <string.h>
#include <strings.h>
#include <time.h>

/* Larger values cannot be meant, and would overflow in milliseconds. */
#define SECONDS_MAX (INT64_C(1) << 40)

/* A copy of a query parameter's value, or NULL. */
static char *parameter(const char *url, const char *name)
{
	const char *at = strchr(url, '?');
	size_t length = strlen(name);

	while (at && *at) {
		at++;
		if (!strncasecmp(at, name, length) && at[length] == '=')
			return strndup(at + length + 1, strcspn(at + length + 1, "&#"));
		at = strchr(at, '&');
	}
	return NULL;
}

/* "20250331T095113Z" */
static int64_t parse_date(const char *text)
{
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%Y%m%dT%H%M%SZ", &tm) : NULL;

	return end && !*end ? (int64_t)timegm(&tm) : 0;
}

static int64_t dated(const char *url, const char *date_name, const char *expires_name)
{
	AUTOFREE char *date = parameter(url, date_name);
	AUTOFREE char *expires = parameter(url, expires_name);
	int64_t start = parse_date(date), seconds;

	if (!start || !expires || text_to_int64(expires, &seconds) || seconds < 0)
		return 0;
	return seconds > SECONDS_MAX ? 0 : start + seconds;
}

int64_t link_expires_at(const char *url)
{
	AUTOFREE char *expires = NULL;
	int64_t at;

	if (!url)
		return 0;
	at = dated(url, "X-Tos-Date", "X-Tos-Expires");
	if (!at)
		at = dated(url, "X-Amz-Date", "X-Amz-Expires");
	if (at)
		return at;
	expires = parameter(url, "Expires");
	if (!expires || text_to_int64(expires, &at) || at < 0 || at > SECONDS_MAX)
		return 0;
	return at;
}
