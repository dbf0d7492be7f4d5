#include "fs/daemon/options.h"

#include "backend/base/cleanup.h"
#include "backend/base/text.h"
#include "fs/kernel/fuse.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

const char options_usage[] =
	"usage: seedancefs [mount] [LIBRARY] MOUNTPOINT [-o OPTION,…] [-f]\n"
	"\n"
	"Mounts a folder that makes videos: a new folder in it with a prompt.txt or a\n"
	"request.json is a video to be made. `umount` or `fusermount3 -u` ends it.\n"
	"\n"
	"  LIBRARY      where everything is kept (default: ~/.local/share/seedancefs)\n"
	"  MOUNTPOINT   an existing folder\n"
	"  -o OPTIONS   config=FILE; a key of the configuration's main section, such as\n"
	"               settle=3, default_provider=NAME, keep=lazy|rescue|eager,\n"
	"               submissions_per_hour=60, read_timeout=120 or thumbnails=no;\n"
	"               or FUSE's own, such as allow_other; a comma or a backslash in a\n"
	"               value has a backslash before it\n"
	"  -f           stay in the foreground; the log goes to standard error\n"
	"  -d           the same, with everything that FUSE does in the log\n"
	"  -s           one worker thread only\n"
	"  -h, --help   this text\n"
	"  -V, --version\n"
	"\n"
	"Configuration: ~/.config/seedancefs/config.ini. Without a [provider NAME] "
	"section\n"
	"the mount runs on the built-in simulator, which costs nothing.\n";

void options_clear(struct options *options)
{
	for (size_t i = 0; i < options->setting_count; i++)
		free(options->settings[i]);
	free(options->settings);
	free(options->library);
	free(options->mount_point);
	free(options->config_path);
	free(options->fuse);
}

/* An absolute form of a path that need not exist yet. */
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

static bool is_setting(const char *option)
{
	static const char *const keys[] = {
		"default_provider",	"settle",	"keep",
		"submissions_per_hour", "read_timeout", "thumbnails"
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (text_starts_with(option, keys[i]) && option[strlen(keys[i])] == '=')
			return true;
	return false;
}

static int add_setting(struct options *options, const char *option)
{
	char **settings = realloc(options->settings,
				  (options->setting_count + 1) * sizeof(*settings));

	if (!settings)
		return -ENOMEM;
	options->settings = settings;
	settings[options->setting_count] = strdup(option);
	return settings[options->setting_count++] ? 0 : -ENOMEM;
}

static int take_option(struct options *options, const char *option)
{
	if (text_starts_with(option, "config=")) {
		free(options->config_path);
		options->config_path = absolute(option + 7);
		options->config_is_named = true;
		return options->config_path ? 0 : -ENOMEM;
	}
	if (is_setting(option))
		return add_setting(options, option);
	return fuse_opt_add_opt_escaped(&options->fuse, option) ? -ENOMEM : 0;
}

static bool is_octal(const char *at)
{
	return *at >= '0' && *at <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' &&
	       at[2] <= '7';
}

/*
 * Cuts off the first option of a list, as libfuse reads one: what stands behind a
 * backslash is no separator, three octal digits there are a byte. Returns what follows
 * it; NULL: it was the last one.
 */
static char *cut_option(char *list)
{
	char *to = list, *at = list;

	for (; *at && *at != ','; at++) {
		if (*at == '\\' && is_octal(at + 1)) {
			*to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 |
				       (at[3] - '0'));
			at += 3;
			continue;
		}
		if (*at == '\\' && at[1])
			at++;
		*to++ = *at;
	}
	at = *at ? at + 1 : NULL;
	*to = '\0';
	return at;
}

static int take_options(struct options *options, const char *list)
{
	AUTOFREE char *copy = strdup(list);
	int r = copy ? 0 : -ENOMEM;

	for (char *option = copy, *rest; !r && option; option = rest) {
		rest = cut_option(option);
		if (*option)
			r = take_option(options, option);
	}
	return r;
}

static int take_places(struct options *options, int count, char **places,
		       char **ret_error)
{
	if (count && !strcmp(*places, "mount"))
		count--, places++;
	if (count < 1)
		return text_fail(ret_error, -EINVAL,
				 "the mount point is missing; see seedancefs --help");
	if (count > 2)
		return text_fail(
			ret_error, -EINVAL,
			"too many places: only LIBRARY and MOUNTPOINT are known");
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

static int take_flag(struct options *options, int flag, char **ret_error)
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
		return take_options(options, optarg);
	default:
		return text_fail(ret_error, -EINVAL,
				 "unknown option %s; see seedancefs --help",
				 optopt ? (char[]){ '-', (char)optopt, '\0' } : "");
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
		r = take_flag(ret_options, flag, ret_error);
	if (r || ret_options->wants_help || ret_options->wants_version)
		return r;
	return take_places(ret_options, argc - optind, argv + optind, ret_error);
}

int options_load_config(const struct options *options, struct config **ret_config,
			char **ret_error)
{
	struct config *config;
	int r = config_load(options->config_path, options->config_is_named, &config,
			    ret_error);

	for (size_t i = 0; !r && i < options->setting_count; i++) {
		AUTOFREE char *key = strdup(options->settings[i]);
		char *value = key ? strchr(key, '=') : NULL;

		if (!value)
			return -ENOMEM;
		*value++ = '\0';
		r = config_set(config, key, value, ret_error);
		if (r)
			config_destroy(config);
	}
	if (!r)
		*ret_config = config;
	return r;
}
