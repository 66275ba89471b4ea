#include "client/cli/duration.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

static int64_t unit_ms(const char *name)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, name) == 0)
            return units[i].ms;
    }
    return 0;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at *text as a number of at most 15 of them, so that nothing overflows. -1: none, or
 * more. *ret_scale is ten to their number. */
static int64_t take_digits(const char **text, int64_t *ret_scale)
{
    int64_t number = 0;
    int count = 0;

    for (*ret_scale = 1; is_digit(**text); (*text)++) {
        if (++count > 15)
            return -1;
        number = number * 10 + (**text - '0');
        *ret_scale *= 10;
    }
    return count ? number : -1;
}

int duration_parse(const char *text, int64_t *ret_ms)
{
    int64_t scale, whole = take_digits(&text, &scale), part = 0, unit, ms;

    if (whole < 0)
        return -1;
    scale = 1;
    if (*text == '.') {
        text++;
        part = take_digits(&text, &scale);
        /* Finer than the units need. */
        if (part < 0 || scale > INT64_C(1000000000))
            return -1;
    }
    unit = unit_ms(text);
    if (!unit || whole > INT64_MAX / 2 / unit)
        return -1;
    ms = whole * unit + part * unit / scale;
    if (ms <= 0)
        return -1;
    *ret_ms = ms;
    return 0;
}
