/* The last step of reading a configuration: fetching keys, or adding the simulator. */
#include "backend/config/config_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

#define SIMULATOR_POLL_MS 1000

/* The base URL at which the simulator provides a service's wire format. */
static char *simulator_base_url(const char *simulator_url,
				const struct provider *provider)
{
	return text_format("%s/%s%s", simulator_url, provider->type,
			   strcmp(provider->type, "ark") ? "" : "/api/v3");
}

static int add_simulator_section(struct config *config, const char *simulator_url,
				 const struct provider *provider, char **ret_error)
{
	struct provider_section *section;
	size_t index;
	int r = config_add_section(config, provider->type, &index, ret_error);

	if (r)
		return r;
	section = &config->sections[index];
	section->provider = provider;
	section->is_simulator = true;
	section->base_url = simulator_base_url(simulator_url, provider);
	section->key = strdup("simulator");
	section->key_name = strdup("simulator");
	section->poll_ms = SIMULATOR_POLL_MS;
	section->max_active = provider->max_active;
	return section->base_url && section->key && section->key_name ? 0 : -ENOMEM;
}

static int add_simulator(struct config *config, const char *simulator_url,
			 char **ret_error)
{
	const struct provider *provider;
	int r = 0;

	for (size_t i = 0; !r && (provider = provider_at(i)); i++)
		r = add_simulator_section(config, simulator_url, provider, ret_error);
	return r;
}

static int fetch_keys(struct config *config, char **ret_error)
{
	AUTOFREE char *error = NULL;
	int r = 0;

	for (size_t i = 0; !r && i < config->section_count; i++)
		r = key_source_fetch(&config->sections[i], &error);
	if (error)
		text_fail(ret_error, r, "%s: %s", config->path, error);
	return r;
}

int config_finish(struct config *config, const char *simulator_url, char **ret_error)
{
	int r = config->models ? 0 : config_check(config, ret_error);

	if (r)
		return r;
	r = config_needs_simulator(config)
		    ? add_simulator(config, simulator_url, ret_error)
		    : fetch_keys(config, ret_error);
	/* Sections may share a variable: read all keys before removing any. */
	for (size_t i = 0; !r && i < config->section_count; i++)
		key_source_wipe(&config->sections[i]);
	return r;
}
