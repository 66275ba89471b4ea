#include "client/cli/session.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/cli/appref.h"

int session_error(struct output *out, const bobbin *b, bobbin_status status, const char *format,
                  ...)
{
    const char *reason = b ? bobbin_error(b) : "";
    char what[1000];
    va_list ap;

    va_start(ap, format);
    vsnprintf(what, sizeof(what), format, ap);
    va_end(ap);
    if (!reason[0])
        reason = bobbin_status_name(status);
    return output_error(out, bobbin_status_name(status), "%s: %s", what, reason);
}

int session_open(const struct options *o, struct output *out, bobbin **ret)
{
    bobbin *b = NULL;
    bobbin_status status = bobbin_connect(o->socket, &b);
    const char *reason = b ? bobbin_error(b) : "out of memory";

    if (status == BOBBIN_OK) {
        *ret = b;
        return EXIT_DONE;
    }
    output_error(out, bobbin_status_name(status), "%s", reason);
    bobbin_close(b);
    return EXIT_TROUBLE;
}

static bobbin_status attach(bobbin *b, const char *app, void *arg)
{
    (void)arg;
    return bobbin_attach(b, app);
}

int session_open_attached(const struct options *o, struct output *out, bobbin **ret)
{
    bobbin *b;
    int exit_status;

    if (o->lent) {
        *ret = o->lent;
        return EXIT_DONE;
    }
    exit_status = session_open(o, out, &b);
    if (exit_status != EXIT_DONE)
        return exit_status;
    if (o->app || !bobbin_app(b)) {
        exit_status = appref_call(o->app, b, out, attach, NULL);
        if (exit_status != EXIT_DONE) {
            bobbin_close(b);
            return exit_status;
        }
    }
    *ret = b;
    return EXIT_DONE;
}

void session_close(const struct options *o, bobbin *b)
{
    if (b != o->lent)
        bobbin_close(b);
}
