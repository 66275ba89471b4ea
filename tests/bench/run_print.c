#include <jansson.h>
#include <stdio.h>

#include "run.h"

static const double percents[] = {50, 90, 99, 99.9};
#define PERCENTS (sizeof percents / sizeof percents[0])

static const char *op_word(const struct options *o)
{
    return o->reads == 100 ? op_names[o->op] : "mixed";
}

void run_print(const struct options *o, const struct bed *b, const struct bed_result *r)
{
    printf("%s %s  c=%u P=%u  value=%zu keys=%llu apps=%u\n", target_names[o->target], op_word(o),
           o->connections, o->depth, o->value_len, (unsigned long long)o->keys, o->apps);
    printf("  throughput   %.0f/s (%llu in %.2f s)\n", r->throughput,
           (unsigned long long)r->hist.total, r->elapsed);
    printf("  latency µs  ");
    for (unsigned i = 0; i < PERCENTS; i++)
        printf(" p%g %.1f ", percents[i], (double)hist_percentile(&r->hist, percents[i]) / 1e3);
    printf(" max %.1f\n", (double)r->hist.max / 1e3);
    printf("  processors   ");
    if (r->server_cpu > 0)
        printf("server %.2f, ", r->server_cpu);
    printf("bench %.2f\n", r->client_cpu);
    if (r->memory.rss)
        printf("  memory       RSS %.1f MiB, PSS %.1f MiB\n", (double)r->memory.rss / 1048576,
               (double)r->memory.pss / 1048576);
    if (r->background > 0)
        printf("  background   %.0f sets/s\n", r->background);
    printf("  before       ");
    if (b->server.start_ns)
        printf("started in %.1f ms, ", (double)b->server.start_ns / 1e6);
    if (b->server.register_ns)
        printf("apps registered in %.1f ms, ", (double)b->server.register_ns / 1e6);
    printf("keys filled in %.2f s\n", b->fill_seconds);
}

static json_t *latency_json(const struct hist *h)
{
    json_t *j = json_object();
    char name[16];
    for (unsigned i = 0; i < PERCENTS; i++) {
        snprintf(name, sizeof name, "p%g", percents[i]);
        json_object_set_new(j, name, json_real((double)hist_percentile(h, percents[i]) / 1e3));
    }
    json_object_set_new(j, "max", json_real((double)h->max / 1e3));
    json_object_set_new(j, "mean",
                        json_real(h->total ? (double)h->sum / (double)h->total / 1e3 : 0));
    return j;
}

int run_print_json(const struct options *o, const struct bed *b, const struct bed_result *r,
                   struct error *e)
{
    json_t *j = json_pack(
        "{s:s, s:s, s:i, s:i, s:I, s:I, s:i, s:i, s:f, s:I, s:f, s:o, s:f, s:f, s:f, s:I, s:I, s:f,"
        " s:f, s:f}",
        "target", target_names[o->target], "op", op_word(o), "connections", (int)o->connections,
        "depth", (int)o->depth, "value_size", (json_int_t)o->value_len, "keys", (json_int_t)o->keys,
        "apps", (int)o->apps, "reads", (int)(o->op == OP_GET ? o->reads : 0), "seconds", r->elapsed,
        "requests", (json_int_t)r->hist.total, "throughput", r->throughput, "latency_us",
        latency_json(&r->hist), "background_sets", r->background, "server_processors",
        r->server_cpu, "bench_processors", r->client_cpu, "rss", (json_int_t)r->memory.rss, "pss",
        (json_int_t)r->memory.pss, "start_ms", (double)b->server.start_ns / 1e6, "register_ms",
        (double)b->server.register_ns / 1e6, "fill_seconds", b->fill_seconds);
    int failed = !j || json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(j);
    if (!failed)
        putchar('\n');
    return failed ? error_set(e, ERR_OTHER, "cannot write the result") : 0;
}
