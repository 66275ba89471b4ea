/* The daemon's log: one line a message on stderr, with a level that journald understands. */
#ifndef BOBBIN_DAEMON_LOG_H
#define BOBBIN_DAEMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Set once at start-up and read by every thread. */
void log_set_level(enum log_level level);
/* "error", "warning", "info" or "debug"; false for anything else. */
bool log_level_parse(const char *word, enum log_level *ret);

/* Control characters in the text are escaped. On any thread; errno is kept. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
