/*
 * The log: one line per event, `key=value`, to standard error or to a file.
 *
 * Lines never hold keys, signed query strings or data URLs: callers pass ids, hosts and
 * sizes. Control characters in a formatted line are replaced, so a server's text cannot
 * forge lines. Any thread may log; each line is one write(2).
 */
#ifndef SEEDANCEFS_BACKEND_BASE_LOG_H
#define SEEDANCEFS_BACKEND_BASE_LOG_H

enum log_level {
	LOG_LEVEL_ERROR, /* something is broken and needs a person */
	LOG_LEVEL_WARN,	 /* something went wrong and is being handled */
	LOG_LEVEL_INFO,	 /* milestones: mounted, submitted, succeeded */
	LOG_LEVEL_DEBUG,
};

/* Set before threads start. */
void log_set_level(enum log_level level);

/* The descriptor that lines are written to (default: 2). The caller keeps it open. */
void log_set_fd(int fd);

void log_line(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
