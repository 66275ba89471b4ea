#include "client/cli/moment.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/duration.h"

/* What a form leaves open is midnight, or today. */
static const struct {
    const char *format; /* strptime's */
    bool dated;
} forms[] = {
    {"%Y-%m-%dT%H:%M:%S", true},
    {"%Y-%m-%d %H:%M:%S", true},
    {"%Y-%m-%dT%H:%M", true},
    {"%Y-%m-%d %H:%M", true},
    {"%Y-%m-%d", true},
    {"%H:%M:%S", false},
    {"%H:%M", false},
};

static int64_t in_ms(struct tm *tm, bool utc)
{
    tm->tm_isdst = -1;
    return (int64_t)(utc ? timegm(tm) : mktime(tm)) * 1000;
}

static struct tm midnight(int64_t now_ms, bool utc)
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm = {0};

    if (utc)
        gmtime_r(&seconds, &tm);
    else
        localtime_r(&seconds, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return tm;
}

static int parse_date(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    size_t len = strlen(text);
    bool utc = len > 0 && text[len - 1] == 'Z';
    char bare[32];

    if (len >= sizeof(bare))
        return -1;
    snprintf(bare, sizeof(bare), "%.*s", (int)(len - utc), text);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = midnight(now_ms, utc);
        const char *end = strptime(bare, forms[i].format, &tm);

        if (!end || *end)
            continue;
        *ret_ms = in_ms(&tm, utc);
        return 0;
    }
    return -1;
}

static int parse_seconds(const char *text, int64_t *ret_ms)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 12 || text[digits])
        return -1;
    *ret_ms = strtoll(text, NULL, 10) * 1000;
    return 0;
}

int moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    struct tm tm = midnight(now_ms, false);
    int64_t ago_ms;

    if (text[0] == '@')
        return parse_seconds(text + 1, ret_ms);
    if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0) {
        tm.tm_mday -= text[0] == 'y';
        *ret_ms = in_ms(&tm, false);
        return 0;
    }
    if (duration_parse(text, &ago_ms) == 0) {
        *ret_ms = now_ms - ago_ms;
        return 0;
    }
    return parse_date(text, now_ms, ret_ms);
}
