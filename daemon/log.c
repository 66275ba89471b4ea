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

/* A message longer than this is cut. */
#define LOG_TEXT 1024
/* Every byte may become four (\xNN); the prefix and the newline come on top. */
#define LOG_LINE (4 * LOG_TEXT + 64)

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

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool log_level_parse(const char *word, enum log_level *ret)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(word, levels[i].word) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Whether stderr is the very stream that systemd connected to the journal: the variable alone may
 * be inherited by a daemon whose stderr went elsewhere since. Asked anew for each line, as a test
 * or a service manager may replace descriptor 2. */
static bool log_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    uintmax_t dev, ino;
    char rest;

    if (!stream || sscanf(stream, "%ju:%ju%c", &dev, &ino, &rest) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)dev && st.st_ino == (ino_t)ino;
}

static size_t log_prefix(char *line, size_t size, enum log_level level)
{
    struct timespec now;
    struct tm tm;
    char date[32];
    int n;

    if (log_to_journal()) {
        n = snprintf(line, size, "<%d>", levels[level].priority);
        return (size_t)n;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    n = snprintf(line, size, "%s.%03ldZ %s: ", date, now.tv_nsec / 1000000, levels[level].word);
    return (size_t)n;
}

/* Names in a message may come from anybody: none of them ends the line or talks to the terminal.
 * Bytes of UTF-8 pass, but for the C1 controls (U+0080 to U+009F), which some terminals obey. */
static size_t log_escape(char *line, const char *text)
{
    size_t n = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool c1 = *p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;
        if (*p >= 0x20 && *p != 0x7f && !c1)
            line[n++] = (char)*p;
        else if (*p == '\n')
            n += (size_t)sprintf(line + n, "\\n");
        else
            n += (size_t)sprintf(line + n, "\\x%02x", *p);
    }
    return n;
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[LOG_TEXT], line[LOG_LINE];
    int saved = errno;
    va_list ap;
    size_t n;
    ssize_t r;

    if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    n = log_prefix(line, sizeof(line), level);
    n += log_escape(line + n, text);
    line[n++] = '\n';
    do /* one write: lines of several threads do not mix */
        r = write(STDERR_FILENO, line, n);
    while (r < 0 && errno == EINTR);
    errno = saved;
}
