/* register, unregister, list, status, start, stop. */
#include <stdlib.h>

#include "client/cli/appref.h"
#include "client/cli/command.h"
#include "client/cli/session.h"
#include "client/cli/status.h"

/* What a call on one app needs and yields. */
struct call {
    const char *component;     /* NULL: all */
    bobbin_app_status *status; /* as the daemon answered; owned */
};

static bobbin_status call_status(bobbin *b, const char *app, void *arg)
{
    struct call *call = arg;

    return bobbin_app_status_get(b, app, &call->status);
}

static bobbin_status call_start(bobbin *b, const char *app, void *arg)
{
    struct call *call = arg;

    return bobbin_app_start(b, app, call->component, &call->status);
}

static bobbin_status call_stop(bobbin *b, const char *app, void *arg)
{
    struct call *call = arg;

    return bobbin_app_stop(b, app, call->component, &call->status);
}

/* The status is fetched for the name, by which the answer is then given. */
static bobbin_status call_unregister(bobbin *b, const char *app, void *arg)
{
    struct call *call = arg;
    bobbin_status status = bobbin_app_status_get(b, app, &call->status);

    return status == BOBBIN_OK ? bobbin_app_unregister(b, app) : status;
}

/* Call `fn` for the app of the options; *ret_status is then the caller's. */
static int call_app(const struct options *o, struct output *out, appref_fn *fn,
                    bobbin_app_status **ret_status)
{
    struct call call = {.component = o->component};
    bobbin *b;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    exit_status = appref_call(appref_of(o), b, out, fn, &call);
    bobbin_close(b);
    if (exit_status == EXIT_DONE)
        *ret_status = call.status;
    else
        bobbin_app_status_free(call.status);
    return exit_status;
}

static int call_and_print(const struct options *o, struct output *out, appref_fn *fn)
{
    bobbin_app_status *status;
    int exit_status = call_app(o, out, fn, &status);

    if (exit_status == EXIT_DONE) {
        status_print(out, status);
        bobbin_app_status_free(status);
    }
    return exit_status;
}

int apps_start(const struct options *o, struct output *out)
{
    return call_and_print(o, out, call_start);
}

int apps_stop(const struct options *o, struct output *out)
{
    return call_and_print(o, out, call_stop);
}

static bobbin_status call_restart(bobbin *b, const char *app, void *arg)
{
    struct call *call = arg;

    return bobbin_app_restart(b, app, call->component, &call->status);
}

int apps_restart(const struct options *o, struct output *out)
{
    return call_and_print(o, out, call_restart);
}

static bobbin_status call_reload(bobbin *b, const char *app, void *arg)
{
    struct call *call = arg;

    return bobbin_app_reload(b, app, &call->status);
}

int apps_reload(const struct options *o, struct output *out)
{
    return call_and_print(o, out, call_reload);
}

static bobbin_status call_reset(bobbin *b, const char *app, void *arg)
{
    struct call *call = arg;

    return bobbin_app_reset(b, app, call->component, &call->status);
}

int apps_reset(const struct options *o, struct output *out)
{
    return call_and_print(o, out, call_reset);
}

int apps_unregister(const struct options *o, struct output *out)
{
    bobbin_app_status *status;
    int exit_status = call_app(o, out, call_unregister, &status);

    if (exit_status != EXIT_DONE)
        return exit_status;
    if (out->json)
        output_json(out, json_pack("{s:s, s:b}", "app", status->name, "ok", 1));
    else
        output_print(out, "unregistered '%s' (%s)\n", status->name, status->directory);
    bobbin_app_status_free(status);
    return EXIT_DONE;
}

int apps_register(const struct options *o, struct output *out)
{
    bobbin_app_status *app = NULL;
    bobbin_status status;
    bobbin *b = NULL;
    char *directory = appref_directory(appref_of(o), out);
    int exit_status = directory ? session_open(o, out, &b) : EXIT_TROUBLE;

    if (exit_status != EXIT_DONE)
        goto out;
    status = bobbin_app_register(b, directory, &app);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot register '%s'", directory);
    else if (out->json)
        output_json(out, status_json(app));
    else
        output_print(out, "registered '%s' (%s)\n", app->name, app->directory);

out:
    bobbin_app_status_free(app);
    bobbin_close(b);
    free(directory);
    return exit_status;
}

typedef void print_fn(struct output *out, const bobbin_app_list *list);

static int print_list(bobbin *b, struct output *out, print_fn *print)
{
    bobbin_app_list *list;
    bobbin_status status = bobbin_app_list_get(b, &list);

    if (status != BOBBIN_OK)
        return session_error(out, b, status, "cannot list the apps");
    print(out, list);
    bobbin_app_list_free(list);
    return EXIT_DONE;
}

int apps_list(const struct options *o, struct output *out)
{
    bobbin *b;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    exit_status = print_list(b, out, status_print_table);
    bobbin_close(b);
    return exit_status;
}

/* The app that one stands in. False when there is none, for whatever reason: the list of all apps
 * is asked for next and will tell. */
static bool print_here(bobbin *b, struct output *out)
{
    bobbin_app_status *status;
    char *directory = realpath(".", NULL);
    bool found = directory && bobbin_app_status_get(b, directory, &status) == BOBBIN_OK;

    if (found) {
        status_print(out, status);
        bobbin_app_status_free(status);
    }
    free(directory);
    return found;
}

int apps_status(const struct options *o, struct output *out)
{
    bobbin *b;
    int exit_status;

    if (appref_of(o))
        return call_and_print(o, out, call_status);
    exit_status = session_open(o, out, &b);
    if (exit_status != EXIT_DONE)
        return exit_status;
    if (!print_here(b, out))
        exit_status = print_list(b, out, status_print_all);
    bobbin_close(b);
    return exit_status;
}
