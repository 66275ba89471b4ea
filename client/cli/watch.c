/* watch: every change of a store as it is committed, one a line, until Ctrl-C. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/answer.h"
#include "client/cli/command.h"
#include "client/cli/input.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"

/* Between attempts to connect again. */
#define RETRY_FIRST_MS 100
#define RETRY_LONGEST_MS 3200

enum watch_state {
    WATCH_GOES_ON,
    WATCH_DONE,         /* as many changes as were asked for, or Ctrl-C */
    WATCH_BROKEN,       /* stdout takes no more */
    WATCH_DISCONNECTED, /* the connection has ended; `status` says why */
    WATCH_OVERFLOWED,   /* the watch has ended, `since` is where to go on */
};

struct watching {
    const struct options *o;
    struct output *out;
    bobbin *b;
    bobbin_string *keys; /* of the arguments; owned */
    int signals;         /* descriptor; readable when it is time to end */
    bool has_since;      /* `since` is known */
    uint64_t since;      /* all changes up to this commit were shown */
    uint64_t shown;
    bobbin_status status;
};

static const char *kind_name(bobbin_change_kind kind)
{
    static const char *const names[] = {
        [BOBBIN_CHANGE_SET] = "set",
        [BOBBIN_CHANGE_DELETE] = "delete",
        [BOBBIN_CHANGE_EXPIRE] = "expire",
        [BOBBIN_CHANGE_OVERFLOW] = "overflow",
    };

    return names[kind];
}

static void print_json(struct watching *w, const bobbin_change *c)
{
    json_t *object =
        json_pack("{s:I, s:s}", "commit", (json_int_t)c->commit, "kind", kind_name(c->kind));

    answer_set_bytes(&object, "key", c->key.data, c->key.len);
    if (options_has(w->o, OPTION_VALUES) && c->kind == BOBBIN_CHANGE_SET)
        answer_set_bytes(&object, "value", c->value.data, c->value.len);
    output_json(w->out, object);
}

static void print_string(struct watching *w, const bobbin_string *s)
{
    output_bytes(w->out, "\t", 1);
    if (w->out->terminal)
        output_clean(w->out, s->data, s->len);
    else
        output_bytes(w->out, s->data, s->len);
}

static void print_change(struct watching *w, const bobbin_change *c)
{
    if (w->out->json) {
        print_json(w, c);
        return;
    }
    output_print(w->out, "%llu\t%s", (unsigned long long)c->commit, kind_name(c->kind));
    print_string(w, &c->key);
    if (c->value.data)
        print_string(w, &c->value);
    output_bytes(w->out, "\n", 1);
}

static enum watch_state take_change(struct watching *w, const bobbin_change *c)
{
    w->has_since = true;
    if (c->kind == BOBBIN_CHANGE_OVERFLOW) {
        w->since = c->commit;
        return WATCH_OVERFLOWED;
    }
    print_change(w, c);
    /* Others of the same commit may follow. */
    w->since = c->commit > 0 ? c->commit - 1 : 0;
    w->shown++;
    return w->o->count && w->shown >= w->o->count ? WATCH_DONE : WATCH_GOES_ON;
}

/* All that is there. */
static enum watch_state take_changes(struct watching *w)
{
    enum watch_state state = WATCH_GOES_ON;
    bobbin_change *change;

    while (state == WATCH_GOES_ON && !w->out->error) {
        w->status = bobbin_next_change(w->b, 0, &change);
        if (w->status != BOBBIN_OK)
            state = WATCH_DISCONNECTED;
        else if (!change)
            break;
        else
            state = take_change(w, change);
        if (w->status == BOBBIN_OK)
            bobbin_change_free(change);
    }
    output_flush(w->out);
    return w->out->error ? WATCH_BROKEN : state;
}

/* Changes until something ends the watch. A reader of stdout that has gone does, too. */
static enum watch_state follow(struct watching *w)
{
    for (;;) {
        enum watch_state state = take_changes(w);
        struct pollfd fds[] = {
            {.fd = bobbin_fd(w->b), .events = POLLIN},
            {.fd = w->signals, .events = POLLIN},
            {.fd = STDOUT_FILENO, .events = 0},
        };

        if (state != WATCH_GOES_ON)
            return state;
        if (poll(fds, 3, -1) < 0 && errno != EINTR)
            return WATCH_DONE;
        if (fds[1].revents)
            return WATCH_DONE;
        if (fds[2].revents & POLLERR) {
            w->out->error = EPIPE;
            return WATCH_BROKEN;
        }
    }
}

static bobbin_status begin(struct watching *w)
{
    bobbin_watch_options options = {
        .keys = w->o->arg_count ? w->keys : NULL,
        .key_count = w->o->arg_count,
        .prefix = w->o->prefix,
        .prefix_len = w->o->prefix ? strlen(w->o->prefix) : 0,
        .values = options_has(w->o, OPTION_VALUES),
        .has_since = w->has_since,
        .since = w->since,
    };
    bobbin_status status;
    uint64_t id;
    bool exists;

    /* Where to go on from, should the connection end before the first change. */
    if (!w->has_since && options_has(w->o, OPTION_RECONNECT)) {
        status = bobbin_exists(w->b, w->o->store, "", 0, &exists);
        if (status != BOBBIN_OK)
            return status;
        options.has_since = w->has_since = true;
        options.since = w->since = bobbin_last_commit(w->b);
    }
    return bobbin_watch(w->b, w->o->store, &options, &id);
}

static int begin_failed(struct watching *w, bobbin_status status)
{
    if (status == BOBBIN_COMPACTED)
        return output_error(w->out, bobbin_status_name(status),
                            "cannot watch from commit %llu: %s; list the keys with --commit and "
                            "watch from the number that it tells",
                            (unsigned long long)w->since, bobbin_error(w->b));
    return session_error(w->out, w->b, status, "cannot watch store '%s'", w->o->store);
}

/* Whether the wait was not ended by a signal. */
static bool wait_ms(struct watching *w, int ms)
{
    struct pollfd fd = {.fd = w->signals, .events = POLLIN};

    return poll(&fd, 1, ms) == 0;
}

/* Until it works, is refused for a reason that does not pass, or somebody ends it. */
static enum watch_state reconnect(struct watching *w)
{
    int delay = RETRY_FIRST_MS;

    output_note(w->out, "%s; connecting again", bobbin_error(w->b));
    for (;;) {
        w->status = bobbin_reconnect(w->b);
        if (w->status == BOBBIN_OK) {
            output_note(w->out, "connected again, going on behind commit %llu",
                        (unsigned long long)w->since);
            return WATCH_GOES_ON;
        }
        if (w->status != BOBBIN_CANNOT_CONNECT && w->status != BOBBIN_DISCONNECTED &&
            !bobbin_status_retriable(w->status))
            return WATCH_DISCONNECTED;
        if (!wait_ms(w, delay))
            return WATCH_DONE;
        delay = delay < RETRY_LONGEST_MS ? delay * 2 : delay;
    }
}

static int overflowed(struct watching *w)
{
    return output_error(w->out, "overflow",
                        "the changes came faster than they were taken; all up to commit %llu were "
                        "shown; go on with --since %llu",
                        (unsigned long long)w->since, (unsigned long long)w->since);
}

/* The watch from its beginning to its end, over as many connections as it takes. */
static int run(struct watching *w)
{
    bool again = options_has(w->o, OPTION_RECONNECT);
    bobbin_status status = begin(w);
    enum watch_state state;

    if (status != BOBBIN_OK)
        return begin_failed(w, status);
    for (;;) {
        state = follow(w);
        if (state == WATCH_OVERFLOWED && again)
            output_note(w->out, "overflow; going on behind commit %llu",
                        (unsigned long long)w->since);
        else if (state == WATCH_OVERFLOWED)
            return overflowed(w);
        if (state == WATCH_DISCONNECTED && again)
            state = reconnect(w);
        if (state == WATCH_DISCONNECTED)
            return session_error(w->out, w->b, w->status, "the watch has ended");
        if (state == WATCH_DONE || state == WATCH_BROKEN)
            return EXIT_DONE;
        status = begin(w);
        if (status != BOBBIN_OK)
            return begin_failed(w, status);
    }
}

static int prepare(struct watching *w)
{
    if (w->o->prefix && w->o->arg_count > 0)
        return output_error(w->out, "usage", "watch takes keys or --prefix, not both");
    if (options_has(w->o, OPTION_SINCE) && !w->o->since_is_commit)
        return output_error(w->out, "usage", "--since wants a number from 0 on, not '%s'",
                            w->o->since_text);
    w->keys = calloc(w->o->arg_count + 1, sizeof(*w->keys));
    if (!w->keys)
        return output_error(w->out, "no-memory", "cannot watch: out of memory");
    for (size_t i = 0; i < w->o->arg_count; i++)
        w->keys[i] = (bobbin_string){w->o->args[i], strlen(w->o->args[i])};
    w->has_since = options_has(w->o, OPTION_SINCE);
    w->since = w->o->since;
    return EXIT_DONE;
}

int watch_run(const struct options *o, struct output *out)
{
    struct watching w = {.o = o, .out = out, .signals = -1};
    /* A watch ends with its connection, so it has one of its own also in a shell. */
    struct options own = *o;
    int exit_status = prepare(&w);

    own.lent = NULL;
    if (exit_status == EXIT_DONE)
        exit_status = session_open_attached(&own, out, &w.b);
    if (exit_status == EXIT_DONE) {
        interrupt_block();
        w.signals = interrupt_fd();
        exit_status = w.signals < 0 ? output_error(out, "other", "cannot wait for signals: %s",
                                                   strerror(errno))
                                    : run(&w);
        if (w.signals >= 0)
            close(w.signals);
        interrupt_unblock();
        bobbin_close(w.b);
    }
    free(w.keys);
    return exit_status;
}
