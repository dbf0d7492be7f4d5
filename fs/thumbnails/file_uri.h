/*
 * The URI of a file, as the desktop spells it: another spelling would be another
 * thumbnail. Pure; any thread.
 */
#ifndef SEEDANCEFS_FS_THUMBNAILS_FILE_URI_H
#define SEEDANCEFS_FS_THUMBNAILS_FILE_URI_H

/*
 * "file://" and an absolute path, percent-encoded byte by byte as g_filename_to_uri() of
 * GLib does; free() it. NULL without memory.
 */
char *file_uri(const char *path);

#endif
