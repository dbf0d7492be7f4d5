/*
 * Where the other programs of this project are.
 */
#ifndef SEEDANCEFS_BACKEND_BASE_PROGRAM_H
#define SEEDANCEFS_BACKEND_BASE_PROGRAM_H

/*
 * The path of a program beside this one; where there is none, its bare name, which the
 * PATH finds. free() it; NULL without memory. Any thread.
 */
char *program_beside(const char *name);

#endif
