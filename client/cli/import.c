/* import: sets the entries of an export. Lines are read and checked while batches of the ones
 * before are on their way, a few at a time, so that neither side waits and neither side grows. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/entry_line.h"
#include "client/cli/import_batch.h"
#include "client/cli/interrupt.h"
#include "client/cli/lines.h"
#include "client/cli/place.h"
#include "client/cli/progress.h"
#include "client/cli/session.h"

/* Batches that are filled or on their way. */
#define BATCHES 4u

struct importer {
    const struct options *o;
    struct output *out;
    bobbin *b;
    const char *name; /* of the file, for errors */
    int fd;
    int signals;
    struct lines lines;
    struct batch batches[BATCHES]; /* a ring … */
    size_t first;                  /* … the oldest that is not settled … */
    size_t filling;                /* … and the one that takes lines; both only grow */
    enum conflict conflict;
    struct place after; /* lines up to this entry are passed over; unset: none are */
    struct place place; /* the last entry that is settled */
    uint64_t settled;   /* the line of that entry */
    uint64_t entries, skipped, expired;
    struct progress progress;
    char error[700]; /* why it stops; "": it does not */
    const char *code;
};

__attribute__((format(printf, 3, 4))) static void fail(struct importer *m, const char *code,
                                                       const char *format, ...)
{
    va_list ap;

    if (m->error[0])
        return;
    m->code = code;
    va_start(ap, format);
    vsnprintf(m->error, sizeof(m->error), format, ap);
    va_end(ap);
}

/* What has been read is set also when a later line is wrong, or when it is interrupted. */
static bool keeps_batches(const struct importer *m)
{
    return !m->error[0] || strcmp(m->code, "interrupted") == 0 ||
           strcmp(m->code, "invalid-line") == 0;
}

static struct batch *oldest(struct importer *m)
{
    return &m->batches[m->first % BATCHES];
}

static struct batch *current(struct importer *m)
{
    return &m->batches[m->filling % BATCHES];
}

static void count_batch(struct importer *m, const struct batch *batch)
{
    bobbin_string store = {batch->store, strlen(batch->store)};

    m->entries += batch->count;
    m->skipped += batch->skipped;
    m->expired += batch->expired;
    m->settled = batch->last_number;
    if (place_set(&m->place, &store, &batch->last_key))
        fail(m, "no-memory", "cannot go on: out of memory");
}

/* Settle what has been answered, in the order of the file: behind the first failure nothing counts.
 */
static void settle(struct importer *m)
{
    for (; m->first < m->filling && oldest(m)->state == BATCH_DONE; m->first++) {
        struct batch *batch = oldest(m);

        if (batch->status != BOBBIN_OK && batch->count > 0)
            fail(m, bobbin_status_name(batch->status), "%s: cannot set lines %llu to %llu: %s",
                 m->name, (unsigned long long)batch->numbers[0],
                 (unsigned long long)batch->last_number, batch->error);
        else if (keeps_batches(m))
            count_batch(m, batch);
        batch_clear(batch);
    }
}

/* Wait for the connection, and for what else is given; false when it is time to stop. */
static bool wait_for(struct importer *m, int fd, bool *ret_readable)
{
    struct pollfd fds[] = {{.fd = m->signals, .events = POLLIN},
                           {.fd = bobbin_fd(m->b), .events = bobbin_events(m->b)},
                           {.fd = fd, .events = POLLIN}};

    if (poll(fds, 3, -1) < 0 && errno != EINTR)
        fail(m, "other", "cannot wait: %s", strerror(errno));
    if (fds[0].revents)
        fail(m, "interrupted", "interrupted");
    if (fds[1].revents && bobbin_process(m->b, fds[1].revents) != BOBBIN_OK)
        fail(m, "disconnected", "%s", bobbin_error(m->b));
    settle(m);
    if (ret_readable)
        *ret_readable = fds[2].revents != 0;
    return !m->error[0];
}

/* Before the file is read; a pipe may take its time. */
static bool before_read(void *arg)
{
    struct importer *m = arg;
    bool readable = false;

    while (!readable) {
        if (!wait_for(m, m->fd, &readable))
            return false;
    }
    return true;
}

static bool dry(const struct importer *m)
{
    return options_has(m->o, OPTION_DRY_RUN);
}

/* The batch that takes lines goes off, and the next one in the ring takes them. */
static void send_current(struct importer *m)
{
    struct batch *batch = current(m);

    if (!batch->store)
        return;
    if (dry(m))
        batch->state = BATCH_DONE;
    else if (m->conflict == CONFLICT_OVERWRITE)
        batch_send(batch, m->b);
    else
        batch_run(batch, m->b);
    m->filling++;
    if (!dry(m))
        bobbin_process(m->b, POLLOUT);
    settle(m);
    while (m->filling - m->first == BATCHES && wait_for(m, -1, NULL))
        ;
    progress_show(&m->progress, m->lines.read, m->entries);
}

/* Until the entry of --after, which is the last one. */
static bool is_passed_over(struct importer *m, const struct entry_line *line)
{
    if (!m->after.set)
        return false;
    if (place_is(&m->after, &line->store, &line->key))
        m->after.set = false;
    arena_reset(&current(m)->arena);
    return true;
}

/* Into the arena of the batch that takes lines. False after a failure. */
static bool parse_line(struct importer *m, const char *text, size_t len, struct entry_line *ret)
{
    char reason[200];
    const char *wrong =
        entry_line_parse(text, len, &current(m)->arena, ret, reason, sizeof(reason));

    if (wrong)
        fail(m, "invalid-line", "%s:%llu: %s%s", m->name, (unsigned long long)m->lines.number,
             wrong, m->lines.ended ? "" : "; the file ends within the line");
    if (options_has(m->o, OPTION_STORE) || !ret->store.data)
        ret->store = (bobbin_string){m->o->store, strlen(m->o->store)};
    return !wrong;
}

static void take_line(struct importer *m, const char *text, size_t len)
{
    struct entry_line line;

    if (!parse_line(m, text, len, &line) || is_passed_over(m, &line))
        return;
    if (!batch_takes(current(m), &line)) {
        send_current(m);
        if (m->error[0] || !parse_line(m, text, len, &line))
            return;
    }
    if (batch_add(current(m), &line, m->lines.number))
        fail(m, "no-memory", "cannot import: out of memory");
}

static void read_lines(struct importer *m)
{
    enum lines_state state = LINES_MORE;
    const char *text;
    size_t len;

    while (!m->error[0]) {
        state = lines_next(&m->lines, &text, &len);
        if (state != LINES_MORE)
            break;
        take_line(m, text, len);
    }
    if (state == LINES_TOO_LONG)
        fail(m, "invalid-line", "%s:%llu: the line has more than %u bytes", m->name,
             (unsigned long long)m->lines.number, ENTRY_LINE_MAX);
    if (state == LINES_ERROR)
        fail(m, "other", "cannot read %s: %s", m->name, strerror(m->lines.error));
    if (state == LINES_END && m->after.set && !m->error[0])
        fail(m, "other", "%s: the entry of --after is not in it", m->name);
}

static void finish_batches(struct importer *m)
{
    bool may =
        !m->error[0] || strcmp(m->code, "interrupted") == 0 || strcmp(m->code, "invalid-line") == 0;

    if (may)
        send_current(m);
    while (m->first < m->filling) {
        struct pollfd fd = {.fd = bobbin_fd(m->b), .events = bobbin_events(m->b)};

        if (poll(&fd, 1, bobbin_timeout(m->b)) >= 0)
            bobbin_process(m->b, fd.revents);
        settle(m);
    }
}

static int report(struct importer *m)
{
    if (m->error[0])
        return place_error(&m->place, m->out, m->code, m->error, dry(m) ? "checked" : "imported",
                           m->entries);
    if (m->out->json)
        output_json(m->out,
                    json_pack("{s:I, s:I, s:I}", "entries", (json_int_t)m->entries, "skipped",
                              (json_int_t)m->skipped, "expired", (json_int_t)m->expired));
    else
        output_print(m->out, "%s %llu entries", dry(m) ? "checked" : "imported",
                     (unsigned long long)m->entries);
    if (!m->out->json && m->skipped)
        output_print(m->out, ", left out %llu whose keys were there",
                     (unsigned long long)m->skipped);
    if (!m->out->json && m->expired)
        output_print(m->out, ", left out %llu that have expired", (unsigned long long)m->expired);
    if (!m->out->json)
        output_print(m->out, "\n");
    return EXIT_DONE;
}

static int run(struct importer *m)
{
    struct stat st;

    interrupt_block();
    m->signals = interrupt_fd();
    if (m->signals < 0)
        fail(m, "other", "cannot wait for signals: %s", strerror(errno));
    progress_init(&m->progress, dry(m) ? "check" : "import",
                  fstat(m->fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
    if (!m->error[0])
        read_lines(m);
    finish_batches(m);
    progress_wipe(&m->progress);
    if (m->signals >= 0)
        close(m->signals);
    interrupt_unblock();
    return report(m);
}

static int take_conflict(struct importer *m)
{
    static const char *const names[] = {
        [CONFLICT_OVERWRITE] = "overwrite", [CONFLICT_SKIP] = "skip", [CONFLICT_FAIL] = "fail"};
    const char *word = m->o->on_conflict;

    for (size_t i = 0; word && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], word) != 0)
            continue;
        m->conflict = (enum conflict)i;
        return EXIT_DONE;
    }
    if (word)
        return output_error(m->out, "usage",
                            "--on-conflict wants overwrite, skip or fail, not '%s'", word);
    return EXIT_DONE;
}

static int open_input(struct importer *m)
{
    if (m->o->arg_count == 0 || options_is_stdin(m->o, 0)) {
        m->name = "standard input";
        m->fd = STDIN_FILENO;
        if (m->o->in_shell)
            return output_error(m->out, "usage", "standard input holds the commands; name a file");
        return EXIT_DONE;
    }
    m->name = m->o->args[0];
    m->fd = open(m->name, O_RDONLY | O_CLOEXEC);
    if (m->fd < 0)
        return output_error(m->out, "other", "cannot read '%s': %s", m->name, strerror(errno));
    return EXIT_DONE;
}

static int init(struct importer *m)
{
    int exit_status = take_conflict(m);

    if (exit_status == EXIT_DONE)
        exit_status = place_from_options(&m->after, m->o, m->out);
    if (exit_status == EXIT_DONE)
        exit_status = open_input(m);
    lines_init(&m->lines, m->fd, ENTRY_LINE_MAX);
    m->lines.before_read = before_read;
    m->lines.arg = m;
    for (size_t i = 0; i < BATCHES; i++) {
        if (batch_init(&m->batches[i], m->conflict) && exit_status == EXIT_DONE)
            exit_status = output_error(m->out, "no-memory", "cannot import: out of memory");
    }
    return exit_status;
}

int import_run(const struct options *o, struct output *out)
{
    struct importer *m = calloc(1, sizeof(*m));
    struct options own = *o;
    int exit_status;

    if (!m)
        return output_error(out, "no-memory", "cannot import: out of memory");
    *m = (struct importer){.o = o, .out = out, .fd = -1, .signals = -1};
    place_init(&m->after);
    place_init(&m->place);
    exit_status = init(m);
    own.lent = NULL;
    if (exit_status == EXIT_DONE)
        exit_status = session_open_attached(&own, out, &m->b);
    if (exit_status == EXIT_DONE)
        exit_status = run(m);
    /* Its callbacks must not find what is gone. */
    bobbin_close(m->b);
    for (size_t i = 0; i < BATCHES; i++)
        batch_fini(&m->batches[i]);
    lines_fini(&m->lines);
    if (m->fd > STDIN_FILENO)
        close(m->fd);
    place_fini(&m->after);
    place_fini(&m->place);
    free(m);
    return exit_status;
}
