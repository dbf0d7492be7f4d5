/*
 * Reads an account's key from the environment, from a file that only its owner can read,
 * from a command, or from a systemd credential.
 */
#include "backend/config/config_internal.h"

#include "backend/base/cleanup.h"
#include "backend/base/digest.h"
#include "backend/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY_MAX_BYTES 4096

/* Takes the first line, without leading and trailing white space. */
static int take_key(struct provider_section *section, char *text, char **ret_error)
{
	char *start = text + strspn(text, " \t\r\n");

	start[strcspn(start, " \t\r\n")] = '\0';
	if (!*start)
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: the key from %s is empty", section->name,
				 section->key_name);
	for (const char *p = start; *p; p++)
		if (*p < 0x21 || *p > 0x7e)
			return text_fail(ret_error, -EINVAL,
					 "[provider %s]: the key from %s contains a "
					 "control character or a non-ASCII character",
					 section->name, section->key_name);
	section->key = strdup(start);
	return section->key ? 0 : -ENOMEM;
}

static int read_key_file(struct provider_section *section, const char *path,
			 char **ret_error)
{
	AUTOCLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	char text[KEY_MAX_BYTES + 1];
	struct stat status;
	ssize_t got;
	int r;

	if (fd < 0 || fstat(fd, &status) < 0)
		return text_fail(ret_error, -EINVAL, "[provider %s]: key_file %s: %s",
				 section->name, path, strerror(errno));
	if (!S_ISREG(status.st_mode) ||
	    (status.st_uid != geteuid() && status.st_uid != 0))
		return text_fail(
			ret_error, -EINVAL,
			"[provider %s]: key_file %s must be a regular file that you own",
			section->name, path);
	if (status.st_mode & 077)
		return text_fail(
			ret_error, -EINVAL,
			"[provider %s]: other users can access key_file %s (mode "
			"%03o); run: chmod 600 %s",
			section->name, path, status.st_mode & 0777, path);
	got = read(fd, text, KEY_MAX_BYTES);
	text[got > 0 ? got : 0] = '\0';
	r = take_key(section, text, ret_error);
	explicit_bzero(text, sizeof(text));
	return r;
}

static int run_key_command(struct provider_section *section, const char *command,
			   char **ret_error)
{
	FILE *pipe = popen(command, "re");
	char text[KEY_MAX_BYTES + 1];
	size_t got;
	int status, r;

	if (!pipe)
		return text_fail(ret_error, -EINVAL, "[provider %s]: key_command: %s",
				 section->name, strerror(errno));
	got = fread(text, 1, KEY_MAX_BYTES, pipe);
	text[got] = '\0';
	status = pclose(pipe);
	if (status)
		r = text_fail(ret_error, -EINVAL,
			      "[provider %s]: key_command failed (exit status %d)",
			      section->name,
			      WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	else
		r = take_key(section, text, ret_error);
	explicit_bzero(text, sizeof(text));
	return r;
}

/* The variable stays readable in /proc/PID/environ until key_source_wipe(). */
static int read_key_env(struct provider_section *section, const char *name, bool is_named,
			char **ret_error)
{
	char *value = getenv(name);
	AUTOFREE char *copy = NULL;
	int r;

	if (!value && is_named)
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: key_env is \"%s\", but that environment "
				 "variable is not set",
				 section->name, name);
	if (!value)
		return 0; /* the service reports that a key is missing */
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	r = take_key(section, copy, ret_error);
	explicit_bzero(copy, strlen(copy));
	return r;
}

/* systemd stores credentials where only the unit can read them. */
static int read_key_credential(struct provider_section *section, const char *name,
			       char **ret_error)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	AUTOFREE char *path = directory ? text_format("%s/%s", directory, name) : NULL;
	AUTOCLOSE int fd = -1;
	char text[KEY_MAX_BYTES + 1];
	ssize_t got;
	int r;

	if (!directory)
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: key_credential is \"%s\", but "
				 "CREDENTIALS_DIRECTORY is not set; key_credential needs "
				 "a systemd unit with LoadCredential=%s:FILE",
				 section->name, name, name);
	if (strchr(name, '/') || *name == '.')
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: key_credential is \"%s\"; allowed: the "
				 "name of a credential, without slashes",
				 section->name, name);
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: key_credential %s: %s", section->name,
				 name, strerror(path ? errno : ENOMEM));
	got = read(fd, text, KEY_MAX_BYTES);
	text[got > 0 ? got : 0] = '\0';
	r = take_key(section, text, ret_error);
	explicit_bzero(text, sizeof(text));
	return r;
}

/*
 * Identifies the account by the command. The command may contain a secret, so the name
 * contains only its digest.
 */
static char *name_of_command(const char *command)
{
	char hex[SHA256_HEX];

	if (digest_bytes(DIGEST_SHA256, command, strlen(command), hex))
		return NULL;
	return text_format("key_command %.8s", hex);
}

static char *name_of(const struct key_source *source, const char *env)
{
	if (source->file)
		return text_format("file %s", source->file);
	if (source->command)
		return name_of_command(source->command);
	if (source->credential)
		return text_format("credential %s", source->credential);
	return text_format("env %s", env ? env : "");
}

static const char *env_of(const struct provider_section *section)
{
	const char *env = section->key_source.env;

	return env ? env : section->provider->default_key_env;
}

int key_source_check(const struct provider_section *section, char **ret_error)
{
	const struct key_source *source = &section->key_source;

	if (!!source->env + !!source->file + !!source->command + !!source->credential > 1)
		return text_fail(ret_error, -EINVAL,
				 "[provider %s]: only one of key_env, key_file, "
				 "key_command and key_credential is allowed",
				 section->name);
	return 0;
}

int key_source_fetch(struct provider_section *section, char **ret_error)
{
	const struct key_source *source = &section->key_source;
	const char *env = env_of(section);

	free(section->key_name);
	section->key_name = name_of(source, env);
	if (!section->key_name)
		return -ENOMEM;
	if (source->file)
		return read_key_file(section, source->file, ret_error);
	if (source->command)
		return run_key_command(section, source->command, ret_error);
	if (source->credential)
		return read_key_credential(section, source->credential, ret_error);
	return env ? read_key_env(section, env, source->env != NULL, ret_error) : 0;
}

void key_source_wipe(const struct provider_section *section)
{
	const char *env = env_of(section);
	char *value = env ? getenv(env) : NULL;

	if (!value)
		return;
	explicit_bzero(value, strlen(value));
	unsetenv(env);
}

void key_source_clear(struct key_source *source)
{
	free(source->env);
	free(source->file);
	free(source->command);
	free(source->credential);
}
