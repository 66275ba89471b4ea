/* up: run an app, with a daemon of its own if need be, and follow its output. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/appref.h"
#include "client/cli/bytes.h"
#include "client/cli/command.h"
#include "client/cli/follow.h"
#include "client/cli/interrupt.h"
#include "client/cli/outcome.h"
#include "client/cli/session.h"
#include "client/cli/spawned.h"
#include "client/cli/status.h"

/* Between looks at the logs and the components. */
#define LOOK_MS 50

struct up {
    const struct options *o;
    struct output *out;
    char *directory;        /* absolute; owned */
    struct spawned spawned; /* the daemon, when none was there */
    bobbin *b;
    bobbin_app_status *app; /* as last seen; owned */
    struct follow *follow;
    bool registered_before; /* by somebody else: so it stays */
    bool gave_up;           /* on waiting for the app to stop */
};

/* The connection, to a daemon that is there or to one of our own. */
static int connect_or_spawn(struct up *up)
{
    bobbin_status status;
    int exit_status;

    if (up->o->socket)
        return session_open(up->o, up->out, &up->b);
    status = bobbin_connect(NULL, &up->b);
    if (status == BOBBIN_OK)
        return EXIT_DONE;
    if (status != BOBBIN_CANNOT_CONNECT)
        return session_error(up->out, up->b, status, "cannot connect");
    bobbin_close(up->b);
    up->b = NULL;
    exit_status = spawned_start(&up->spawned, up->out);
    if (exit_status != EXIT_DONE)
        return exit_status;
    return spawned_connect(&up->spawned, up->out, interrupt_wait, &up->b);
}

/* A call failed. When it was our own daemon that went, its last words say more. */
static int call_failed(struct up *up, bobbin_status status, const char *what)
{
    char words[500] = "";

    if (status == BOBBIN_DISCONNECTED)
        spawned_last_words(&up->spawned, words, sizeof(words));
    if (words[0])
        return output_error(up->out, bobbin_status_name(status),
                            "cannot %s '%s': bobbind ended; its last words: %s", what,
                            up->directory, words);
    return session_error(up->out, up->b, status, "cannot %s '%s'", what, up->directory);
}

static void keep_status(struct up *up, bobbin_app_status *app)
{
    bobbin_app_status_free(up->app);
    up->app = app;
}

static int register_app(struct up *up)
{
    bobbin_app_status *app;
    bobbin_status status = bobbin_app_status_get(up->b, up->directory, NULL);

    up->registered_before = status == BOBBIN_OK;
    if (status != BOBBIN_OK && status != BOBBIN_NO_SUCH_APP)
        return call_failed(up, status, "look at");
    /* Also when it is registered: the manifest may have changed. */
    status = bobbin_app_register(up->b, up->directory, &app);
    if (status != BOBBIN_OK)
        return call_failed(up, status, "register");
    keep_status(up, app);
    return EXIT_DONE;
}

static bobbin_status set_entry(bobbin *b, const char *entry)
{
    const char *equals = strchr(entry, '=');

    return bobbin_set(b, "default", entry, (size_t)(equals - entry), equals + 1,
                      strlen(equals + 1));
}

/* Over a connection of its own: one that is attached keeps the app's store open. */
static int set_entries(struct up *up)
{
    bobbin *b = NULL;
    bobbin_status status;
    int exit_status = EXIT_DONE;

    if (up->o->entry_count == 0)
        return EXIT_DONE;
    status = bobbin_connect(bobbin_address(up->b), &b);
    if (status == BOBBIN_OK)
        status = bobbin_attach(b, up->directory);
    if (status != BOBBIN_OK)
        exit_status = session_error(up->out, b, status, "cannot open '%s'", up->directory);
    for (size_t i = 0; status == BOBBIN_OK && i < up->o->entry_count; i++) {
        status = set_entry(b, up->o->entries[i]);
        if (status != BOBBIN_OK)
            exit_status = session_error(up->out, b, status, "cannot set '%s'", up->o->entries[i]);
    }
    bobbin_close(b);
    return exit_status;
}

/* Say what changed for the worse while the others go on. */
static void note_changes(struct up *up, const bobbin_app_status *now)
{
    const bobbin_app_status *old = up->app;

    for (size_t i = 0; i < now->component_count && i < old->component_count; i++) {
        const bobbin_component_status *c = &now->components[i];

        if (strcmp(c->state, old->components[i].state) == 0)
            continue;
        if (strcmp(c->state, "backing-off") == 0 || strcmp(c->state, "failed") == 0)
            output_note(up->out, "component '%s': %s%s%s%s", c->id, c->state,
                        c->reason[0] ? " (" : "", c->reason, c->reason[0] ? ")" : "");
    }
}

static int refresh(struct up *up)
{
    bobbin_app_status *app;
    bobbin_status status = bobbin_app_status_get(up->b, up->directory, &app);

    if (status != BOBBIN_OK)
        return call_failed(up, status, "look at");
    if (!outcome_at_rest(app))
        note_changes(up, app);
    keep_status(up, app);
    return EXIT_DONE;
}

/* All components are at rest: the verdict. */
static int conclude(struct up *up)
{
    char failures[1000];
    json_t *document;

    follow_finish(up->follow);
    outcome_failures(failures, sizeof(failures), up->app);
    if (failures[0])
        output_note(up->out, "%s", failures);
    if (up->out->json) {
        document = status_json(up->app);
        if (document && failures[0])
            json_object_update_new(document, bytes_error_document("component-failed", failures));
        output_json(up->out, document);
    }
    return failures[0] ? EXIT_TROUBLE : EXIT_DONE;
}

/* Stopping takes as long as the components' time-outs: go on showing what they write. A second
 * Ctrl-C ends the waiting (only that: a terminal that is closed may well send SIGHUP twice). */
static int wait_until_stopped(struct up *up)
{
    int exit_status = refresh(up);

    while (exit_status == EXIT_DONE && !outcome_at_rest(up->app)) {
        follow_read(up->follow);
        if (interrupt_wait(LOOK_MS) == SIGINT) {
            up->gave_up = true;
            return output_error(up->out, "interrupted", "gave up waiting for '%s' to stop",
                                up->directory);
        }
        exit_status = refresh(up);
    }
    return exit_status;
}

/* Requests of one connection are answered one after the other: to see how the stopping goes takes
 * another. The daemon goes on stopping without its first one. */
static int reconnect(struct up *up)
{
    bobbin *b = NULL;
    bobbin_status status = bobbin_connect(bobbin_address(up->b), &b);

    bobbin_close(up->b);
    up->b = b;
    return status == BOBBIN_OK ? EXIT_DONE : call_failed(up, status, "stop");
}

/* Ctrl-C. */
static int stop(struct up *up)
{
    bobbin_status status;
    int exit_status = EXIT_DONE;

    bobbin_set_timeout(up->b, LOOK_MS);
    status = bobbin_app_stop(up->b, up->directory, NULL, NULL);
    bobbin_set_timeout(up->b, 0);
    if (status == BOBBIN_TIMED_OUT)
        exit_status = reconnect(up);
    else if (status != BOBBIN_OK)
        exit_status = call_failed(up, status, "stop");
    if (exit_status == EXIT_DONE)
        exit_status = wait_until_stopped(up);
    follow_finish(up->follow);
    if (exit_status == EXIT_DONE && up->out->json)
        status_print(up->out, up->app);
    return exit_status;
}

static int watch(struct up *up)
{
    int exit_status = EXIT_DONE;

    while (exit_status == EXIT_DONE && !up->out->error) {
        follow_read(up->follow);
        if (outcome_at_rest(up->app))
            return conclude(up);
        if (interrupt_wait(LOOK_MS))
            return stop(up);
        exit_status = refresh(up);
    }
    /* Nobody reads the output any more, or the app cannot be seen: do not leave it running alone.
     */
    bobbin_app_stop(up->b, up->directory, NULL, NULL);
    return EXIT_TROUBLE;
}

static int start_and_watch(struct up *up)
{
    bobbin_app_status *app;
    bobbin_status status;

    if (follow_new(up->app, up->out, &up->follow))
        return output_error(up->out, "no-memory", "cannot follow the output: out of memory");
    status = bobbin_app_start(up->b, up->directory, NULL, &app);
    if (status != BOBBIN_OK)
        return call_failed(up, status, "start");
    keep_status(up, app);
    return watch(up);
}

static int nothing_to_run(struct up *up)
{
    output_note(up->out, "'%s' has no components: there is nothing to run", up->directory);
    if (up->out->json)
        status_print(up->out, up->app);
    return EXIT_DONE;
}

static int run_registered(struct up *up)
{
    int exit_status = set_entries(up);
    bobbin_status status;

    if (exit_status == EXIT_DONE)
        exit_status = up->app->component_count > 0 ? start_and_watch(up) : nothing_to_run(up);
    if (up->registered_before || up->spawned.pid || up->gave_up)
        return exit_status;
    status = bobbin_app_unregister(up->b, up->directory);
    if (status != BOBBIN_OK && exit_status == EXIT_DONE) {
        output_note(up->out, "cannot unregister '%s': %s", up->directory, bobbin_error(up->b));
        exit_status = EXIT_TROUBLE;
    }
    return exit_status;
}

int up_run(const struct options *o, struct output *out)
{
    struct up up = {.o = o, .out = out};
    int exit_status = EXIT_TROUBLE;

    up.directory = appref_directory(appref_of(o), out);
    if (!up.directory)
        return EXIT_TROUBLE;
    interrupt_block();
    exit_status = connect_or_spawn(&up);
    if (exit_status == EXIT_DONE)
        exit_status = register_app(&up);
    if (exit_status == EXIT_DONE)
        exit_status = run_registered(&up);
    follow_free(up.follow);
    bobbin_app_status_free(up.app);
    bobbin_close(up.b);
    spawned_stop(&up.spawned, up.gave_up);
    free(up.directory);
    return exit_status;
}
