/* export: all entries as lines of JSON, a page at a time. The next page is asked for before this
 * one is written. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/entry_line.h"
#include "client/cli/interrupt.h"
#include "client/cli/place.h"
#include "client/cli/progress.h"
#include "client/cli/session.h"
#include "client/cli/words.h"

/* Enough to keep both sides busy, and little enough to stay small. */
#define PAGE_ENTRIES 2000u

struct exporter {
    const struct options *o;
    struct output *out;
    bobbin *b;
    int fd;             /* of FILE; -1: stdout */
    const char *path;   /* FILE; NULL: stdout */
    const char *store;  /* the one that is being exported */
    struct place place; /* the last entry that was written */
    struct place next;  /* the last entry of the page that came */
    struct buffer text; /* the lines of that page */
    size_t page_count;  /* and how many they are */
    bool more;          /* there is a page behind it */
    bool asked;         /* a page is on its way */
    bobbin_status status;
    uint64_t entries; /* written */
    struct progress progress;
    char error[400]; /* why it failed; "": it did not */
    const char *code;
};

static void fail(struct exporter *e, const char *code, const char *what, const char *reason)
{
    if (e->error[0])
        return;
    e->code = code;
    snprintf(e->error, sizeof(e->error), "%s%s%s", what, reason[0] ? ": " : "", reason);
}

static void format_page(struct exporter *e, const bobbin_entry_page *page)
{
    struct entry_line line = {.store = {e->store, strlen(e->store)}};
    int64_t now = words_now_ms();

    buffer_clear(&e->text);
    for (size_t i = 0; i < page->count; i++) {
        line.key = page->entries[i].key;
        line.value = page->entries[i].value;
        line.expires_ms = page->ttl_ms[i] < 0 ? 0 : now + page->ttl_ms[i];
        entry_line_write(&e->text, &line);
    }
    e->page_count = page->count;
    e->more = page->more;
    if (page->count > 0 && place_set(&e->next, &line.store, &page->entries[page->count - 1].key))
        fail(e, "no-memory", "cannot export: out of memory", "");
    if (e->text.failed)
        fail(e, "no-memory", "cannot export: out of memory", "");
}

static void on_page(void *arg, const bobbin_result *result)
{
    struct exporter *e = arg;
    char what[300];

    e->asked = false;
    e->status = result->status;
    if (result->status == BOBBIN_OK) {
        format_page(e, result->entries);
        return;
    }
    snprintf(what, sizeof(what), "cannot export store '%.200s'", e->store);
    fail(e, bobbin_status_name(result->status), what, result->error);
}

/* Ask for the page behind a place of this store; NULL: for the first one. */
static void ask(struct exporter *e, const struct place *after)
{
    bobbin_keys_options listing = {
        .prefix = e->o->prefix,
        .prefix_len = e->o->prefix ? strlen(e->o->prefix) : 0,
        .cursor = after ? (after->key.data ? (const char *)after->key.data : "") : NULL,
        .cursor_len = after ? after->key.len : 0,
        .limit = PAGE_ENTRIES,
        .ttl = true,
    };
    bobbin_request q = {.kind = BOBBIN_REQUEST_ENTRIES, .store = e->store, .listing = &listing};
    bobbin_status status = bobbin_submit(e->b, &q, 0, on_page, e, NULL);

    e->asked = status == BOBBIN_OK;
    if (status != BOBBIN_OK)
        fail(e, bobbin_status_name(status), "cannot export", bobbin_error(e->b));
    else
        bobbin_process(e->b, POLLOUT);
}

/* Until the page is there, or Ctrl-C. */
static void wait_for_page(struct exporter *e, int signals)
{
    while (e->asked && !e->error[0]) {
        struct pollfd fds[] = {{.fd = bobbin_fd(e->b), .events = bobbin_events(e->b)},
                               {.fd = signals, .events = POLLIN}};

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            fail(e, "other", "cannot wait", strerror(errno));
        if (fds[1].revents)
            fail(e, "interrupted", "interrupted", "");
        else
            bobbin_process(e->b, fds[0].revents);
    }
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static void write_page(struct exporter *e, const struct buffer *text, size_t count,
                       struct place *last)
{
    struct place old = e->place;
    char what[300];
    int err = 0;

    if (e->path) {
        err = write_all(e->fd, text->data, text->len);
    } else {
        output_bytes(e->out, text->data, text->len);
        output_flush(e->out);
        err = e->out->error;
    }
    if (err) {
        snprintf(what, sizeof(what), "cannot write '%.200s'", e->path ? e->path : "-");
        fail(e, "other", what, strerror(err));
        return;
    }
    e->entries += count;
    if (count > 0) {
        /* The place moves on; its memory serves the next page. */
        e->place = *last;
        *last = old;
    }
    progress_show(&e->progress, e->entries, e->entries);
}

static void export_store(struct exporter *e, const struct place *after, int signals)
{
    struct buffer text;
    size_t count;

    buffer_init(&text);
    ask(e, after);
    for (;;) {
        struct buffer spare = text;

        wait_for_page(e, signals);
        if (e->error[0])
            break;
        text = e->text;
        e->text = spare;
        count = e->page_count;
        if (e->more)
            ask(e, &e->next);
        write_page(e, &text, count, &e->next);
        if (e->error[0] || !e->asked)
            break;
    }
    buffer_fini(&text);
}

/* What there is to export, for the bar. */
static uint64_t count_all(struct exporter *e, const char *const *stores)
{
    uint64_t total = 0, entries;

    for (; *stores; stores++) {
        if (bobbin_count(e->b, *stores, &entries, NULL) == BOBBIN_OK)
            total += entries;
    }
    return total;
}

static bool is_store(const struct place *p, const char *store)
{
    return p->store.len == strlen(store) && memcmp(p->store.data, store, p->store.len) == 0;
}

/* The stores one after the other; those before that of --after are done already. */
static void export_stores(struct exporter *e, const char *const *stores, const struct place *after,
                          int signals)
{
    bool found = !after->set;

    progress_init(&e->progress, "export", 0);
    if (e->progress.on && !e->o->prefix && found)
        e->progress.total = count_all(e, stores);
    for (; *stores && !e->error[0]; stores++) {
        bool here = !found && is_store(after, *stores);

        found = found || here;
        e->store = *stores;
        if (found)
            export_store(e, here ? after : NULL, signals);
    }
    if (!found)
        fail(e, "no-such-store", "the store of --after is none of those that are exported", "");
    progress_wipe(&e->progress);
}

/* A file that is gone on with must end with a whole line. */
static int check_end(int fd)
{
    struct stat st;
    char last;

    if (fstat(fd, &st))
        return errno;
    if (S_ISREG(st.st_mode) && st.st_size > 0 &&
        (pread(fd, &last, 1, st.st_size - 1) != 1 || last != '\n'))
        return EINVAL;
    return 0;
}

static int open_file(struct exporter *e, bool go_on)
{
    int flags = go_on ? O_RDWR | O_APPEND : O_WRONLY | O_CREAT | O_EXCL, err = 0;

    if (!e->path)
        return EXIT_DONE;
    e->fd = open(e->path, flags | O_CLOEXEC, 0666);
    if (e->fd < 0)
        err = errno;
    else if (go_on)
        err = check_end(e->fd);
    if (!err)
        return EXIT_DONE;
    if (err == EEXIST)
        return output_error(e->out, "other", "cannot write '%s': it is there already", e->path);
    if (err == EINVAL)
        return output_error(e->out, "other", "cannot go on with '%s': it ends within a line",
                            e->path);
    return output_error(e->out, "other", "cannot write '%s': %s", e->path, strerror(err));
}

static int finish(struct exporter *e)
{
    char what[300];

    if (e->path && !e->error[0] && fsync(e->fd) && errno != EINVAL && errno != EROFS) {
        snprintf(what, sizeof(what), "cannot write '%.200s'", e->path);
        fail(e, "other", what, strerror(errno));
    }
    if (e->error[0] && e->out->error)
        return EXIT_TROUBLE; /* output_finish tells */
    if (e->error[0])
        return place_error(&e->place, e->out, e->code, e->error, "exported", e->entries);
    if (e->path && e->out->json)
        output_json(e->out, json_pack("{s:I}", "entries", (json_int_t)e->entries));
    else if (e->path)
        output_print(e->out, "exported %llu entries\n", (unsigned long long)e->entries);
    return EXIT_DONE;
}

static int run(struct exporter *e, const struct place *after)
{
    const char *one[] = {e->o->store, NULL};
    const char *const *stores = options_has(e->o, OPTION_STORE) ? one : bobbin_stores(e->b);
    int signals;

    interrupt_block();
    signals = interrupt_fd();
    if (signals < 0)
        fail(e, "other", "cannot wait for signals", strerror(errno));
    else
        export_stores(e, stores, after, signals);
    if (signals >= 0)
        close(signals);
    interrupt_unblock();
    return finish(e);
}

int export_run(const struct options *o, struct output *out)
{
    struct exporter e = {.o = o, .out = out, .fd = -1};
    struct options own = *o;
    struct place after;
    int exit_status;

    if (o->arg_count > 0 && strcmp(o->args[0], "-") != 0)
        e.path = o->args[0];
    place_init(&after);
    place_init(&e.place);
    place_init(&e.next);
    buffer_init(&e.text);
    exit_status = place_from_options(&after, o, out);
    /* A connection of its own: what is under way when it is interrupted goes with it. */
    own.lent = NULL;
    if (exit_status == EXIT_DONE)
        exit_status = session_open_attached(&own, out, &e.b);
    if (exit_status == EXIT_DONE)
        exit_status = open_file(&e, after.set);
    if (exit_status == EXIT_DONE)
        exit_status = run(&e, &after);
    /* Its callback must not find what is gone. */
    bobbin_close(e.b);
    if (e.fd >= 0)
        close(e.fd);
    buffer_fini(&e.text);
    place_fini(&after);
    place_fini(&e.place);
    place_fini(&e.next);
    return exit_status;
}
