/*
 * The configuration: config.ini, and some of its keys as mount options. Read once at
 * start, handed down as const.
 *
 * Calling sequence: config_load(), config_set() for each mount option, config_check().
 * Until then nothing on the machine changes. Then config_finish(), which fetches keys.
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

/* Where an account's key comes from; at most one is set. None: the service's usual
 * variable. */
struct key_source {
	char *env, *file, *command, *credential;
};

/* A [provider NAME] section: an account at a service. */
struct provider_section {
	char *name;
	char *type; /* as configured; NULL: the name */
	const struct provider *provider;
	char *base_url; /* without a slash at the end */
	struct key_source key_source;
	char *key;	/* NULL: none */
	char *key_name; /* where the key came from ("env ARK_API_KEY"), for messages and
			   the ledger */
	char *model;
	char *callback_url;
	int64_t poll_ms;
	unsigned max_active;
	bool is_simulator;
};

#define CONFIG_PROXY_ENVIRONMENT "environment" /* as https_proxy and the like say */

struct config {
	char *path;		/* of config.ini, which may be missing */
	char *default_provider; /* NULL: the first section */
	int64_t settle_ms;
	int64_t read_timeout_ms; /* a read that gets no byte for this long ends in EIO */
	enum keep_policy keep;
	char *proxy; /* a URL, or CONFIG_PROXY_ENVIRONMENT; NULL: none */
	unsigned submissions_per_hour;
	bool makes_thumbnails; /* in the desktop's cache, when a task succeeds */
	struct provider_section *sections;
	size_t section_count;
	char *models_path;     /* the user's own models.json, if one is configured */
	struct models *models; /* what each model can do; from config_check() on */
};

/*
 * Reads `path`; a missing file is fine unless it is required. Errors are whole lines for
 * people in *ret_error (free() it). Returns 0, -EINVAL, -ENOMEM or -errno of reading.
 */
int config_load(const char *path, bool is_required, struct config **ret_config,
		char **ret_error);
void config_destroy(struct config *config);

/* Sets a key as a mount option does: it has CONFIG_MOUNT_OPTION among its places. */
int config_set(struct config *config, const struct config_key *key, const char *value,
	       char **ret_error);

/*
 * Completes what was read by the services' defaults and checks it; reads models.json: the
 * installed one, and the user's own. Fetches no key, and changes nothing elsewhere.
 */
int config_check(struct config *config, char **ret_error);

/*
 * Fetches the keys, and removes them from the environment. Without any section it makes
 * the simulator's instead: their base_url is `simulator_url` + a path each. Calls
 * config_check() if nobody did.
 */
int config_finish(struct config *config, const char *simulator_url, char **ret_error);
bool config_needs_simulator(const struct config *config);

/* The section of a name; NULL name: the default one. NULL when there is none. */
const struct provider_section *config_section(const struct config *config,
					      const char *name);

/*
 * Refuses a request, of the file `source`, that names no section: the problem lists those
 * that there are. Returns -EINVAL.
 */
int config_refuse_section(const struct config *config, const char *source,
			  const char *name, struct problem *problem);

/* The endpoint that a section describes; texts are borrowed from the section. */
struct endpoint config_endpoint(const struct provider_section *section);

/* Whether a URL's host is a loopback name or address. */
bool config_is_loopback(const char *url);

#endif
