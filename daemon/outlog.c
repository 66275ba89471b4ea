#include "daemon/outlog.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/logfile.h"
#include "daemon/run_soon.h"

struct outlog {
    uv_pipe_t pipe;
    uv_timer_t timer;                  /* bounds the wait for the pipe's end */
    uv_work_t work;                    /* the write in flight */
    const struct directory *directory; /* borrowed, as are the names */
    const char *who;
    const char *name;
    char *gather; /* what arrives; OUTLOG_BUFFER bytes or NULL */
    size_t gathered;
    char *writing; /* the write in flight; NULL: none */
    size_t writing_len;
    size_t written;             /* its outcome … */
    struct error error;         /* … and error */
    struct outlog_settings settings;
    struct logfile_limits limits; /* of the write in flight */
    struct journal_stream *journal; /* where it goes, too; NULL: nowhere */
    uint64_t failing;             /* bytes lost since writing began to fail; 0: it does not */
    uint64_t overrun;             /* bytes lost since the disk began to be too slow; 0: it is not */
    uint64_t dropped;             /* bytes lost, in all */
    char *discard;                /* where they go; OUTLOG_BUFFER bytes or NULL */
    bool paused;                /* not reading because `gather` is full */
    bool held;                  /* not reading because of outlog_pause */
    bool ended;                 /* nothing will be read any more */
    bool active;                /* something was read since the timer was last looked at */
    unsigned rounds;            /* of the timer */
    unsigned handles;           /* not closed yet */
    void (*on_done)(void *arg, uint64_t dropped); /* set by outlog_finish */
    void *arg;
};

static void step(struct outlog *o);

static void on_closed(uv_handle_t *handle)
{
    struct outlog *o = handle->data;

    if (--o->handles > 0)
        return;
    o->on_done(o->arg, o->dropped);
    journal_stream_free(o->journal);
    free(o->discard);
    free(o->gather);
    free(o);
}

static void tell_outcome(struct outlog *o)
{
    size_t lost = o->writing_len - o->written;

    if (lost > 0 && o->failing == 0)
        log_warning("%s: output is dropped: %s", o->who, o->error.text);
    if (lost == 0 && o->failing > 0) {
        log_warning("%s: output is written again to %s, %llu bytes were dropped", o->who, o->name,
                    (unsigned long long)o->failing);
        o->failing = 0;
    }
    o->failing += lost;
    o->dropped += lost;
    if (o->overrun > 0)
        log_warning("%s: %llu bytes for %s came faster than they could be written, and were dropped",
                    o->who, (unsigned long long)o->overrun, o->name);
    o->overrun = 0;
}

/* On a pool thread. */
static void write_work(uv_work_t *work)
{
    struct outlog *o = work->data;
    run_soon(RUN_THEN);
    logfile_append(o->directory, o->name, &o->limits, o->writing, o->writing_len, &o->written,
                   &o->error);
    if (o->journal)
        journal_stream_write(o->journal, o->writing, o->writing_len, !o->settings.drop);
}

static void write_cb(uv_work_t *work, int status)
{
    struct outlog *o = work->data;

    (void)status; /* nobody cancels it */
    tell_outcome(o);
    free(o->writing);
    o->writing = NULL;
    step(o);
}

static void start_write(struct outlog *o)
{
    o->writing = o->gather;
    o->writing_len = o->gathered;
    o->gather = NULL;
    o->gathered = 0;
    o->limits = (struct logfile_limits){.size = o->settings.size, .keep = o->settings.keep};
    o->work.data = o;
    uv_queue_work(o->pipe.loop, &o->work, write_work, write_cb);
}

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct outlog *o = handle->data;

    (void)suggested;
    if (o->gathered == OUTLOG_BUFFER) {
        if (!o->discard)
            o->discard = malloc(OUTLOG_BUFFER);
        *buf = uv_buf_init(o->discard, o->discard ? OUTLOG_BUFFER : 0);
        return;
    }
    if (!o->gather)
        o->gather = malloc(OUTLOG_BUFFER);
    *buf = o->gather ? uv_buf_init(o->gather + o->gathered, OUTLOG_BUFFER - (unsigned)o->gathered)
                     : uv_buf_init(NULL, 0);
}

static void read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct outlog *o = stream->data;

    if (n > 0 && buf->base == o->discard) {
        o->overrun += (uint64_t)n;
        o->dropped += (uint64_t)n;
        o->active = true;
        return;
    }
    if (n < 0 && n != UV_ENOBUFS) {
        uv_read_stop(stream);
        o->ended = true;
    } else if (n == UV_ENOBUFS) {
        uv_read_stop(stream); /* memory is short: try again when a write has been done */
        o->paused = o->writing != NULL;
        o->ended = !o->paused;
    } else {
        o->gathered += (size_t)n;
        o->active = true;
        if (o->gathered == OUTLOG_BUFFER && !o->settings.drop) {
            uv_read_stop(stream);
            o->paused = true;
        }
    }
    if (o->gathered == 0) {
        free(o->gather); /* EAGAIN or the end: a silent process costs no buffer */
        o->gather = NULL;
    }
    step(o);
}

static void timer_cb(uv_timer_t *timer)
{
    struct outlog *o = timer->data;

    if ((o->active || o->paused) && ++o->rounds < OUTLOG_DRAIN_ROUNDS) {
        o->active = false;
        return;
    }
    uv_read_stop((uv_stream_t *)&o->pipe);
    o->ended = true;
    step(o);
}

/* Whatever can be done now. */
static void step(struct outlog *o)
{
    if (!o->writing && o->gathered > 0)
        start_write(o);
    if (o->paused && o->gathered < OUTLOG_BUFFER && !o->ended) {
        o->paused = false;
        if (!o->held)
            uv_read_start((uv_stream_t *)&o->pipe, alloc_cb, read_cb);
    }
    if (o->ended && o->on_done && !o->writing && !uv_is_closing((uv_handle_t *)&o->pipe)) {
        uv_close((uv_handle_t *)&o->pipe, on_closed);
        uv_close((uv_handle_t *)&o->timer, on_closed);
    }
}

int outlog_new(uv_loop_t *loop, const struct directory *directory, const char *who,
               const char *name, const struct outlog_settings *settings, int fd,
               struct outlog **ret, struct error *e)
{
    struct outlog *o = calloc(1, sizeof(*o));
    int r = o ? uv_pipe_init(loop, &o->pipe, 0) : UV_ENOMEM;

    if (r) {
        free(o);
        close(fd);
        return error_set(e, ERR_OTHER, "cannot read a process's output: %s", uv_strerror(r));
    }
    o->directory = directory;
    o->who = who;
    o->name = name;
    o->settings = *settings;
    o->handles = 2;
    uv_timer_init(loop, &o->timer);
    o->pipe.data = o->timer.data = o;
    r = uv_pipe_open(&o->pipe, fd);
    if (r)
        close(fd);
    else
        r = uv_read_start((uv_stream_t *)&o->pipe, alloc_cb, read_cb);
    if (r) {
        log_warning("%s: cannot read its output: %s", who, uv_strerror(r));
        o->ended = true; /* the process runs all the same, unheard */
    }
    *ret = o;
    return 0;
}

void outlog_set_journal(struct outlog *o, struct journal_stream *stream)
{
    o->journal = stream;
}

void outlog_set(struct outlog *o, const struct outlog_settings *settings)
{
    o->settings = *settings;
}

void outlog_pause(struct outlog *o)
{
    o->held = true;
    uv_read_stop((uv_stream_t *)&o->pipe);
}

void outlog_resume(struct outlog *o)
{
    o->held = false;
    if (!o->paused && !o->ended)
        uv_read_start((uv_stream_t *)&o->pipe, alloc_cb, read_cb);
}

bool outlog_is_quiet(const struct outlog *o)
{
    return !o->writing && o->gathered == 0;
}

void outlog_flush(struct outlog *o)
{
    if (o->journal)
        journal_stream_flush(o->journal);
}

int outlog_fd(const struct outlog *o)
{
    uv_os_fd_t fd;

    return uv_fileno((const uv_handle_t *)&o->pipe, &fd) ? -1 : fd;
}

uint64_t outlog_dropped(const struct outlog *o)
{
    return o->dropped;
}

void outlog_finish(struct outlog *o, void (*on_done)(void *arg, uint64_t dropped), void *arg)
{
    o->on_done = on_done;
    o->arg = arg;
    o->active = false;
    uv_timer_start(&o->timer, timer_cb, OUTLOG_DRAIN_MS, OUTLOG_DRAIN_MS);
    step(o);
}
