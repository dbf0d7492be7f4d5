#include "backend/config/config_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <string.h>

#define SECTIONS_MAX 100

/* --- setting keys --- */

int config_assign(void *owner, const struct config_key *key, const char *value,
		  char **ret_error)
{
	int r = key->set(key, (char *)owner + key->field, value);
	const char *near;

	if (r != -EINVAL)
		return r;
	near = key->words ? text_nearest(value, key->words) : NULL;
	return text_fail(ret_error, -EINVAL, "%s is \"%s\"; allowed: %s" DID_YOU_MEAN,
			 key->name, value, key->allowed, NEAREST(near));
}

/* Whether the URL contains a user name, and so possibly a password. */
static bool has_user(const char *url)
{
	const char *host = strstr(url, "://");

	return host && memchr(host + 3, '@', strcspn(host + 3, "/?#"));
}

int config_set(struct config *config, const struct config_key *key, const char *value,
	       char **ret_error)
{
	AUTOFREE char *error = NULL;
	int r;

	if (has_user(value))
		return text_fail(
			ret_error, -EINVAL,
			"mount option %s must not contain a user name or a password, "
			"because other users can read the command line; put it in %s",
			key->name, config->path);
	r = config_assign(config, key, value, &error);
	if (error)
		text_fail(ret_error, r, "mount option %s", error);
	return r;
}

static int set_defaults(struct config *config, char **ret_error)
{
	const struct config_key *key;
	int r = 0;

	for (size_t i = 0; !r && (key = config_key_at(i)); i++)
		if (key->initial && (key->places & CONFIG_MAIN_SECTION))
			r = config_assign(config, key, key->initial, ret_error);
	return r;
}

/* --- life cycle --- */

int config_load(const char *path, bool is_required, struct config **ret_config,
		char **ret_error)
{
	struct config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return -ENOMEM;
	config->path = strdup(path);
	r = config->path ? set_defaults(config, ret_error) : -ENOMEM;
	if (!r)
		r = ini_file_read(config, is_required, ret_error);
	if (r) {
		config_destroy(config);
		return r;
	}
	*ret_config = config;
	return 0;
}

static void section_clear(struct provider_section *section)
{
	free(section->name);
	free(section->type);
	free(section->base_url);
	key_source_clear(&section->key_source);
	if (section->key)
		explicit_bzero(section->key, strlen(section->key));
	free(section->key);
	free(section->key_name);
	free(section->model);
	free(section->callback_url);
}

void config_destroy(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->section_count; i++)
		section_clear(&config->sections[i]);
	free(config->sections);
	free(config->default_provider);
	free(config->models_path);
	models_destroy(config->models);
	free(config->proxy);
	free(config->path);
	free(config);
}

/* --- sections --- */

int config_add_section(struct config *config, const char *name, size_t *ret_index,
		       char **ret_error)
{
	size_t count = config->section_count;
	struct provider_section *sections;

	for (size_t i = 0; i < count; i++)
		if (!strcmp(config->sections[i].name, name)) {
			*ret_index = i;
			return 0;
		}
	if (count == SECTIONS_MAX)
		return text_fail(ret_error, -EINVAL, "more than %d sections",
				 SECTIONS_MAX);
	sections = realloc(config->sections, (count + 1) * sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	config->sections = sections;
	sections[count] = (struct provider_section){ .name = strdup(name) };
	config->section_count++;
	*ret_index = count;
	return sections[count].name ? 0 : -ENOMEM;
}

bool config_needs_simulator(const struct config *config)
{
	return config->section_count == 0;
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

const char *config_list_sections(const struct config *config, const char *name,
				 struct buffer *list)
{
	const char *names[SECTIONS_MAX + 1] = { NULL };

	for (size_t i = 0; i < config->section_count && i < SECTIONS_MAX; i++) {
		names[i] = config->sections[i].name;
		buffer_addf(list, "%s%s", i ? ", " : "", names[i]);
	}
	if (!list->size)
		buffer_add(list, "(none)");
	return text_nearest(name, names);
}

int config_refuse_section(const struct config *config, const char *source,
			  const char *name, struct problem *problem)
{
	AUTOBUFFER names = BUFFER_INIT(SECTION_NAMES_MAX_BYTES);
	const char *near = config_list_sections(config, name ? name : "", &names);

	problem_set(problem, PROBLEM_INVALID,
		    "%s: \"provider\" is \"%s\", but the configuration has no section of "
		    "that name; allowed: %s" DID_YOU_MEAN,
		    source, name ? name : "", names.data ? names.data : "",
		    NEAREST(near));
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
