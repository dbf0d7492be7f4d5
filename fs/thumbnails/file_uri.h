/*
 * The address of a file, as the desktop spells it: two spellings are two thumbnails.
 * Pure; any thread.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_FILE_URI_H
#define SEEDANCEFS_FS_THUMBNAILS_FILE_URI_H

/*
 * "file://" and an absolute path, percent-encoded byte by byte where GLib's
 * g_filename_to_uri() does. free() it; NULL without memory.
 */
char *file_uri(const char *path);

#endif
