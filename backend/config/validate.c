/* Adds the services' defaults to the configuration, and checks it. */
#include "backend/config/config_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define TYPES_MOST 32

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

		/* strchr() also finds the NUL, which ends the URL */
		if (!strncasecmp(host, hosts[i], length) && strchr(":/", host[length]))
			return true;
	}
	return false;
}

/* --- sections --- */

static int check_base_url(struct provider_section *section, char **ret_error)
{
	size_t length;

	if (!section->base_url && section->provider->default_base_url)
		section->base_url = strdup(section->provider->default_base_url);
	if (!section->base_url)
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: base_url is missing; services of type "
				 "%s have no public address",
				 section->name, section->provider->type);
	length = strlen(section->base_url);
	while (length && section->base_url[length - 1] == '/')
		section->base_url[--length] = '\0';
	if (text_starts_with(section->base_url, "https://"))
		return 0;
	if (text_starts_with(section->base_url, "http://") &&
	    config_is_loopback(section->base_url))
		return 0;
	return text_fail(ret_error, -EINVAL,
			 "[provider %s]: base_url is \"%s\"; allowed: https://…, or "
			 "http:// for localhost",
			 section->name, section->base_url);
}

static int refuse_type(const struct provider_section *section, char **ret_error)
{
	AUTOBUFFER known = BUFFER_INIT(1024);
	const char *types[TYPES_MOST + 1] = { NULL };
	const struct provider *provider;
	const char *near;

	for (size_t i = 0; i < TYPES_MOST && (provider = provider_at(i)); i++) {
		types[i] = provider->type;
		buffer_addf(&known, "%s%s", i ? ", " : "", provider->type);
	}
	near = text_nearest(section->type ? section->type : section->name, types);
	if (!section->type)
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: type is missing, and the section's name "
				 "is not a type; allowed: %s" DID_YOU_MEAN,
				 section->name, known.data, NEAREST(near));
	return text_fail(ret_error, -EINVAL,
			 "[provider %s]: type is \"%s\"; allowed: %s" DID_YOU_MEAN,
			 section->name, section->type, known.data, NEAREST(near));
}

static int check_section(struct provider_section *section, char **ret_error)
{
	int r;

	section->provider = provider_find(section->type ? section->type : section->name);
	if (!section->provider)
		return refuse_type(section, ret_error);
	if (!section->poll_ms)
		section->poll_ms = section->provider->poll_interval_ms;
	if (!section->max_active)
		section->max_active = section->provider->max_active;
	r = check_base_url(section, ret_error);
	return r ? r : key_source_check(section, ret_error);
}

static int check_sections(struct config *config, char **ret_error)
{
	AUTOFREE char *error = NULL;
	int r = 0;

	for (size_t i = 0; !r && i < config->section_count; i++)
		r = check_section(&config->sections[i], &error);
	if (error)
		text_fail(ret_error, r, "%s: %s", config->path, error);
	return r;
}

/* The default may come from a mount option or from config.ini. */
static int check_default(const struct config *config, char **ret_error)
{
	AUTOBUFFER names = BUFFER_INIT(SECTION_NAMES_MAX_BYTES);
	const char *name = config->default_provider, *near;

	if (!name || config_section(config, name))
		return 0;
	near = config_list_sections(config, name, &names);
	return text_fail(ret_error, -EINVAL,
			 "default_provider is \"%s\", but %s has no section [provider "
			 "%s]; allowed: %s" DID_YOU_MEAN,
			 name, config->path, name, names.data ? names.data : "",
			 NEAREST(near));
}

/* --- models.json --- */

/* The path of the user's models.json: next to config.ini unless configured. */
static char *own_models(const struct config *config)
{
	const char *slash = strrchr(config->path, '/');
	int directory = slash ? (int)(slash - config->path) : 0;

	if (config->models_path && *config->models_path == '/')
		return strdup(config->models_path);
	return text_format("%.*s%s%s", directory, config->path, slash ? "/" : "",
			   config->models_path ? config->models_path : "models.json");
}

static int load_models(struct config *config, char **ret_error)
{
	AUTOFREE char *installed = models_installed_path();
	AUTOFREE char *own = own_models(config);
	const char *const overrides[] = { own };
	int r;

	if (!installed || !own)
		return -ENOMEM;
	if (config->models_path && access(own, R_OK) < 0)
		return text_fail(ret_error, -EINVAL, "models: %s: %s", own,
				 strerror(errno));
	r = models_load(installed, overrides, ARRAY_SIZE(overrides), &config->models,
			ret_error);
	return r && r != -ENOMEM ? -EINVAL : r;
}

int config_check(struct config *config, char **ret_error)
{
	int r = check_sections(config, ret_error);

	if (!r)
		r = check_default(config, ret_error);
	return r ? r : load_models(config, ret_error);
}
