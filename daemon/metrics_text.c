#include "daemon/metrics_text.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/metrics_list.h"
#include "daemon/usage.h"

enum metric_type { INFO, GAUGE, COUNTER, SIZES, TIMES, STATES };

struct metric {
    const char *name;
    const char *unit;
    const char *help;
    enum metric_type type;
};

/* One exposition in the making. */
struct text {
    struct buffer *out;
    const struct snapshot *snapshot;
    enum metrics_format format;
    struct metric metric;        /* that is being written */
    struct buffer labels;        /* of the apps: app="…",directory="…" … */
    struct buffer label_ends;    /* … and where each of them ends, size_t */
    struct buffer usages;        /* struct text_usage, of the components */
};

struct text_usage {
    bool known;
    struct usage usage;
};

static const char *const openmetrics_types[] = {
    [INFO] = "info",       [GAUGE] = "gauge",     [COUNTER] = "counter",
    [SIZES] = "histogram", [TIMES] = "histogram", [STATES] = "stateset",
};

static const char *const text_types[] = {
    [INFO] = "gauge",      [GAUGE] = "gauge",     [COUNTER] = "counter",
    [SIZES] = "histogram", [TIMES] = "histogram", [STATES] = "gauge",
};

/* The pieces of lines. */

static void put(struct text *t, const char *text)
{
    buffer_append(t->out, text, strlen(text));
}

static void put_bytes(struct text *t, const char *bytes, size_t len)
{
    buffer_append(t->out, bytes, len);
}

static void put_number(struct text *t, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    put_bytes(t, digits + at, sizeof digits - at);
}

/* Nanoseconds as seconds. */
static void put_seconds(struct text *t, uint64_t ns)
{
    char fraction[10] = ".";

    put_number(t, ns / 1000000000);
    ns %= 1000000000;
    for (unsigned i = 9; i; i--, ns /= 10)
        fraction[i] = (char)('0' + ns % 10);
    put_bytes(t, fraction, sizeof fraction);
}

/* In a label's value, and in what helps. */
static void append_escaped(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buffer_append(out, "\\", 1);
        if (*text == '\n')
            buffer_append(out, "\\n", 2);
        else
            buffer_append(out, text, 1);
    }
}

static void append_label(struct buffer *out, const char *name, const char *value)
{
    buffer_append(out, name, strlen(name));
    buffer_append(out, "=\"", 2);
    append_escaped(out, value);
    buffer_append(out, "\"", 1);
}

static const char *suffix(const struct text *t)
{
    return t->metric.type == COUNTER ? "_total" : t->metric.type == INFO ? "_info" : "";
}

static void put_head(struct text *t, const struct metric *m)
{
    bool open = t->format == METRICS_OPENMETRICS;

    t->metric = *m;
    put(t, "# HELP ");
    put(t, m->name);
    put(t, open ? "" : suffix(t));
    put(t, " ");
    /* The older format takes a quotation mark as it is. */
    if (open)
        append_escaped(t->out, m->help);
    else
        put(t, m->help);
    put(t, "\n# TYPE ");
    put(t, m->name);
    put(t, open ? "" : suffix(t));
    put(t, " ");
    put(t, open ? openmetrics_types[m->type] : text_types[m->type]);
    put(t, "\n");
    if (open && *m->unit) {
        put(t, "# UNIT ");
        put(t, m->name);
        put(t, " ");
        put(t, m->unit);
        put(t, "\n");
    }
}

static void sample(struct text *t, uint64_t value)
{
    put(t, t->metric.name);
    put(t, suffix(t));
    put(t, " ");
    put_number(t, value);
    put(t, "\n");
}

static void sample_seconds(struct text *t, uint64_t ns)
{
    put(t, t->metric.name);
    put(t, suffix(t));
    put(t, " ");
    put_seconds(t, ns);
    put(t, "\n");
}

static const struct snapshot_app *app_at(const struct text *t, size_t i)
{
    return (const struct snapshot_app *)(void *)t->snapshot->apps.data + i;
}

static size_t app_count(const struct text *t)
{
    return t->snapshot->apps.len / sizeof(struct snapshot_app);
}

static const char *text_at(const struct text *t, size_t at)
{
    return (const char *)t->snapshot->texts.data + at;
}

/* "NAME{app=…,directory=…", still open. */
static void begin_app(struct text *t, const char *more, size_t i)
{
    const size_t *ends = (const size_t *)(void *)t->label_ends.data;
    size_t begin = i ? ends[i - 1] : 0;

    put(t, t->metric.name);
    put(t, more);
    put(t, "{");
    put_bytes(t, (const char *)t->labels.data + begin, ends[i] - begin);
}

static void label(struct text *t, const char *name, const char *value)
{
    put(t, ",");
    append_label(t->out, name, value);
}

static void end_line(struct text *t, uint64_t value)
{
    put(t, "} ");
    put_number(t, value);
    put(t, "\n");
}

/* The writers, one a metric. */

static void write_build(struct text *t)
{
    put(t, "bobbin_build_info{version=\"" BOBBIN_VERSION "\"} 1\n");
}

static void write_uptime(struct text *t)
{
    sample_seconds(t, t->snapshot->uptime_ns);
}

static void write_memory(struct text *t)
{
    struct usage usage;

    if (usage_read(getpid(), &usage))
        sample(t, (uint64_t)usage.memory);
}

static void write_cpu(struct text *t)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    sample_seconds(t, (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec);
}

static void write_fds(struct text *t)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t count = 0;

    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    sample(t, count - 1); /* its own */
}

static void write_connections(struct text *t)
{
    sample(t, t->snapshot->connections);
}

static void write_accepted(struct text *t)
{
    sample(t, t->snapshot->accepted);
}

static void write_requests(struct text *t)
{
    sample(t, t->snapshot->requests);
}

static void write_errors(struct text *t)
{
    for (unsigned i = 1; i < TALLY_ERRORS; i++) {
        put(t, t->metric.name);
        put(t, "_total{");
        append_label(t->out, "code", error_name(-(int)i));
        end_line(t, t->snapshot->errors[i]);
    }
}

static void write_cache_bytes(struct text *t)
{
    sample(t, t->snapshot->cache_bytes);
}

static void write_cache_limit(struct text *t)
{
    sample(t, t->snapshot->cache_limit);
}

static void write_apps(struct text *t)
{
    sample(t, app_count(t));
}

static void write_loop(struct text *t)
{
    sample_seconds(t, t->snapshot->loop_ns);
}

/* Only methods that were called: most apps use few of them. */
static void write_calls(struct text *t, size_t app, const struct snapshot_store *store)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (!store->calls.of[i])
            continue;
        begin_app(t, "_total", app);
        label(t, "store", text_at(t, store->label));
        label(t, "operation", method_table[i].name);
        end_line(t, store->calls.of[i]);
    }
}

static void write_operations(struct text *t)
{
    const struct snapshot_store *stores = (const void *)t->snapshot->stores.data;
    size_t at = 0;

    for (size_t i = 0; i < app_count(t); i++)
        for (; at < app_at(t, i)->store_end; at++)
            write_calls(t, i, &stores[at]);
}

static void write_app_errors(struct text *t)
{
    for (size_t i = 0; i < app_count(t); i++) {
        for (unsigned k = 1; k < TALLY_ERRORS; k++) {
            if (!app_at(t, i)->errors[k])
                continue;
            begin_app(t, "_total", i);
            label(t, "code", error_name(-(int)k));
            end_line(t, app_at(t, i)->errors[k]);
        }
    }
}

/* One number an app. */
#define WRITE_APP(name, expression)                                                                \
    static void write_##name(struct text *t)                                                       \
    {                                                                                              \
        for (size_t i = 0; i < app_count(t); i++) {                                                \
            const struct snapshot_app *a = app_at(t, i);                                           \
            begin_app(t, suffix(t), i);                                                            \
            end_line(t, (uint64_t)(expression));                                                   \
        }                                                                                          \
    }

WRITE_APP(received, a->received)
WRITE_APP(sent, a->sent)
WRITE_APP(app_connections, a->connections)
WRITE_APP(watches, a->watches)
WRITE_APP(queued, a->queued)
WRITE_APP(hits, a->cache.hits)
WRITE_APP(misses, a->cache.misses)
WRITE_APP(expired, a->counts.expired)
WRITE_APP(store_bytes, a->store_bytes)
WRITE_APP(trouble, a->troubled)

static void write_bucket(struct text *t, size_t app, const char *bound, uint64_t count)
{
    begin_app(t, "_bucket", app);
    put(t, ",le=\"");
    put(t, bound);
    put(t, "\"");
    end_line(t, count);
}

static void write_hist(struct text *t, size_t app, const struct hist *h,
                       const struct hist_bounds *bounds)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < HIST_BOUNDS; i++) {
        count += h->counts[i];
        write_bucket(t, app, bounds->words[i], count);
    }
    count += h->counts[HIST_BOUNDS];
    write_bucket(t, app, "+Inf", count);
    begin_app(t, "_count", app);
    end_line(t, count);
    begin_app(t, "_sum", app);
    put(t, "} ");
    if (bounds == &hist_time)
        put_seconds(t, h->sum);
    else
        put_number(t, h->sum);
    put(t, "\n");
}

/* Only of apps that have a batch to tell of. */
static void write_hists(struct text *t, size_t offset, const struct hist_bounds *bounds)
{
    for (size_t i = 0; i < app_count(t); i++) {
        const struct batcher_counts *counts = &app_at(t, i)->counts;
        if (counts->batches)
            write_hist(t, i, (const void *)((const char *)counts + offset), bounds);
    }
}

static void write_sizes(struct text *t)
{
    write_hists(t, offsetof(struct batcher_counts, sizes), &hist_size);
}

static void write_commits(struct text *t)
{
    write_hists(t, offsetof(struct batcher_counts, commits), &hist_time);
}

static void write_syncs(struct text *t)
{
    write_hists(t, offsetof(struct batcher_counts, syncs), &hist_time);
}

/* Call for each component, with what its process uses. */
static void each_component(struct text *t,
                           void (*write)(struct text *t, size_t app,
                                         const struct snapshot_component *c,
                                         const struct text_usage *u))
{
    const struct snapshot_component *components = (const void *)t->snapshot->components.data;
    const struct text_usage *usages = (const void *)t->usages.data;
    size_t at = 0;

    for (size_t i = 0; i < app_count(t); i++)
        for (; at < app_at(t, i)->component_end; at++)
            write(t, i, &components[at], &usages[at]);
}

static void begin_component(struct text *t, size_t app, const struct snapshot_component *c)
{
    begin_app(t, suffix(t), app);
    label(t, "component", text_at(t, c->id));
    put(t, ",instance=\"");
    put_number(t, c->instance);
    put(t, "\"");
}

static void write_one_state(struct text *t, size_t app, const struct snapshot_component *c,
                            const struct text_usage *u)
{
    (void)u;
    for (unsigned i = 0; i < COMPONENT_STATE_COUNT; i++) {
        begin_component(t, app, c);
        label(t, "bobbin_component_state", component_state_word(i));
        end_line(t, i == c->state);
    }
}

static void write_one_restarts(struct text *t, size_t app, const struct snapshot_component *c,
                               const struct text_usage *u)
{
    (void)u;
    begin_component(t, app, c);
    end_line(t, c->restarts);
}

static void write_one_memory(struct text *t, size_t app, const struct snapshot_component *c,
                             const struct text_usage *u)
{
    if (!u->known)
        return;
    begin_component(t, app, c);
    end_line(t, (uint64_t)u->usage.memory);
}

static void write_one_cpu(struct text *t, size_t app, const struct snapshot_component *c,
                          const struct text_usage *u)
{
    if (!u->known)
        return;
    begin_component(t, app, c);
    put(t, "} ");
    put_seconds(t, (uint64_t)u->usage.cpu_ms * 1000000u);
    put(t, "\n");
}

static void write_state(struct text *t)
{
    each_component(t, write_one_state);
}

static void write_restarts(struct text *t)
{
    each_component(t, write_one_restarts);
}

static void write_component_memory(struct text *t)
{
    each_component(t, write_one_memory);
}

static void write_component_cpu(struct text *t)
{
    each_component(t, write_one_cpu);
}

static const struct {
    struct metric metric;
    void (*write)(struct text *t);
} metrics[] = {
#define X(id, name, type, unit, help) {{name, unit, help, type}, write_##id},
    METRICS_LIST(X)
#undef X
};

const char *metrics_content_type(enum metrics_format format)
{
    return format == METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

/* What many lines have in common. */
static void prepare(struct text *t)
{
    const struct snapshot_component *components = (const void *)t->snapshot->components.data;
    size_t count = t->snapshot->components.len / sizeof *components;

    for (size_t i = 0; i < app_count(t); i++) {
        append_label(&t->labels, "app", text_at(t, app_at(t, i)->name));
        buffer_append(&t->labels, ",", 1);
        append_label(&t->labels, "directory", text_at(t, app_at(t, i)->directory));
        buffer_append(&t->label_ends, &t->labels.len, sizeof t->labels.len);
    }
    for (size_t i = 0; i < count; i++) {
        struct text_usage usage = {0};
        usage.known = components[i].pid && usage_read(components[i].pid, &usage.usage);
        buffer_append(&t->usages, &usage, sizeof usage);
    }
}

void metrics_write(const struct snapshot *snapshot, enum metrics_format format, struct buffer *ret)
{
    struct text t = {.out = ret, .snapshot = snapshot, .format = format};

    buffer_init(&t.labels);
    buffer_init(&t.label_ends);
    buffer_init(&t.usages);
    prepare(&t);
    if (t.labels.failed || t.label_ends.failed || t.usages.failed)
        ret->failed = true;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics && !ret->failed; i++) {
        put_head(&t, &metrics[i].metric);
        metrics[i].write(&t);
    }
    if (format == METRICS_OPENMETRICS)
        put(&t, "# EOF\n");
    buffer_fini(&t.labels);
    buffer_fini(&t.label_ends);
    buffer_fini(&t.usages);
}
