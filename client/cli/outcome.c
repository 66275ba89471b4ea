#include "client/cli/outcome.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/words.h"

bool outcome_at_rest(const bobbin_app_status *app)
{
    static const char *const resting[] = {"exited", "failed", "stopped"};

    for (size_t i = 0; i < app->component_count; i++) {
        bool rests = false;

        for (size_t k = 0; k < sizeof(resting) / sizeof(resting[0]); k++)
            rests = rests || strcmp(app->components[i].state, resting[k]) == 0;
        if (!rests)
            return false;
    }
    return true;
}

static bool went_well(const bobbin_component_status *c)
{
    return strcmp(c->state, "exited") == 0 && c->exit_code == 0 && c->exit_signal == 0;
}

void outcome_failures(char *buf, size_t size, const bobbin_app_status *app)
{
    size_t len = 0;
    char last[80];

    buf[0] = '\0';
    for (size_t i = 0; i < app->component_count && len < size; i++) {
        const bobbin_component_status *c = &app->components[i];

        if (went_well(c))
            continue;
        words_exit(last, sizeof(last), c);
        /* The reason may well be the exit itself. */
        if (strstr(c->reason, last))
            last[0] = '\0';
        len += (size_t)snprintf(buf + len, size - len, "%scomponent '%s' %s%s%s%s%s%s",
                                len > 0 ? "; " : "", c->id, c->state, last[0] ? " (" : "", last,
                                last[0] ? ")" : "", c->reason[0] ? ": " : "", c->reason);
    }
}
