/* Finds the other programs of this project. */
#ifndef SEEDANCEFS_BACKEND_BASE_PROGRAM_H
#define SEEDANCEFS_BACKEND_BASE_PROGRAM_H

/*
 * The path of a program in the directory of this one; if it is not there, its bare name,
 * for PATH. free() it; NULL without memory. Any thread.
 */
char *program_beside(const char *name);

#endif
