#include "run.h"

static struct load_group group_of(const struct options *o, const struct server *s)
{
    return (struct load_group){
        .server = s,
        .connections = o->connections,
        .apps = o->apps,
        .shape = {.depth = o->depth, .value_len = o->value_len},
        .op = o->op,
        .reads = o->reads,
        .keys = o->keys,
        .window = o->window,
        .rate = o->rate,
    };
}

static int start_target(const struct options *o, const struct workspace *w, struct server *ret,
                        struct error *e)
{
    struct server_options so = {
        .target = o->target,
        .socket = o->socket,
        .bobbind = o->bobbind,
        .config = o->config,
        .apps = o->apps,
        .op = o->op,
        .shape = {.depth = o->depth, .value_len = o->value_len},
    };
    return server_start(ret, &so, w, "target", e);
}

/* The daemon that is written to in the background: the target itself, or one beside the echo. */
static int start_background(const struct options *o, const struct workspace *w,
                            struct server *target, struct server *own, struct load_group *ret,
                            struct error *e)
{
    struct server_options so = {
        .target = TARGET_BOBBIN, .bobbind = o->bobbind, .config = o->config, .apps = 1};
    int rc = 0;
    if (o->target == TARGET_ECHO)
        rc = server_start(own, &so, w, "background", e);
    *ret = (struct load_group){
        .server = o->target == TARGET_ECHO ? own : target,
        .connections = o->background,
        .apps = 1,
        .shape = {.depth = 1, .value_len = o->value_len},
        .op = OP_SET,
        .reads = 100,
        .keys = o->keys,
    };
    if (!rc && o->target == TARGET_ECHO)
        rc = load_fill(ret, o->seed, e);
    return rc;
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)BENCH_NS;
}

static int measure(const struct options *o, const struct workspace *w, struct server *s,
                   struct run_result *ret, struct error *e)
{
    struct load_group groups[2] = {group_of(o, s)};
    struct load_time time = {.warmup = o->warmup, .seconds = o->seconds, .seed = o->seed};
    struct server own = {0};
    uint64_t began = bench_now();
    unsigned n = o->background ? 2 : 1;
    int rc = 0;
    if (o->target != TARGET_ECHO && o->op != OP_INCREMENT) {
        bench_say("filling in %llu keys", (unsigned long long)(o->keys * o->apps));
        rc = load_fill(&groups[0], o->seed, e);
    }
    ret->fill_seconds = seconds(bench_now() - began);
    if (!rc && o->background)
        rc = start_background(o, w, s, &own, &groups[1], e);
    if (!rc) {
        bench_say("measuring for %g seconds", o->seconds);
        rc = load_run(groups, n, &time, e);
    }
    if (!rc && s->peer.pid)
        rc = peer_memory(s->peer.pid, &ret->memory, e);
    server_stop(&own);
    if (rc)
        return rc;
    ret->hist = groups[0].hist;
    ret->elapsed = time.elapsed;
    ret->throughput = (double)groups[0].hist.total / time.elapsed;
    ret->background = o->background ? (double)groups[1].hist.total / time.elapsed : 0;
    ret->server_cpu = seconds(groups[0].server_cpu) / time.elapsed;
    ret->client_cpu = seconds(time.client_cpu) / time.elapsed;
    return 0;
}

int run_once(const struct options *o, struct run_result *ret, struct error *e)
{
    struct workspace w;
    struct server s;
    int rc = workspace_init(&w, o->dir, e);
    *ret = (struct run_result){0};
    if (rc)
        return rc;
    bench_say("starting %s", target_names[o->target]);
    rc = start_target(o, &w, &s, e);
    if (!rc) {
        ret->start_ms = seconds(s.start_ns) * 1e3;
        ret->register_ms = seconds(s.register_ns) * 1e3;
        rc = measure(o, &w, &s, ret, e);
        server_stop(&s);
    }
    workspace_fini(&w);
    return rc;
}
