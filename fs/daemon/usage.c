#include "fs/daemon/usage.h"

#include "backend/backend.h"
#include "backend/base/buffer.h"
#include "fs/kernel/session_options.h"

#include <string.h>

#define USAGE_MAX_BYTES 16384
#define COLUMNS 80
#define INDENT 6

static const char synopsis[] =
	"usage: seedancefs [mount] [LIBRARY] MOUNTPOINT [-o OPTION,…] [-f]\n"
	"\n"
	"Mounts a folder that makes videos: a new folder in it with a prompt.txt or a\n"
	"request.json becomes a video. `umount` or `fusermount3 -u` unmounts it.\n"
	"\n"
	"  LIBRARY      where everything is kept (default: ~/.local/share/seedancefs)\n"
	"  MOUNTPOINT   an existing folder\n"
	"  -o OPTIONS   options separated by commas, as listed below; write \\, for a "
	"comma\n"
	"               in a value, and \\\\ for a backslash\n"
	"  -f           stay in the foreground; the log goes to standard error\n"
	"  -d           like -f, and log all FUSE requests\n"
	"  -s           one worker thread only\n"
	"  -h, --help   this text\n"
	"  -V, --version\n"
	"\n"
	"Configuration: ~/.config/seedancefs/config.ini, or the FILE of -o config=FILE.\n"
	"Without a [provider NAME] section the mount runs on the built-in simulator, "
	"which\n"
	"costs nothing. An option overrides the same key in the file.\n";

/* Adds a paragraph, with line breaks at spaces. */
static void add_paragraph(struct buffer *text, const char *words)
{
	size_t column = 0;

	while (*words) {
		size_t length = strcspn(words, " ");

		if (column && column + 1 + length > COLUMNS) {
			buffer_add(text, "\n");
			column = 0;
		}
		column += column ? 1 + length : INDENT + length;
		buffer_addf(text, "%*s%.*s", column == INDENT + length ? INDENT : 1, "",
			    (int)length, words);
		words += length + (words[length] == ' ');
	}
	buffer_add(text, "\n");
}

static void add_keys(struct buffer *text, unsigned places, const char *equals)
{
	const struct config_key *key;

	for (size_t i = 0; (key = config_key_at(i)); i++) {
		if (!(key->places & places))
			continue;
		buffer_addf(text, "  %s%s%s", key->name, equals, key->value);
		if (key->initial)
			buffer_addf(text, "   (default: %s)", key->initial);
		buffer_add(text, "\n");
		add_paragraph(text, key->help);
	}
}

static void add_session_options(struct buffer *text)
{
	AUTOBUFFER names = BUFFER_INIT(USAGE_MAX_BYTES);

	for (size_t i = 0; session_option_names[i]; i++)
		buffer_addf(&names, "%s%s%s", i ? ", " : "", session_option_names[i],
			    strchr(session_option_names[i], '=') ? "…" : "");
	add_paragraph(text, names.data ? names.data : "");
}

char *usage_text(void)
{
	AUTOBUFFER text = BUFFER_INIT(USAGE_MAX_BYTES);

	buffer_add(&text, synopsis);
	buffer_add(&text, "\nOptions after -o, which can also be set above the first "
			  "section of config.ini:\n\n");
	add_keys(&text, CONFIG_MOUNT_OPTION, "=");
	buffer_add(&text, "\nFUSE options, only after -o, such as:\n\n");
	add_session_options(&text);
	buffer_add(&text, "\nKeys of a [provider NAME] section, only in config.ini:\n\n");
	add_keys(&text, CONFIG_PROVIDER_SECTION, " = ");
	return buffer_take(&text);
}
