#include "backend/config/config.h"

#include "backend/base/cleanup.h"
#include "backend/base/log.h"
#include "backend/base/buffer.h"
#include "backend/base/text.h"
#include "backend/config/key.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTIONS_MAX 100
#define SECTION_NAMES_MAX_BYTES 2048 /* as messages list them */
#define LINE_MAX_BYTES 4096
#define READ_TIMEOUT_LEAST_MS 200
#define MAIN_SECTION SIZE_MAX
#define PROVIDER_PREFIX "provider "

struct raw_section {
	char *type;
	struct key_source key;
	bool has_max_active;
};

/* The configuration while it is read. `config` comes first:
 * the public part is the whole. */
struct loading {
	struct config config;
	struct raw_section *raw; /* one for each section */
	char *path;
	char *models; /* the person's own models.json, when it is named */
	char *error;
};

static struct loading *loading_of(struct config *config)
{
	return (struct loading *)config;
}

static int put(char **into, const char *value)
{
	free(*into);
	*into = *value ? strdup(value) : NULL;
	return *value && !*into ? -ENOMEM : 0;
}

static int set_keep(struct config *config, const char *value, char **ret_error)
{
	static const char *const words[] = { "lazy", "rescue", "eager" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], value)) {
			config->keep = (enum keep_policy)i;
			return 0;
		}
	return text_fail(ret_error, -EINVAL,
			 "keep is \"%s\"; allowed: lazy, rescue, eager", value);
}

static int set_count(const char *key, const char *value, unsigned *into, char **ret_error)
{
	int64_t number;

	if (text_to_int64(value, &number) || number < 1 || number > 1000000)
		return text_fail(ret_error, -EINVAL,
				 "%s is \"%s\"; allowed: 1 to 1000000", key, value);
	*into = (unsigned)number;
	return 0;
}

static int set_seconds(const char *key, const char *value, int64_t least_ms,
		       int64_t *into, char **ret_error)
{
	int64_t ms;

	if (text_to_ms(value, &ms) || ms < least_ms || ms > 86400000)
		return text_fail(ret_error, -EINVAL,
				 "%s is \"%s\"; allowed: seconds, such as 3 or 0.5", key,
				 value);
	*into = ms;
	return 0;
}

static int set_proxy(struct config *config, const char *value, char **ret_error)
{
	static const char *const heads[] = { "http://", "https://", "socks5://",
					     "socks5h://" };
	bool is_known = !*value || !strcmp(value, CONFIG_PROXY_ENVIRONMENT);

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		is_known = is_known || text_starts_with(value, heads[i]);
	if (!is_known)
		return text_fail(ret_error, -EINVAL,
				 "proxy is \"%s\"; allowed: http://, https://, socks5:// "
				 "or socks5h:// and a host, or \"environment\" for what "
				 "http_proxy and its like say",
				 value);
	return put(&config->proxy, value);
}

static int set_yes(const char *key, const char *value, bool *into, char **ret_error)
{
	bool is_yes = !strcmp(value, "yes");

	if (!is_yes && strcmp(value, "no") != 0)
		return text_fail(ret_error, -EINVAL, "%s is \"%s\"; allowed: yes, no",
				 key, value);
	*into = is_yes;
	return 0;
}

int config_set(struct config *config, const char *key, const char *value,
	       char **ret_error)
{
	if (!strcmp(key, "default_provider"))
		return put(&config->default_provider, value);
	if (!strcmp(key, "settle"))
		return set_seconds(key, value, 0, &config->settle_ms, ret_error);
	if (!strcmp(key, "keep"))
		return set_keep(config, value, ret_error);
	if (!strcmp(key, "submissions_per_hour"))
		return set_count(key, value, &config->submissions_per_hour, ret_error);
	if (!strcmp(key, "read_timeout"))
		return set_seconds(key, value, READ_TIMEOUT_LEAST_MS,
				   &config->read_timeout_ms, ret_error);
	if (!strcmp(key, "proxy"))
		return set_proxy(config, value, ret_error);
	if (!strcmp(key, "thumbnails"))
		return set_yes(key, value, &config->makes_thumbnails, ret_error);
	if (!strcmp(key, "models"))
		return put(&loading_of(config)->models, value);
	return -ENOENT;
}

static int add_section(struct loading *loading, const char *name)
{
	struct config *config = &loading->config;
	size_t count = config->section_count;
	struct provider_section *sections;
	struct raw_section *raw;

	if (count == SECTIONS_MAX)
		return text_fail(&loading->error, -EINVAL, "more than %d sections",
				 SECTIONS_MAX);
	sections = realloc(config->sections, (count + 1) * sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	config->sections = sections;
	raw = realloc(loading->raw, (count + 1) * sizeof(*raw));
	if (!raw)
		return -ENOMEM;
	loading->raw = raw;
	sections[count] = (struct provider_section){ .name = strdup(name) };
	raw[count] = (struct raw_section){ 0 };
	config->section_count++;
	return sections[count].name ? 0 : -ENOMEM;
}

static int find_or_add_section(struct loading *loading, const char *name,
			       size_t *ret_index)
{
	struct config *config = &loading->config;

	for (*ret_index = 0; *ret_index < config->section_count; ++*ret_index)
		if (!strcmp(config->sections[*ret_index].name, name))
			return 0;
	return add_section(loading, name);
}

static int set_in_section(struct loading *loading, size_t index, const char *key,
			  const char *value)
{
	static const char *const keys[] = {
		"type",	       "base_url",	 "key_env", "key_file",
		"key_command", "key_credential", "model",   "poll",
		"max_active",  "callback_url",	 NULL
	};
	struct provider_section *section = &loading->config.sections[index];
	struct raw_section *raw = &loading->raw[index];
	const char *near = text_nearest(key, keys);

	if (!strcmp(key, "type"))
		return put(&raw->type, value);
	if (!strcmp(key, "base_url"))
		return put(&section->base_url, value);
	if (!strcmp(key, "key_env"))
		return put(&raw->key.env, value);
	if (!strcmp(key, "key_file"))
		return put(&raw->key.file, value);
	if (!strcmp(key, "key_command"))
		return put(&raw->key.command, value);
	if (!strcmp(key, "key_credential"))
		return put(&raw->key.credential, value);
	if (!strcmp(key, "model"))
		return put(&section->model, value);
	if (!strcmp(key, "callback_url"))
		return put(&section->callback_url, value);
	if (!strcmp(key, "poll"))
		return set_seconds(key, value, 50, &section->poll_ms, &loading->error);
	if (!strcmp(key, "max_active"))
		return set_count(key, value, &section->max_active, &loading->error);
	return text_fail(&loading->error, -EINVAL,
			 "[provider %s]: the key \"%s\" is not known%s%s%s",
			 section->name, key, near ? "; did you mean \"" : "",
			 near ? near : "", near ? "\"?" : "");
}

static int set_in_main(struct loading *loading, const char *key, const char *value)
{
	static const char *const keys[] = { "default_provider",
					    "settle",
					    "keep",
					    "submissions_per_hour",
					    "models",
					    "read_timeout",
					    "proxy",
					    "thumbnails",
					    NULL };
	const char *near = text_nearest(key, keys);
	int r = config_set(&loading->config, key, value, &loading->error);

	if (r != -ENOENT)
		return r;
	return text_fail(&loading->error, -EINVAL, "the key \"%s\" is not known%s%s%s",
			 key, near ? "; did you mean \"" : "", near ? near : "",
			 near ? "\"?" : "");
}

/* --- reading line by line ---
 *
 * inih tells of a section only with its first key, cuts section names, takes at most 199
 * bytes of a line, and reads indented lines as continuations. So the reader that stands
 * before it strips white space, notes sections itself, and keeps long lines for the
 * handler.
 */

struct reader {
	struct loading *loading;
	FILE *file;
	size_t section; /* index, or MAIN_SECTION */
	int line;	/* number of the line, from 1 */
	int r;		/* the first error; its text is loading->error */
	bool is_cut;	/* inih sees only the start of the line */
	char text[LINE_MAX_BYTES + 2];
};

static char *strip(char *text)
{
	size_t size;

	text += strspn(text, " \t\r\n\v\f");
	size = strlen(text);
	while (size && strchr(" \t\r\n\v\f", text[size - 1]))
		text[--size] = '\0';
	return text;
}

static int enter_section(struct reader *reader, const char *header)
{
	AUTOFREE char *name = strndup(header, strcspn(header, "]"));

	if (!name)
		return -ENOMEM;
	if (!text_starts_with(name, PROVIDER_PREFIX) || !name[strlen(PROVIDER_PREFIX)])
		return text_fail(
			&reader->loading->error, -EINVAL,
			"the section [%s] is not known; allowed: [provider NAME]", name);
	return find_or_add_section(reader->loading, name + strlen(PROVIDER_PREFIX),
				   &reader->section);
}

/* A whole line into reader->text. False at the end of the file and after an error. */
static bool read_line(struct reader *reader)
{
	if (reader->r || !fgets(reader->text, sizeof(reader->text), reader->file))
		return false;
	reader->line++;
	if (!strchr(reader->text, '\n') && !feof(reader->file))
		reader->r = text_fail(&reader->loading->error, -EINVAL,
				      "longer than %d bytes, or it holds a NUL",
				      LINE_MAX_BYTES);
	return !reader->r;
}

/* inih's reader: as fgets(). */
static char *next_line(char *into, int room, void *user)
{
	struct reader *reader = user;
	char *text = reader->text;

	if (!read_line(reader))
		return NULL;
	if (reader->line == 1 && text_starts_with(text, "\xef\xbb\xbf"))
		text += 3;
	text = strip(text);
	if (*text == '[' && strchr(text, ']'))
		reader->r = enter_section(reader, text + 1);
	if (reader->r)
		return NULL;
	memmove(reader->text, text, strlen(text) + 1);
	reader->is_cut = strlen(reader->text) + 2 > (size_t)room;
	snprintf(into, (size_t)room, "%.*s\n", room - 2, reader->text);
	return into;
}

/* The value of a line that inih saw cut, by inih's rules: " ;" begins a comment. */
static const char *whole_value(struct reader *reader)
{
	char *value = reader->text + strcspn(reader->text, "=:");

	if (!*value)
		return "";
	value++;
	for (char *p = value; *p; p++)
		if (*p == ';' && (p[-1] == ' ' || p[-1] == '\t')) {
			*p = '\0';
			break;
		}
	return strip(value);
}

/* inih's handler: 1 is success. */
static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct reader *reader = user;

	(void)section; /* inih's copy of it is cut */
	if (reader->is_cut)
		value = whole_value(reader);
	if (reader->section == MAIN_SECTION)
		reader->r = set_in_main(reader->loading, key, value);
	else
		reader->r = set_in_section(reader->loading, reader->section, key, value);
	return reader->r == 0;
}

/* What inih itself refuses it skips, and reads on: the first bad line counts. */
static int parse(struct reader *reader, const char *path, char **ret_error)
{
	int line = ini_parse_stream(next_line, reader, handle, reader);

	if (line < 0 || reader->r == -ENOMEM)
		return -ENOMEM;
	if (reader->r && (!line || line == reader->line))
		return text_fail(ret_error, -EINVAL, "%s: line %d: %s", path,
				 reader->line, reader->loading->error);
	if (line)
		return text_fail(ret_error, -EINVAL,
				 "%s: line %d: not of the form KEY = VALUE or [SECTION]",
				 path, line);
	return 0;
}

static int read_file(struct loading *loading, const char *path, bool is_required,
		     char **ret_error)
{
	AUTOFCLOSE FILE *file = fopen(path, "re");
	struct reader reader = { .loading = loading,
				 .file = file,
				 .section = MAIN_SECTION };

	if (!file && errno == ENOENT && !is_required)
		return 0;
	if (!file) {
		int r = -errno;

		text_fail(ret_error, -EINVAL, "%s: %s", path, strerror(-r));
		return r;
	}
	return parse(&reader, path, ret_error);
}

int config_load(const char *path, bool is_required, struct config **ret_config,
		char **ret_error)
{
	struct loading *loading = calloc(1, sizeof(*loading));
	int r;

	if (!loading)
		return -ENOMEM;
	loading->config.settle_ms = 3000;
	loading->config.read_timeout_ms = 120000;
	loading->config.keep = KEEP_RESCUE;
	loading->config.submissions_per_hour = 60;
	loading->config.makes_thumbnails = true;
	loading->path = strdup(path);
	r = read_file(loading, path, is_required, ret_error);
	if (r) {
		config_destroy(&loading->config);
		return r;
	}
	*ret_config = &loading->config;
	return 0;
}

static void section_clear(struct provider_section *section)
{
	free(section->name);
	free(section->base_url);
	if (section->key)
		explicit_bzero(section->key, strlen(section->key));
	free(section->key);
	free(section->key_name);
	free(section->model);
	free(section->callback_url);
}

void config_destroy(struct config *config)
{
	struct loading *loading = loading_of(config);

	if (!config)
		return;
	for (size_t i = 0; i < config->section_count; i++) {
		section_clear(&config->sections[i]);
		free(loading->raw[i].type);
		free(loading->raw[i].key.env);
		free(loading->raw[i].key.file);
		free(loading->raw[i].key.command);
		free(loading->raw[i].key.credential);
	}
	free(config->sections);
	free(loading->raw);
	free(config->default_provider);
	free(loading->models);
	models_destroy(config->models);
	free(config->proxy);
	free(loading->path);
	free(loading->error);
	free(loading);
}

const char *config_key_file(const struct config *config, size_t n)
{
	const struct loading *loading = (const struct loading *)config;

	return n < config->section_count ? loading->raw[n].key.file : NULL;
}

bool config_needs_simulator(const struct config *config)
{
	return config->section_count == 0;
}

bool config_is_loopback(const char *url)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]" };
	const char *host = strstr(url, "://");

	if (!host)
		return false;
	host += 3;
	if (memchr(host, '@', strcspn(host, "/?#")))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		size_t length = strlen(hosts[i]);

		if (!strncasecmp(host, hosts[i], length) && strchr(":/", host[length]))
			return true; /* strchr() finds the NUL as well: the end of the
					address */
	}
	return false;
}

static int check_base_url(struct provider_section *section, char **ret_error)
{
	size_t length;

	if (!section->base_url && section->provider->default_base_url)
		section->base_url = strdup(section->provider->default_base_url);
	if (!section->base_url)
		return text_fail(
			ret_error, -EINVAL,
			"[provider %s]: base_url is missing; services of type %s "
			"have no public "
			"address",
			section->name, section->provider->type);
	length = strlen(section->base_url);
	while (length && section->base_url[length - 1] == '/')
		section->base_url[--length] = '\0';
	if (text_starts_with(section->base_url, "https://"))
		return 0;
	if (text_starts_with(section->base_url, "http://") &&
	    config_is_loopback(section->base_url))
		return 0;
	return text_fail(
		ret_error, -EINVAL,
		"[provider %s]: base_url is \"%s\"; allowed: https://…, or http:// "
		"to this "
		"machine itself (localhost)",
		section->name, section->base_url);
}

static int refuse_type(const struct provider_section *section, const char *type,
		       char **ret_error)
{
	AUTOBUFFER known = BUFFER_INIT(1024);
	const struct provider *provider;

	for (size_t i = 0; (provider = provider_at(i)); i++)
		buffer_addf(&known, "%s%s", i ? ", " : "", provider->type);
	return text_fail(ret_error, -EINVAL, "[provider %s]: type is \"%s\"; allowed: %s",
			 section->name, type, known.data);
}

static int finish_section(struct loading *loading, size_t index, char **ret_error)
{
	struct provider_section *section = &loading->config.sections[index];
	const char *type =
		loading->raw[index].type ? loading->raw[index].type : section->name;
	int r;

	section->provider = provider_find(type);
	if (!section->provider)
		return refuse_type(section, type, ret_error);
	if (!section->poll_ms)
		section->poll_ms = section->provider->poll_interval_ms;
	if (!section->max_active)
		section->max_active = section->provider->max_active;
	r = check_base_url(section, ret_error);
	if (!r && !section->is_simulator)
		r = key_fetch(section, &loading->raw[index].key, ret_error);
	return r;
}

/* Where the simulator speaks a service's wire format. */
static char *simulator_base_url(const char *simulator_url,
				const struct provider *provider)
{
	return text_format("%s/%s%s", simulator_url, provider->type,
			   strcmp(provider->type, "ark") ? "" : "/api/v3");
}

static int add_simulator_sections(struct loading *loading, const char *simulator_url)
{
	const struct provider *provider;

	for (size_t i = 0; (provider = provider_at(i)); i++) {
		struct provider_section *section;
		int r = add_section(loading, provider->type);

		if (r)
			return r;
		section = &loading->config.sections[i];
		section->is_simulator = true;
		section->base_url = simulator_base_url(simulator_url, provider);
		section->key = strdup("simulator");
		section->key_name = strdup("simulator");
		section->poll_ms = 1000;
		if (!section->base_url || !section->key || !section->key_name)
			return -ENOMEM;
	}
	return 0;
}

static int check_default(const struct config *config, char **ret_error)
{
	if (!config->default_provider || config_section(config, config->default_provider))
		return 0;
	return text_fail(
		ret_error, -EINVAL,
		"default_provider is \"%s\", and there is no section [provider %s]",
		config->default_provider, config->default_provider);
}

/* Beside config.ini, unless it is named. */
static char *own_models(const struct loading *loading)
{
	const char *slash = strrchr(loading->path, '/');
	int directory = slash ? (int)(slash - loading->path) : 0;

	if (loading->models && *loading->models == '/')
		return strdup(loading->models);
	return text_format("%.*s%s%s", directory, loading->path, slash ? "/" : "",
			   loading->models ? loading->models : "models.json");
}

static int load_models(struct loading *loading, char **ret_error)
{
	AUTOFREE char *installed = models_installed_path();
	AUTOFREE char *own = own_models(loading);
	const char *const overrides[] = { own };
	int r;

	if (!installed || !own)
		return -ENOMEM;
	if (loading->models && access(own, R_OK) < 0)
		return text_fail(ret_error, -EINVAL, "models: %s: %s", own,
				 strerror(errno));
	r = models_load(installed, overrides, ARRAY_SIZE(overrides),
			&loading->config.models, ret_error);
	return r && r != -ENOMEM ? -EINVAL : r;
}

int config_finish(struct config *config, const char *simulator_url, char **ret_error)
{
	struct loading *loading = loading_of(config);
	int r = 0;

	if (config_needs_simulator(config)) {
		if (config->default_provider)
			return check_default(config, ret_error);
		if (!simulator_url)
			return -ENOENT;
		r = add_simulator_sections(loading, simulator_url);
	}
	for (size_t i = 0; !r && i < config->section_count; i++)
		r = finish_section(loading, i, ret_error);
	/* Two sections may share a variable: all keys are read before any is wiped. */
	for (size_t i = 0; !r && i < config->section_count; i++) {
		const char *env = loading->raw[i].key.env;
		char *value;

		if (!env)
			env = config->sections[i].provider->default_key_env;
		value = env ? getenv(env) : NULL;
		if (value)
			explicit_bzero(value, strlen(value));
		if (value)
			unsetenv(env);
	}
	if (!r)
		r = load_models(loading, ret_error);
	return r ? r : check_default(config, ret_error);
}

const struct provider_section *config_section(const struct config *config,
					      const char *name)
{
	if (!name)
		name = config->default_provider;
	if (!name)
		return config->section_count ? &config->sections[0] : NULL;
	for (size_t i = 0; i < config->section_count; i++)
		if (!strcmp(config->sections[i].name, name))
			return &config->sections[i];
	return NULL;
}

int config_refuse_section(const struct config *config, const char *source,
			  const char *name, struct problem *problem)
{
	AUTOBUFFER names = BUFFER_INIT(SECTION_NAMES_MAX_BYTES);

	for (size_t i = 0; i < config->section_count; i++)
		buffer_addf(&names, "%s%s", i ? ", " : "", config->sections[i].name);
	problem_set(problem, PROBLEM_INVALID,
		    "%s: \"provider\" is \"%s\", and the configuration has no section of "
		    "that name; allowed: %s",
		    source, name ? name : "", names.size ? names.data : "(none)");
	return -EINVAL;
}

struct endpoint config_endpoint(const struct provider_section *section)
{
	return (struct endpoint){
		.base_url = section->base_url,
		.key = section->key,
		.model = section->model,
		.callback_url = section->callback_url,
	};
}
