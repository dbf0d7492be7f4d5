#include "fs/daemon/options.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/kernel/fuse.h"
#include "fs/kernel/session_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_OPTION "config="
#define NAMES_MOST 64 /* candidates for spelling suggestions */

void options_clear(struct options *options)
{
	for (size_t i = 0; i < options->setting_count; i++)
		free(options->settings[i].value);
	free(options->settings);
	free(options->library);
	free(options->mount_point);
	free(options->config_path);
	free(options->fuse);
}

/* --- paths --- */

/* The absolute form of a path that need not exist yet. */
static char *absolute(const char *path)
{
	char directory[PATH_MAX];

	if (*path == '/')
		return strdup(path);
	if (!getcwd(directory, sizeof(directory)))
		return NULL;
	return text_format("%s/%s", directory, path);
}

static char *in_home(const char *variable, const char *below_home, const char *rest)
{
	const char *base = getenv(variable), *home = getenv("HOME");

	if (base && *base == '/')
		return text_format("%s/%s", base, rest);
	return text_format("%s/%s/%s", home && *home ? home : "/", below_home, rest);
}

/* --- the -o options --- */

enum option_kind {
	OPTION_CONFIG = CONFIG_KEYS_MOST, /* smaller values are positions in the table */
	OPTION_LETS_IN,
};

/* The state of fuse_opt_parse() for one -o with its list. */
struct parse {
	struct options *options;
	char **ret_error;
	int r;
};

static const char *nearest_option(const char *name)
{
	const char *names[NAMES_MOST + 1];
	size_t count = config_key_names(CONFIG_MOUNT_OPTION, names);

	names[count++] = "config";
	for (size_t i = 0; session_option_names[i] && count < NAMES_MOST; i++)
		names[count++] = session_option_names[i];
	names[count] = NULL;
	return text_nearest(name, names);
}

/* The message omits the value, which may be a secret. */
static int refuse_option(const char *option, char **ret_error)
{
	AUTOFREE char *name = strndup(option, strcspn(option, "="));
	const struct config_key *key;
	const char *near;

	if (!name)
		return -ENOMEM;
	key = config_key_find(name, CONFIG_MOUNT_OPTION);
	if (key)
		return text_fail(ret_error, -EINVAL,
				 "mount option %s needs a value: %s=%s", name, name,
				 key->value);
	if (config_key_find(name, CONFIG_PROVIDER_SECTION))
		return text_fail(ret_error, -EINVAL,
				 "%s is not a mount option; set it in a [provider NAME] "
				 "section of config.ini",
				 name);
	near = nearest_option(name);
	return text_fail(ret_error, -EINVAL, "unknown mount option \"%s\"; %s%s%s", name,
			 near ? "did you mean \"" : "see seedancefs --help",
			 near ? near : "", near ? "\"?" : "");
}

static int add_setting(struct options *options, const struct config_key *key,
		       const char *value)
{
	struct setting *settings = realloc(options->settings, (options->setting_count +
							       1) * sizeof(*settings));
	char *copy;

	if (!settings)
		return -ENOMEM;
	options->settings = settings;
	copy = key->is_file && *value ? absolute(value) : strdup(value);
	if (!copy)
		return -ENOMEM;
	settings[options->setting_count++] =
		(struct setting){ .key = key, .value = copy };
	return 0;
}

static int set_config_path(struct options *options, const char *path)
{
	free(options->config_path);
	options->config_path = absolute(path);
	options->config_is_named = true;
	return options->config_path ? 0 : -ENOMEM;
}

static int add_fuse_option(struct options *options, const char *option, char **ret_error)
{
	if (!session_takes_option(option))
		return refuse_option(option, ret_error);
	return fuse_opt_add_opt_escaped(&options->fuse, option) ? -ENOMEM : 0;
}

/* Callback of fuse_opt_parse(): takes one option, with libfuse's escapes resolved. */
static int take_option(void *context, const char *option, int kind, struct fuse_args *out)
{
	struct parse *parse = context;
	struct options *options = parse->options;

	if (!*option || kind == FUSE_OPT_KEY_NONOPT)
		return 0;
	if (kind == OPTION_CONFIG) {
		parse->r = set_config_path(options, option + strlen(CONFIG_OPTION));
	} else if (kind >= 0 && kind < CONFIG_KEYS_MOST) {
		parse->r = add_setting(options, config_key_at((size_t)kind),
				       strchr(option, '=') + 1);
	} else {
		if (kind == OPTION_LETS_IN && !options->lets_in)
			options->lets_in = strcmp(option, "allow_root") ? "allow_other"
									: "allow_root";
		parse->r = add_fuse_option(options, option, parse->ret_error);
	}
	return parse->r ? -1 : 0;
}

static int parse_list(struct options *options, const char *list, char **ret_error)
{
	char templates[CONFIG_KEYS_MOST][40];
	struct fuse_opt table[CONFIG_KEYS_MOST + 4];
	const char *arguments[] = { "seedancefs", "-o", list, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, (char **)arguments);
	struct parse parse = { .options = options, .ret_error = ret_error };
	const struct config_key *key;
	size_t count = 0;
	int r;

	for (size_t i = 0; (key = config_key_at(i)); i++) {
		if (!(key->places & CONFIG_MOUNT_OPTION))
			continue;
		snprintf(templates[i], sizeof(templates[i]), "%s=", key->name);
		table[count++] = (struct fuse_opt)FUSE_OPT_KEY(templates[i], (int)i);
	}
	table[count++] = (struct fuse_opt)FUSE_OPT_KEY(CONFIG_OPTION, OPTION_CONFIG);
	table[count++] = (struct fuse_opt)FUSE_OPT_KEY("allow_other", OPTION_LETS_IN);
	table[count++] = (struct fuse_opt)FUSE_OPT_KEY("allow_root", OPTION_LETS_IN);
	table[count] = (struct fuse_opt)FUSE_OPT_END;
	r = fuse_opt_parse(&args, &parse, table, take_option);
	fuse_opt_free_args(&args);
	return r && !parse.r ? -ENOMEM : parse.r;
}

/* --- the rest of the command line --- */

static int take_places(struct options *options, int count, char **places,
		       char **ret_error)
{
	if (count && !strcmp(*places, "mount"))
		count--, places++;
	if (count < 1)
		return text_fail(ret_error, -EINVAL,
				 "the mount point is missing; see seedancefs --help");
	if (count > 2)
		return text_fail(ret_error, -EINVAL,
				 "too many arguments: only LIBRARY and MOUNTPOINT are "
				 "allowed; see seedancefs --help");
	options->mount_point = absolute(places[count - 1]);
	options->library =
		count == 2 ? absolute(places[0])
			   : in_home("XDG_DATA_HOME", ".local/share", "seedancefs");
	if (!options->config_path)
		options->config_path =
			in_home("XDG_CONFIG_HOME", ".config", "seedancefs/config.ini");
	return options->mount_point && options->library && options->config_path ? 0
										: -ENOMEM;
}

static int refuse_flag(char **argv, char **ret_error)
{
	if (optopt == 'o')
		return text_fail(ret_error, -EINVAL,
				 "-o needs a list of options; see seedancefs --help");
	if (optopt)
		return text_fail(ret_error, -EINVAL,
				 "unknown option -%c; see seedancefs --help", optopt);
	return text_fail(ret_error, -EINVAL, "unknown option %s; see seedancefs --help",
			 argv[optind - 1]);
}

static int take_flag(struct options *options, int flag, char **argv, char **ret_error)
{
	switch (flag) {
	case 'f':
		options->is_foreground = true;
		return 0;
	case 'd':
		options->is_foreground = options->is_debug = true;
		return 0;
	case 's':
		options->is_single_threaded = true;
		return 0;
	case 'h':
		options->wants_help = true;
		return 0;
	case 'V':
		options->wants_version = true;
		return 0;
	case 'o':
		return parse_list(options, optarg, ret_error);
	default:
		return refuse_flag(argv, ret_error);
	}
}

int options_parse(int argc, char **argv, struct options *ret_options, char **ret_error)
{
	static const struct option names[] = { { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'V' },
					       { 0 } };
	int flag, r = 0;

	*ret_options = (struct options){ 0 };
	opterr = 0;
	while (!r && (flag = getopt_long(argc, argv, "o:fdshV", names, NULL)) >= 0)
		r = take_flag(ret_options, flag, argv, ret_error);
	if (r || ret_options->wants_help || ret_options->wants_version)
		return r;
	return take_places(ret_options, argc - optind, argv + optind, ret_error);
}

/* --- the configuration --- */

int options_load_config(const struct options *options, struct config **ret_config,
			char **ret_error)
{
	struct config *config = NULL;
	int r = config_load(options->config_path, options->config_is_named, &config,
			    ret_error);

	for (size_t i = 0; !r && i < options->setting_count; i++)
		r = config_set(config, options->settings[i].key,
			       options->settings[i].value, ret_error);
	if (!r)
		r = config_check(config, ret_error);
	if (r)
		config_destroy(config);
	else
		*ret_config = config;
	return r;
}
