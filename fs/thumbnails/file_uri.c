#include "fs/thumbnails/file_uri.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "file://"

/* The characters that GLib does not encode in a path. */
static bool is_plain(unsigned char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') ||
	       (byte && strchr("-_.!~*'()/&=:@+$,", byte));
}

char *file_uri(const char *path)
{
	char *uri = malloc(strlen(SCHEME) + 3 * strlen(path) + 1);
	char *at = uri;

	if (!uri)
		return NULL;
	at = stpcpy(at, SCHEME);
	for (const unsigned char *byte = (const unsigned char *)path; *byte; byte++) {
		if (is_plain(*byte))
			*at++ = (char)*byte;
		else
			at += sprintf(at, "%%%02X", *byte);
	}
	*at = '\0';
	return uri;
}
