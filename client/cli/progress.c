#include "client/cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DRAW_MS 100
#define BAR_MOST 40

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void progress_init(struct progress *p, const char *what, uint64_t total)
{
    const char *term = getenv("TERM");

    *p = (struct progress){.what = what, .total = total, .begun_ms = now_ms()};
    p->on = isatty(STDERR_FILENO) && term && term[0] && strcmp(term, "dumb") != 0;
}

static int columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* "[#####     ]  50%", as wide as there is room. */
static void format_bar(char *bar, size_t size, double part, int room)
{
    int width = room < BAR_MOST ? room : BAR_MOST, full;

    if (width < 5) {
        snprintf(bar, size, "%3d%%", (int)(part * 100));
        return;
    }
    full = (int)(part * width);
    snprintf(bar, size, "[%.*s%*s] %3d%%", full, "########################################",
             width - full, "", (int)(part * 100));
}

static void draw(struct progress *p, uint64_t done, uint64_t entries, int64_t now)
{
    double seconds = (double)(now - p->begun_ms) / 1000;
    double part = p->total ? (double)done / (double)p->total : 0;
    char bar[BAR_MOST + 20] = "", words[100];
    int room, len;

    len = snprintf(words, sizeof(words), "%llu entries, %.0f/s", (unsigned long long)entries,
                   seconds > 0 ? (double)entries / seconds : 0);
    room = columns() - len - (int)strlen(p->what) - 12;
    /* More may have come since the total was told. */
    if (p->total)
        format_bar(bar, sizeof(bar), part > 1 ? 1 : part, room);
    fprintf(stderr, "\r\033[K%s %s  %s", p->what, bar, words);
    fflush(stderr);
    p->drawn = true;
}

void progress_show(struct progress *p, uint64_t done, uint64_t entries)
{
    int64_t now;

    if (!p->on)
        return;
    now = now_ms();
    if (now < p->next_ms)
        return;
    p->next_ms = now + DRAW_MS;
    draw(p, done, entries, now);
}

void progress_wipe(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
