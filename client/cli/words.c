#include "client/cli/words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* In the order in which a summary names them. */
static const struct {
    const char *word;
    enum colour colour;
} states[] = {
    {"running", COLOUR_GREEN},   {"starting", COLOUR_YELLOW}, {"backing-off", COLOUR_YELLOW},
    {"waiting", COLOUR_GREEN},
    {"stopping", COLOUR_YELLOW}, {"failed", COLOUR_RED},      {"exited", COLOUR_NONE},
    {"stopped", COLOUR_DIM},
};
#define STATE_COUNT (sizeof(states) / sizeof(states[0]))

void words_ago(char *buf, size_t size, int64_t since_ms, int64_t now_ms)
{
    long long s = now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;

    if (s < 60)
        snprintf(buf, size, "%lld s ago", s);
    else if (s < 3600)
        snprintf(buf, size, "%lld min ago", s / 60);
    else if (s < 48 * 3600)
        snprintf(buf, size, "%lld h ago", s / 3600);
    else
        snprintf(buf, size, "%lld days ago", s / 86400);
}

void words_exit(char *buf, size_t size, const bobbin_component_status *c)
{
    const char *name = c->exit_signal > 0 ? sigabbrev_np(c->exit_signal) : NULL;

    if (c->last_exit[0])
        snprintf(buf, size, "%s", c->last_exit);
    else if (name)
        snprintf(buf, size, "killed by SIG%s", name);
    else if (c->exit_signal > 0)
        snprintf(buf, size, "killed by signal %d", c->exit_signal);
    else if (c->exit_code >= 0)
        snprintf(buf, size, "exited, status %d", c->exit_code);
    else
        snprintf(buf, size, "%s", "");
}

static size_t count_state(const bobbin_app_status *app, const char *word)
{
    size_t n = 0;

    for (size_t i = 0; i < app->component_count; i++)
        n += strcmp(app->components[i].state, word) == 0;
    return n;
}

void words_summary(char *buf, size_t size, const bobbin_app_status *app)
{
    size_t len = 0;

    snprintf(buf, size, "%s", app->component_count == 0 ? "no components" : "");
    for (size_t i = 0; i < STATE_COUNT && len < size; i++) {
        size_t n = count_state(app, states[i].word);

        if (n > 0)
            len += (size_t)snprintf(buf + len, size - len, "%s%zu %s", len > 0 ? ", " : "", n,
                                    states[i].word);
    }
}

enum colour words_state_colour(const char *state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(states[i].word, state) == 0)
            return states[i].colour;
    }
    return COLOUR_NONE;
}

int64_t words_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
