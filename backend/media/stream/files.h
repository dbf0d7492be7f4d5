/*
 * The files of outputs below the media directory: one directory for each task, one file
 * for each version of an output. Backend thread only, where nothing else is said.
 */
#ifndef SEEDANCEFS_BACKEND_MEDIA_STREAM_FILES_H
#define SEEDANCEFS_BACKEND_MEDIA_STREAM_FILES_H

#include "backend/tasks/task.h"

struct backend;

/* The name of an output's file in its task's directory. Any thread. */
char *media_file_name(enum output_kind kind, uint32_t version);
/* Opens (or makes) the directory of a task's media; a descriptor or -errno. Any thread. */
int media_task_directory(struct backend *backend, uint64_t number);
/* Removes a task's media files: one output's, or all with kind OUTPUT_COUNT. */
void media_drop(struct backend *backend, uint64_t number, enum output_kind kind);
/* Removes the files of the versions before that one. */
void media_drop_older(struct backend *backend, uint64_t number, enum output_kind kind,
		      uint32_t version);
/* The bytes of a version that are on disk, without opening it. Any thread. */
uint64_t media_look(struct backend *backend, uint64_t number, enum output_kind kind,
		    uint32_t version, uint64_t size, const char *etag);

#endif
