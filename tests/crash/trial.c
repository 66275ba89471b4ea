#include "trial.h"

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char saying[600];
static const struct disk *saying_disk;
static size_t saying_position;

void trial_say(const struct disk *disk, size_t position, const char *format, ...)
{
    size_t len = format[0] == ',' ? strlen(saying) : 0;
    va_list args;

    va_start(args, format);
    vsnprintf(saying + len, sizeof(saying) - len, format, args);
    va_end(args);
    saying_disk = disk;
    saying_position = position;
}

void trial_fail(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:\n    ", saying);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    if (saying_disk)
        disk_print(saying_disk, saying_position);
    exit(1);
}

uint64_t trial_number(const char *text, uint64_t least)
{
    char *end;

    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n < least)
        errx(2, "'%s' is no number from %llu on", text, (unsigned long long)least);
    return n;
}

void trial_make_base(char ret[64])
{
    const char *tmp = getenv("TMPDIR");

    /* Nothing of it need ever be on a disk. */
    if (!tmp)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    if (snprintf(ret, 64, "%s/bobbin-cut-XXXXXX", tmp) >= 64 || !mkdtemp(ret))
        err(2, "%s", ret);
}
