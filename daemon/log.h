/* The daemon's log: one line a message on stderr, with a level that journald understands. */
#ifndef BOBBIN_DAEMON_LOG_H
#define BOBBIN_DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Set at start-up and by a reload; read by every thread. */
void log_set_level(enum log_level level);
/* Lines as JSON documents with time, level, message and the fields, in place of text. The same. */
void log_set_json(bool json);
/* Whether a message of that level would be written. */
bool log_is_on(enum log_level level);
/* Whether the lines go to the journal: stderr is the stream that JOURNAL_STREAM names. */
bool log_is_journal(void);

/* Control characters in the text are escaped. On any thread; errno is kept. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What else is known of it, for machines: behind the text as NAME=VALUE. */
struct log_field {
    const char *name;  /* plain letters */
    const char *value; /* NULL: it has none */
};

/* log_write with fields. */
void log_write_fields(enum log_level level, const struct log_field *fields, size_t count,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
