/*
 * Reads config.ini line by line. This is the only file that includes inih.
 *
 * inih reports a section only with its first key, truncates section names, takes at most
 * 199 bytes of a line, and reads indented lines as continuations. Therefore the reader in
 * front of it strips white space, recognises sections itself, and keeps long lines for
 * the handler.
 */
#include "backend/config/config_internal.h"

#include "backend/base/buffer.h"
#include "backend/base/cleanup.h"
#include "backend/base/text.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 4096
#define KEYS_MAX_BYTES 1024 /* limit of the list in messages */
#define MAIN_SECTION SIZE_MAX
#define PROVIDER_WORD "provider"
#define PROVIDER_PREFIX PROVIDER_WORD " "

struct reader {
	struct config *config;
	FILE *file;
	size_t section; /* index, or MAIN_SECTION */
	int line;	/* line number, from 1 */
	int r;		/* the first error; its text is `error` */
	char *error;
	bool is_cut; /* inih gets only the start of the line */
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

/* --- sections and keys --- */

/* The section header that was probably meant; NULL: none. free() it. */
static char *guess_header(const char *name)
{
	static const char *const words[] = { PROVIDER_WORD, NULL };
	AUTOFREE char *first = strndup(name, strcspn(name, " "));
	const char *rest = strchr(name, ' ');

	if (!first)
		return NULL;
	if (rest && rest[1] && text_nearest(first, words))
		return text_format("[" PROVIDER_PREFIX "%s]", rest + 1);
	return provider_find(name) ? text_format("[" PROVIDER_PREFIX "%s]", name) : NULL;
}

static int enter_section(struct reader *reader, const char *header)
{
	AUTOFREE char *name = strndup(header, strcspn(header, "]"));
	AUTOFREE char *guess = NULL;

	if (!name)
		return -ENOMEM;
	if (text_starts_with(name, PROVIDER_PREFIX) && name[strlen(PROVIDER_PREFIX)])
		return config_add_section(reader->config, name + strlen(PROVIDER_PREFIX),
					  &reader->section, &reader->error);
	guess = guess_header(name);
	return text_fail(&reader->error, -EINVAL,
			 "unknown section [%s]; allowed: [provider NAME]%s%s%s", name,
			 guess ? "; did you mean " : "", guess ? guess : "",
			 guess ? "?" : "");
}

/* Rejects a key that is unknown in this place. `section` is "[provider NAME]: " or "". */
static int refuse_key(struct reader *reader, const char *section, const char *key,
		      enum config_place place)
{
	AUTOBUFFER allowed = BUFFER_INIT(KEYS_MAX_BYTES);
	const char *names[CONFIG_KEYS_MOST + 1], *near;

	if (config_key_find(key, CONFIG_MAIN_SECTION))
		return text_fail(&reader->error, -EINVAL,
				 "%s%s is not a key of a provider's section; move it "
				 "above the first [provider NAME]",
				 section, key);
	if (config_key_find(key, CONFIG_PROVIDER_SECTION))
		return text_fail(&reader->error, -EINVAL,
				 "%s is a key of a provider's section; move it below a "
				 "[provider NAME]",
				 key);
	config_key_names(place, names);
	near = text_nearest(key, names);
	for (size_t i = 0; names[i]; i++)
		buffer_addf(&allowed, "%s%s", i ? ", " : "", names[i]);
	if (!near) { /* it may belong to another section */
		config_key_names(CONFIG_MAIN_SECTION | CONFIG_PROVIDER_SECTION, names);
		near = text_nearest(key, names);
	}
	return text_fail(&reader->error, -EINVAL,
			 "%sunknown key \"%s\"; allowed: %s" DID_YOU_MEAN, section, key,
			 allowed.data ? allowed.data : "", NEAREST(near));
}

static int set_in_main(struct reader *reader, const char *name, const char *value)
{
	const struct config_key *key = config_key_find(name, CONFIG_MAIN_SECTION);

	if (!key)
		return refuse_key(reader, "", name, CONFIG_MAIN_SECTION);
	return config_assign(reader->config, key, value, &reader->error);
}

static int set_in_section(struct reader *reader, const char *name, const char *value)
{
	struct provider_section *section = &reader->config->sections[reader->section];
	const struct config_key *key = config_key_find(name, CONFIG_PROVIDER_SECTION);
	AUTOFREE char *where = text_format("[" PROVIDER_PREFIX "%s]: ", section->name);
	AUTOFREE char *error = NULL;
	int r;

	if (!where)
		return -ENOMEM;
	if (!key)
		return refuse_key(reader, where, name, CONFIG_PROVIDER_SECTION);
	r = config_assign(section, key, value, &error);
	if (error)
		text_fail(&reader->error, r, "%s%s", where, error);
	return r;
}

/* --- lines --- */

/*
 * Reads a complete line into reader->text. Returns false at the end of the file and after
 * an error.
 */
static bool read_line(struct reader *reader)
{
	if (reader->r || !fgets(reader->text, sizeof(reader->text), reader->file))
		return false;
	reader->line++;
	if (!strchr(reader->text, '\n') && !feof(reader->file))
		reader->r = text_fail(&reader->error, -EINVAL,
				      "longer than %d bytes, or contains a NUL byte",
				      LINE_MAX_BYTES);
	return !reader->r;
}

/* inih's reader callback, with the semantics of fgets(). */
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

/*
 * The complete value of a line that inih got truncated, by inih's rules: " ;" starts a
 * comment.
 */
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

/* inih's handler callback: returns 1 for success. */
static int handle(void *user, const char *section, const char *key, const char *value)
{
	struct reader *reader = user;

	(void)section; /* inih truncates it */
	if (reader->is_cut)
		value = whole_value(reader);
	if (reader->section == MAIN_SECTION)
		reader->r = set_in_main(reader, key, value);
	else
		reader->r = set_in_section(reader, key, value);
	return reader->r == 0;
}

/*
 * inih skips lines that it rejects itself, and continues. The first bad line is reported.
 */
static int parse(struct reader *reader, const char *path, char **ret_error)
{
	int line = ini_parse_stream(next_line, reader, handle, reader);

	if (line < 0 || reader->r == -ENOMEM)
		return -ENOMEM;
	if (reader->r && (!line || line == reader->line))
		return text_fail(ret_error, -EINVAL, "%s: line %d: %s", path,
				 reader->line, reader->error);
	if (line)
		return text_fail(ret_error, -EINVAL,
				 "%s: line %d: not of the form KEY = VALUE or [SECTION]",
				 path, line);
	return 0;
}

int ini_file_read(struct config *config, bool is_required, char **ret_error)
{
	AUTOFCLOSE FILE *file = fopen(config->path, "re");
	struct reader reader = { .config = config,
				 .file = file,
				 .section = MAIN_SECTION };
	int r;

	if (!file && errno == ENOENT && !is_required)
		return 0;
	if (!file) {
		r = -errno;
		return text_fail(ret_error, r, "%s: %s", config->path, strerror(-r));
	}
	r = parse(&reader, config->path, ret_error);
	free(reader.error);
	return r;
}
