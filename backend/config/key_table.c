#include "backend/config/key_table.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "backend/config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MOST_MS 86400000
#define COUNT_MOST 1000000

/* --- setters: 0, -EINVAL for a value that is not allowed, or -ENOMEM --- */

/* An empty value unsets the key. */
static int set_text(const struct config_key *key, void *field, const char *value)
{
	char **text = field;
	char *copy = *value ? strdup(value) : NULL;

	(void)key;
	if (*value && !copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int find_word(const struct config_key *key, const char *value)
{
	for (int i = 0; key->words[i]; i++)
		if (!strcmp(key->words[i], value))
			return i;
	return -EINVAL;
}

static int set_keep(const struct config_key *key, void *field, const char *value)
{
	int word = find_word(key, value);

	if (word >= 0)
		*(enum keep_policy *)field = (enum keep_policy)word;
	return word < 0 ? word : 0;
}

static int set_yes(const struct config_key *key, void *field, const char *value)
{
	int word = find_word(key, value);

	if (word >= 0)
		*(bool *)field = word == 0;
	return word < 0 ? word : 0;
}

static int set_seconds(const struct config_key *key, void *field, const char *value)
{
	int64_t ms;

	if (text_to_ms(value, &ms) || ms < key->least_ms || ms > SECONDS_MOST_MS)
		return -EINVAL;
	*(int64_t *)field = ms;
	return 0;
}

static int set_count(const struct config_key *key, void *field, const char *value)
{
	int64_t number;

	(void)key;
	if (text_to_int64(value, &number) || number < 1 || number > COUNT_MOST)
		return -EINVAL;
	*(unsigned *)field = (unsigned)number;
	return 0;
}

static int set_proxy(const struct config_key *key, void *field, const char *value)
{
	static const char *const schemes[] = { "http://", "https://", "socks5://",
					       "socks5h://" };
	bool is_known = !*value || !strcmp(value, CONFIG_PROXY_ENVIRONMENT);

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		is_known = is_known || text_starts_with(value, schemes[i]);
	return is_known ? set_text(key, field, value) : -EINVAL;
}

/* --- the table --- */

/* In the order of enum keep_policy. */
static const char *const keep_words[] = { "lazy", "rescue", "eager", NULL };
static const char *const yes_words[] = { "yes", "no", NULL };

#define MAIN (CONFIG_MAIN_SECTION | CONFIG_MOUNT_OPTION)
#define PROVIDER CONFIG_PROVIDER_SECTION
#define MAIN_FIELD(member) .field = offsetof(struct config, member)
#define PROVIDER_FIELD(member) .field = offsetof(struct provider_section, member)

static const struct config_key keys[] = {
	{ "default_provider", MAIN, "NAME", .set = set_text, MAIN_FIELD(default_provider),
	  .help = "the [provider NAME] section for requests that name none; without it, "
		  "the first section" },
	{ "settle", MAIN, "SECONDS", "seconds from 0 to 86400, such as 3 or 0.5",
	  .initial = "3", .set = set_seconds, MAIN_FIELD(settle_ms),
	  .help = "how long a folder must stay unchanged before it is submitted" },
	{ "keep", MAIN, "lazy|rescue|eager", "lazy, rescue, eager", keep_words,
	  .initial = "rescue", .set = set_keep, MAIN_FIELD(keep),
	  .help = "what is downloaded before it is read: nothing (lazy), videos whose "
		  "link is about to expire (rescue), or everything (eager)" },
	{ "submissions_per_hour", MAIN, "NUMBER", "1 to 1000000", .initial = "60",
	  .set = set_count, MAIN_FIELD(submissions_per_hour),
	  .help = "the maximum number of tasks submitted per hour; further ones wait" },
	{ "read_timeout", MAIN, "SECONDS", "seconds from 0.2 to 86400, such as 3 or 0.5",
	  .initial = "120", .set = set_seconds, MAIN_FIELD(read_timeout_ms),
	  .least_ms = 200,
	  .help = "how long a read of a video waits without receiving a byte before it "
		  "fails; a stalled download is restarted after a quarter of that time" },
	{ "thumbnails", MAIN, "yes|no", "yes, no", yes_words, .initial = "yes",
	  .set = set_yes, MAIN_FIELD(makes_thumbnails),
	  .help = "whether thumbnails of finished tasks are put into the desktop's "
		  "thumbnail cache" },
	{ "proxy", MAIN, "URL",
	  "http://, https://, socks5:// or socks5h:// and a host, or \"environment\" to "
	  "use https_proxy and the like",
	  .set = set_proxy, MAIN_FIELD(proxy),
	  .help = "http://HOST:PORT (or https, socks5, socks5h) for every service but "
		  "the simulator, or \"environment\" to use https_proxy and the like; "
		  "without it, no proxy" },
	{ "models", MAIN, "FILE", .is_file = true, .set = set_text,
	  MAIN_FIELD(models_path),
	  .help = "a models.json that overrides the installed one; without it, the "
		  "models.json beside config.ini, if there is one" },

	{ "type", PROVIDER, "TYPE", .set = set_text, PROVIDER_FIELD(type),
	  .help = "the service's type; without it, the section's name" },
	{ "base_url", PROVIDER, "URL", .set = set_text, PROVIDER_FIELD(base_url),
	  .help = "the address of the service's API; without it, the service's public "
		  "address" },
	{ "key_env", PROVIDER, "NAME", .set = set_text, PROVIDER_FIELD(key_source.env),
	  .help = "the environment variable that holds the key; if no key_… is set, the "
		  "service's usual variable" },
	{ "key_file", PROVIDER, "FILE", .set = set_text, PROVIDER_FIELD(key_source.file),
	  .help = "a file that holds the key, readable only by you (mode 0600)" },
	{ "key_command", PROVIDER, "COMMAND", .set = set_text,
	  PROVIDER_FIELD(key_source.command),
	  .help = "a shell command that prints the key, such as: pass show ark" },
	{ "key_credential", PROVIDER, "NAME", .set = set_text,
	  PROVIDER_FIELD(key_source.credential),
	  .help = "the systemd credential (LoadCredential=) that holds the key" },
	{ "model", PROVIDER, "NAME", .set = set_text, PROVIDER_FIELD(model),
	  .help = "the model for requests that name none" },
	{ "poll", PROVIDER, "SECONDS", "seconds from 0.05 to 86400, such as 3 or 0.5",
	  .set = set_seconds, PROVIDER_FIELD(poll_ms), .least_ms = 50,
	  .help = "the interval between polls of a task; if not set, the service's usual "
		  "interval" },
	{ "max_active", PROVIDER, "NUMBER", "1 to 1000000", .set = set_count,
	  PROVIDER_FIELD(max_active),
	  .help = "the maximum number of tasks at the service at once; further ones "
		  "wait" },
	{ "callback_url", PROVIDER, "URL", .set = set_text, PROVIDER_FIELD(callback_url),
	  .help = "a URL of yours that the service calls when a task changes; seedancefs "
		  "still polls" },
};

_Static_assert(ARRAY_SIZE(keys) <= CONFIG_KEYS_MOST, "CONFIG_KEYS_MOST is too small");

const struct config_key *config_key_at(size_t n)
{
	return n < ARRAY_SIZE(keys) ? &keys[n] : NULL;
}

const struct config_key *config_key_find(const char *name, unsigned places)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if ((keys[i].places & places) && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

size_t config_key_names(unsigned places, const char *ret_names[CONFIG_KEYS_MOST + 1])
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].places & places)
			ret_names[count++] = keys[i].name;
	ret_names[count] = NULL;
	return count;
}
