/*
 * The configuration: config.ini, and some of its keys as mount options. It is read once
 * at start and passed on as const.
 *
 * Calling sequence: config_load(), config_set() for each mount option, config_check().
 * None of these changes anything on the machine. Then config_finish(), which fetches the
 * keys.
 */
#ifndef SEEDANCEFS_BACKEND_CONFIG_CONFIG_H
#define SEEDANCEFS_BACKEND_CONFIG_CONFIG_H

#include "backend/config/key_table.h"
#include "backend/models/models.h"
#include "backend/providers/provider.h"

enum keep_policy {
	KEEP_LAZY,   /* bytes are fetched when they are read */
	KEEP_RESCUE, /* … and before their link expires */
	KEEP_EAGER,  /* … and as soon as the task has succeeded */
};

/*
 * Where an account's key comes from. At most one member is set; if none is, the key comes
 * from the service's usual variable.
 */
struct key_source {
	char *env, *file, *command, *credential;
};

/* A [provider NAME] section: an account at a service. */
struct provider_section {
	char *name;
	char *type; /* as configured; NULL: the section's name */
	const struct provider *provider;
	char *base_url; /* without a trailing slash */
	struct key_source key_source;
	char *key;	/* NULL: none */
	char *key_name; /* its source ("env ARK_API_KEY"), for messages and the ledger */
	char *model;
	char *callback_url;
	int64_t poll_ms;
	unsigned max_active;
	bool is_simulator;
};

#define CONFIG_PROXY_ENVIRONMENT "environment" /* use https_proxy and similar variables */

struct config {
	char *path;		/* of config.ini, which may be missing */
	char *default_provider; /* NULL: the first section */
	int64_t settle_ms;
	int64_t read_timeout_ms; /* a read without progress fails after this time */
	enum keep_policy keep;
	char *proxy; /* a URL, or CONFIG_PROXY_ENVIRONMENT; NULL: none */
	unsigned submissions_per_hour;
	bool makes_thumbnails; /* in the desktop's cache, when a task succeeds */
	struct provider_section *sections;
	size_t section_count;
	char *models_path;     /* the user's own models.json, if one is configured */
	struct models *models; /* what each model supports; set by config_check() */
};

/*
 * Reads `path`. A missing file is no error unless it is required. *ret_error gets
 * complete lines for users (free() it). Returns 0, -EINVAL, -ENOMEM or -errno of reading.
 */
int config_load(const char *path, bool is_required, struct config **ret_config,
		char **ret_error);
void config_destroy(struct config *config);

/* Sets a key from a mount option. The key must allow CONFIG_MOUNT_OPTION. */
int config_set(struct config *config, const struct config_key *key, const char *value,
	       char **ret_error);

/*
 * Adds the services' defaults to what was read, and checks the result. Reads the
 * installed models.json and the user's own. Fetches no key and changes nothing outside
 * the configuration.
 */
int config_check(struct config *config, char **ret_error);

/*
 * Fetches the keys and removes them from the environment. If there is no section, creates
 * one for each of the simulator's services instead; its base_url is `simulator_url` plus
 * a path. Calls config_check() if it has not been called.
 */
int config_finish(struct config *config, const char *simulator_url, char **ret_error);
bool config_needs_simulator(const struct config *config);

/* The section with this name; NULL name: the default section. NULL if there is none. */
const struct provider_section *config_section(const struct config *config,
					      const char *name);

/*
 * Rejects a request from the file `source` that names no valid section. The problem lists
 * the sections that exist. Returns -EINVAL.
 */
int config_refuse_section(const struct config *config, const char *source,
			  const char *name, struct problem *problem);

/* The endpoint that a section describes. Its texts are borrowed from the section. */
struct endpoint config_endpoint(const struct provider_section *section);

/* Whether a URL's host is a loopback name or address. */
bool config_is_loopback(const char *url);

#endif
