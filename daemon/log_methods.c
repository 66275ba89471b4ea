/* app.logs: lines of an app's log files, of all its processes together, for whoever may use the app. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/admin.h"
#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/logread.h"
#include "daemon/options_map.h"
#include "daemon/run_soon.h"
#include "daemon/server.h"

/* Fields of a cursor's entry: the log's name, which file, the offset. */
#define LOGS_CURSOR_FIELDS 3

/* One stream of one instance of a component. */
struct logs_stream {
    char *component;
    unsigned instance;
    const char *stream; /* a literal */
    struct logread read;
};

struct logs_reading {
    uv_work_t work;
    struct request *request;
    struct app *app;            /* pinned */
    struct directory directory; /* its, a copy for the thread */
    uint32_t lines;
    size_t count;
    struct error error;
    int status;
    struct logs_stream streams[];
};

static void logs_free(struct logs_reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        free(reading->streams[i].component);
        logread_fini(&reading->streams[i].read);
    }
    directory_fini(&reading->directory);
    app_unpin(reading->app);
    free(reading);
}

static void logs_name(char *name, size_t size, const struct logs_stream *stream)
{
    if (stream->instance > 1)
        snprintf(name, size, "%s@%u_%s.txt", stream->component, stream->instance, stream->stream);
    else
        snprintf(name, size, "%s_%s.txt", stream->component, stream->stream);
}

/* On a pool thread. */
static void logs_work_cb(uv_work_t *work)
{
    struct logs_reading *reading = work->data;
    run_soon(RUN_THEN);
    int logs = logfile_open_directory(&reading->directory, &reading->error);
    if (logs < 0) {
        reading->status = logs;
        return;
    }
    for (size_t i = 0; i < reading->count && !reading->status; i++) {
        char name[NAME_MAX + 1];
        logs_name(name, sizeof name, &reading->streams[i]);
        reading->status = logread(&reading->streams[i].read, &reading->directory, logs, name,
                                  &reading->error);
    }
    close(logs);
}

/* A line of the answer, where it came from, and its place among those of the same time. */
struct logs_line {
    int64_t time_ms;
    size_t stream;
    size_t order;
    const uint8_t *text;
    uint32_t len;
};

static int logs_compare(const void *a, const void *b)
{
    const struct logs_line *x = a, *y = b;
    if (x->stream == y->stream || x->time_ms == y->time_ms)
        return x->order < y->order ? -1 : x->order > y->order;
    return x->time_ms < y->time_ms ? -1 : 1;
}

/* All lines by their times; each stream's stay in their order. NULL: no memory. */
static struct logs_line *logs_merge(const struct logs_reading *reading, size_t *ret_count)
{
    struct logs_line *lines;
    size_t count = 0, n = 0;
    for (size_t i = 0; i < reading->count; i++)
        count += reading->streams[i].read.found.len / sizeof(struct logread_line);
    lines = calloc(count + 1, sizeof *lines);
    for (size_t i = 0; lines && i < reading->count; i++) {
        const struct logread *read = &reading->streams[i].read;
        const struct logread_line *found = (const void *)read->found.data;
        const uint8_t *text = read->text.data;
        int64_t latest = 0;
        for (size_t k = 0; k < read->found.len / sizeof *found; k++, n++) {
            /* The clock may have been set back: not so the lines. */
            latest = found[k].time_ms > latest ? found[k].time_ms : latest;
            lines[n] = (struct logs_line){latest, i, n, text, found[k].len};
            text += found[k].len;
        }
    }
    if (lines)
        qsort(lines, n, sizeof *lines, logs_compare);
    *ret_count = n;
    return lines;
}

static void logs_pack_line(const struct logs_reading *reading, const struct logs_line *line,
                           msgpack_packer *pk)
{
    const struct logs_stream *stream = &reading->streams[line->stream];
    msgpack_pack_array(pk, 5);
    msgpack_pack_int64(pk, line->time_ms);
    pack_cstr(pk, stream->component);
    msgpack_pack_unsigned_int(pk, stream->instance);
    pack_cstr(pk, stream->stream);
    msgpack_pack_bin(pk, line->len);
    msgpack_pack_bin_body(pk, line->text, line->len);
}

static void logs_pack_cursor(const struct logs_reading *reading, msgpack_packer *pk)
{
    struct buffer cursor;
    msgpack_packer inner;
    buffer_init(&cursor);
    pack_init(&inner, &cursor);
    msgpack_pack_array(&inner, reading->count);
    for (size_t i = 0; i < reading->count; i++) {
        const struct logs_stream *stream = &reading->streams[i];
        char name[NAME_MAX + 1];
        logs_name(name, sizeof name, stream);
        msgpack_pack_array(&inner, LOGS_CURSOR_FIELDS);
        pack_cstr(&inner, name);
        msgpack_pack_uint64(&inner, stream->read.position.file);
        msgpack_pack_uint64(&inner, stream->read.position.offset);
    }
    msgpack_pack_bin(pk, cursor.len);
    msgpack_pack_bin_body(pk, cursor.data, cursor.len);
    buffer_fini(&cursor);
}

static void logs_reply(struct logs_reading *reading)
{
    struct request *r = reading->request;
    struct buffer result;
    msgpack_packer pk;
    size_t count;
    struct logs_line *lines = logs_merge(reading, &count);
    if (!lines) {
        request_fail(r, ERR_OTHER, "out of memory");
        return;
    }
    /* Each stream gave as many as were asked for in all. The cursor is behind all of them. */
    size_t skip = reading->lines && count > reading->lines ? count - reading->lines : 0;
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_array(&pk, 2);
    msgpack_pack_array(&pk, count - skip);
    for (size_t i = skip; i < count; i++)
        logs_pack_line(reading, &lines[i], &pk);
    logs_pack_cursor(reading, &pk);
    free(lines);
    request_reply_packed(r, &result);
    buffer_fini(&result);
}

static void logs_after_work_cb(uv_work_t *work, int status)
{
    struct logs_reading *reading = work->data;
    (void)status; /* never cancelled */
    if (reading->status)
        request_fail(reading->request, reading->status, reading->error.text);
    else
        logs_reply(reading);
    logs_free(reading);
}

struct logs_query {
    struct slice component;
    struct slice cursor;
    int64_t lines;
    int64_t since_ms;
    bool partial;
};

/* Where the cursor says that the stream was read to; a stream that it does not know begins anew. */
static int logs_read_cursor(struct slice bytes, struct logs_stream *stream)
{
    struct reader cursor = reader_of(bytes.data, bytes.len);
    char name[NAME_MAX + 1];
    uint32_t count, fields;
    logs_name(name, sizeof name, stream);
    if (reader_array(&cursor, &count))
        return ERR_INVALID_REQUEST;
    while (count--) {
        struct slice at;
        uint64_t file, offset;
        if (reader_array(&cursor, &fields) || fields != LOGS_CURSOR_FIELDS ||
            reader_str(&cursor, &at) || reader_uint(&cursor, &file) ||
            reader_uint(&cursor, &offset) || offset > INT64_MAX)
            return ERR_INVALID_REQUEST;
        if (slice_equals(at, name))
            stream->read.position = (struct logread_position){file, offset};
    }
    return 0;
}

static int logs_add(struct logs_reading *reading, const struct component *component,
                    const char *stream, const struct logs_query *query, struct error *e)
{
    struct logs_stream *s = &reading->streams[reading->count];
    s->component = strdup(component_spec(component)->id);
    if (!s->component)
        return error_set(e, ERR_OTHER, "out of memory");
    s->instance = component_instance(component);
    s->stream = stream;
    s->read.since_ms = query->since_ms;
    s->read.lines = (uint32_t)query->lines;
    s->read.bytes = LIMIT_LOG_READ;
    s->read.partial = query->partial;
    s->read.goes_on = query->cursor.data != NULL;
    reading->count++;
    if (query->cursor.data && logs_read_cursor(query->cursor, s))
        return error_set(e, ERR_INVALID_REQUEST, "app.logs: the cursor is not one of app.logs");
    return 0;
}

static int logs_start(struct request *r, struct app *app, const struct logs_query *query,
                      struct error *e)
{
    struct logs_reading *reading =
        calloc(1, sizeof *reading + 2 * app->slot_count * sizeof reading->streams[0]);
    int rc = reading ? directory_copy(&reading->directory, &app->directory, e)
                     : error_set(e, ERR_OTHER, "out of memory");
    if (rc) {
        free(reading);
        return rc;
    }
    app_pin(app);
    reading->app = app;
    reading->request = r;
    reading->work.data = reading;
    /* What follows a cursor or a time is told from its begin. */
    reading->lines = query->cursor.data || query->since_ms ? 0 : (uint32_t)query->lines;
    for (size_t i = 0; i < app->slot_count && !rc; i++) {
        const struct component *c = app->slots[i].component;
        if (query->component.data && !slice_equals(query->component, component_spec(c)->id))
            continue;
        rc = logs_add(reading, c, "stdout", query, e);
        if (!rc)
            rc = logs_add(reading, c, "stderr", query, e);
    }
    if (rc) {
        logs_free(reading);
        return rc;
    }
    uv_queue_work(&app->server->loop, &reading->work, logs_work_cb, logs_after_work_cb);
    return 0;
}

int logs_get(struct request *r, struct error *e)
{
    struct logs_query query = {.lines = LIMIT_LOG_LINES_DEFAULT};
    const struct option_field fields[] = {
        {"component", OPTION_BYTES, &query.component, 0, 0},
        {"lines", OPTION_INT, &query.lines, 1, LIMIT_LOG_LINES},
        {"since", OPTION_INT, &query.since_ms, 0, INT64_MAX},
        {"cursor", OPTION_BYTES, &query.cursor, 0, 0},
        {"partial", OPTION_BOOL, &query.partial, 0, 0},
    };
    struct app *app;
    int rc = admin_find(r, &app, e);
    if (!rc && r->param_count > 1)
        rc = options_map_read(&r->params, "app.logs", fields, sizeof fields / sizeof *fields, e);
    if (!rc && query.component.data && !app_slot_find(app, query.component))
        rc = error_set(e, ERR_INVALID_REQUEST, "app '%s' has no component '%.*s'", app_name(app),
                       (int)(query.component.len > 200 ? 200 : query.component.len),
                       query.component.data);
    return rc ? rc : logs_start(r, app, &query, e);
}
