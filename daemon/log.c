#include "daemon/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "protocol/utf8.h"

/* A message longer than this is cut. */
#define LOG_TEXT 1024
/* So is a field's value. */
#define LOG_VALUE 256
/* A byte may become six (\u00NN); the prefix, names and the newline come on top. */
#define LOG_FIELDS 8
#define LOG_LINE (6 * LOG_TEXT + LOG_FIELDS * (6 * LOG_VALUE + 32) + 256)

static const struct {
    const char *word;
    int priority; /* sd-daemon(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

static _Atomic(int) log_level = LOG_LEVEL_INFO;
static _Atomic(bool) log_json = false;

/* A line in the making. */
struct log_line {
    char bytes[LOG_LINE];
    size_t len;
};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

void log_set_json(bool json)
{
    atomic_store_explicit(&log_json, json, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* Whether stderr is the very stream that systemd connected to the journal: the variable alone may
 * be inherited by a daemon whose stderr went elsewhere since. Asked anew for each line, as a test
 * or a service manager may replace descriptor 2. */
bool log_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    uintmax_t dev, ino;
    char rest;

    if (!stream || sscanf(stream, "%ju:%ju%c", &dev, &ino, &rest) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

static void log_put(struct log_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void log_put(struct log_line *line, const char *format, ...)
{
    size_t room = sizeof(line->bytes) - 1 - line->len;
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(line->bytes + line->len, room, format, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < room)
        line->len += (size_t)n;
}

static void log_put_byte(struct log_line *line, unsigned char byte)
{
    if (line->len < sizeof(line->bytes) - 1)
        line->bytes[line->len++] = (char)byte;
}

static void log_put_time(struct log_line *line)
{
    struct timespec now;
    struct tm tm;
    char date[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    log_put(line, "%s.%03ldZ", date, now.tv_nsec / 1000000);
}

/* Names in a message may come from anybody: none of them ends the line or talks to the terminal.
 * Bytes of UTF-8 pass, but for the C1 controls (U+0080 to U+009F), which some terminals obey. */
static void log_put_escaped(struct log_line *line, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool c1 = *p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
        if (*p >= 0x20 && *p != 0x7f && !c1)
            log_put_byte(line, *p);
        else if (*p == '\n')
            log_put(line, "\\n");
        else
            log_put(line, "\\x%02x", *p);
    }
}

/* A JSON string; what is not UTF-8 becomes U+FFFD, byte by byte. */
static void log_put_string(struct log_line *line, const char *text)
{
    bool valid = utf8_valid(text, strlen(text));

    log_put(line, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            log_put(line, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            log_put(line, "\\u%04x", *p);
        else if (*p >= 0x80 && !valid)
            log_put(line, "\\ufffd");
        else
            log_put_byte(line, *p);
    }
    log_put(line, "\"");
}

static void log_put_json(struct log_line *line, enum log_level level, const char *text,
                         const struct log_field *fields, size_t count)
{
    log_put(line, "{\"time\":\"");
    log_put_time(line);
    log_put(line, "\",\"level\":\"%s\",\"message\":", levels[level].word);
    log_put_string(line, text);
    for (size_t i = 0; i < count; i++) {
        char value[LOG_VALUE];
        if (!fields[i].value)
            continue;
        snprintf(value, sizeof(value), "%s", fields[i].value);
        log_put(line, ",\"%s\":", fields[i].name);
        log_put_string(line, value);
    }
    log_put(line, "}");
}

static bool log_needs_quotes(const char *value)
{
    return !*value || strpbrk(value, " \"=\\'");
}

static void log_put_text(struct log_line *line, enum log_level level, const char *text,
                         const struct log_field *fields, size_t count)
{
    if (!log_is_journal()) {
        log_put_time(line);
        log_put(line, " %s: ", levels[level].word);
    }
    log_put_escaped(line, text);
    for (size_t i = 0; i < count; i++) {
        char value[LOG_VALUE];
        if (!fields[i].value)
            continue;
        snprintf(value, sizeof(value), "%s", fields[i].value);
        log_put(line, " %s=", fields[i].name);
        if (log_needs_quotes(value))
            log_put_string(line, value);
        else
            log_put_escaped(line, value);
    }
}

static void log_line(enum log_level level, const char *text, const struct log_field *fields,
                     size_t count)
{
    struct log_line line;
    ssize_t r;

    line.len = 0;
    count = count > LOG_FIELDS ? LOG_FIELDS : count;
    if (log_is_journal())
        log_put(&line, "<%d>", levels[level].priority);
    if (atomic_load_explicit(&log_json, memory_order_relaxed))
        log_put_json(&line, level, text, fields, count);
    else
        log_put_text(&line, level, text, fields, count);
    line.bytes[line.len++] = '\n';
    do /* one write: lines of several threads do not mix */
        r = write(STDERR_FILENO, line.bytes, line.len);
    while (r < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[LOG_TEXT];
    int saved = errno;
    va_list ap;

    if (!log_is_on(level))
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    log_line(level, text, NULL, 0);
    errno = saved;
}

void log_write_fields(enum log_level level, const struct log_field *fields, size_t count,
                      const char *format, ...)
{
    char text[LOG_TEXT];
    int saved = errno;
    va_list ap;

    if (!log_is_on(level))
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    log_line(level, text, fields, count);
    errno = saved;
}
