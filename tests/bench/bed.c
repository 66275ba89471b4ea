#include "bed.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sqlite.h"

static double seconds(uint64_t ns)
{
    return (double)ns / (double)BENCH_NS;
}

static bool in_process(enum target target)
{
    return target == TARGET_SQLITE_SPIN || target == TARGET_SQLITE_WAL;
}

static struct load_group group_of(const struct bed *b, const struct options *o)
{
    return (struct load_group){
        .server = &b->server,
        .connections = o->connections,
        .apps = o->apps,
        .shape = {.depth = o->depth, .value_len = b->setup.value_len},
        .op = o->op,
        .reads = o->reads,
        .keys = b->setup.keys,
        .window = o->window,
        .rate = o->rate,
    };
}

static struct sqlite_load sqlite_of(const struct bed *b, const struct options *o)
{
    return (struct sqlite_load){
        .kind = b->setup.target,
        .path = b->file,
        .threads = o->connections,
        .op = o->op,
        .reads = o->reads,
        .keys = b->setup.keys,
        .value_len = b->setup.value_len,
        .warmup = o->warmup,
        .seconds = o->seconds,
        .seed = o->seed,
    };
}

static int bed_start(struct bed *b, const struct workspace *w, const char *label, struct error *e)
{
    const struct options *o = &b->setup;
    struct server_options so = {
        .target = o->target,
        .socket = o->socket,
        .bobbind = o->bobbind,
        .config = o->config,
        .apps = o->apps,
        .op = o->op,
        .shape = {.depth = o->depth, .value_len = o->value_len},
    };
    int rc;
    if (in_process(o->target)) {
        snprintf(b->file, sizeof b->file, "%s/%s.db", w->data, label);
        return 0;
    }
    rc = server_start(&b->server, &so, w, label, e);
    b->started = !rc;
    return rc;
}

/* A server is at rest when it has used no more than this of a processor in that time, which is longer than it takes Bobbin to
 * begin with what it does when nobody asks for anything. */
#define REST_CPU_NS 20000000u
#define REST_LOOK_NS 250000000
#define REST_NS_MAX 20000000000u

static int bed_fill(struct bed *b, struct error *e)
{
    const struct options *o = &b->setup;
    struct sqlite_load sqlite;
    struct load_group group;
    if (o->target == TARGET_ECHO || o->op == OP_INCREMENT)
        return 0;
    bench_say("filling %s: %llu keys", target_names[o->target],
              (unsigned long long)(o->keys * o->apps));
    if (in_process(o->target)) {
        sqlite = sqlite_of(b, o);
        return sqlite_fill(&sqlite, e);
    }
    group = group_of(b, o);
    return load_fill(&group, o->seed, e);
}

/* What the filling left to be written is not to be charged to who is measured next. */
static void settle(const struct workspace *w)
{
    int fd = open(w->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        syncfs(fd);
        close(fd);
    }
}

int bed_open(struct bed *b, const struct options *o, const struct workspace *w, const char *label,
             struct error *e)
{
    uint64_t began;
    int rc;
    *b = (struct bed){.setup = *o};
    bench_say("starting %s", target_names[o->target]);
    rc = bed_start(b, w, label, e);
    began = bench_now();
    if (!rc)
        rc = bed_fill(b, e);
    b->fill_seconds = seconds(bench_now() - began);
    settle(w);
    if (rc)
        bed_close(b);
    return rc;
}

void bed_close(struct bed *b)
{
    if (b->started)
        server_stop(&b->server);
    b->started = false;
}

void bed_rest(const struct bed *b)
{
    uint64_t until = bench_now() + REST_NS_MAX;
    uint64_t before;
    if (!b->started || in_process(b->setup.target))
        return;
    do {
        before = peer_cpu(b->server.peer.pid);
        nanosleep(&(struct timespec){.tv_nsec = REST_LOOK_NS}, NULL);
    } while (peer_cpu(b->server.peer.pid) > before + REST_CPU_NS && bench_now() < until);
}

static int run_in_process(struct bed *b, const struct options *o, struct bed_result *ret,
                          struct error *e)
{
    struct sqlite_load l = sqlite_of(b, o);
    int rc = sqlite_run(&l, e);
    if (rc)
        return rc;
    ret->hist = l.hist;
    ret->elapsed = l.elapsed;
    ret->throughput = (double)l.hist.total / l.elapsed;
    ret->client_cpu = seconds(l.client_cpu) / l.elapsed;
    return 0;
}

/* A child's pages that it shares with the daemon are counted with the daemon. */
static void add_child(pid_t pid, struct peer_memory *total)
{
    struct peer_memory memory;
    struct error e;
    if (peer_memory(pid, &memory, &e))
        return;
    total->rss += memory.private_bytes;
    total->pss += memory.pss;
    total->private_bytes += memory.private_bytes;
}

int bed_memory(const struct bed *b, struct peer_memory *ret, struct error *e)
{
    char path[64];
    FILE *children;
    int child, rc;
    pid_t pid = b->server.peer.pid;
    *ret = (struct peer_memory){0};
    if (!b->started || !pid)
        return 0;
    rc = peer_memory(pid, ret, e);
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    children = rc ? NULL : fopen(path, "re");
    while (children && fscanf(children, "%d", &child) == 1)
        add_child(child, ret);
    if (children)
        fclose(children);
    return rc;
}

/* The groups of a run: the measured one first, because its answers are looked at first. */
static unsigned make_groups(struct bed *b, const struct options *o, struct bed *background,
                            struct bed *witness, struct load_group *groups)
{
    struct options other = *o;
    unsigned n = 0;
    other.rate = 0;
    other.depth = other.apps = 1;
    other.reads = 100;
    groups[n++] = group_of(b, o);
    if (witness) {
        other.connections = 1;
        other.op = witness->setup.op;
        groups[n++] = group_of(witness, &other);
    }
    if (background && o->background) {
        other.connections = o->background;
        other.op = OP_SET;
        groups[n++] = group_of(background, &other);
    }
    return n;
}

int bed_run(struct bed *b, const struct options *o, struct bed *background, struct bed *witness,
            struct bed_result *ret, struct error *e)
{
    struct load_group groups[3];
    struct load_time time = {
        .warmup = o->warmup, .seconds = o->seconds, .seed = o->seed, .anywhere = o->anywhere};
    unsigned n;
    int rc;
    *ret = (struct bed_result){0};
    if (in_process(b->setup.target))
        return run_in_process(b, o, ret, e);
    n = make_groups(b, o, background, witness, groups);
    rc = load_run(groups, n, &time, e);
    if (!rc)
        rc = bed_memory(b, &ret->memory, e);
    if (rc)
        return rc;
    ret->hist = groups[0].hist;
    ret->elapsed = time.elapsed;
    ret->throughput = (double)groups[0].hist.total / time.elapsed;
    ret->witness_max = witness ? groups[1].hist.max : 0;
    ret->background = o->background ? (double)groups[n - 1].hist.total / time.elapsed : 0;
    ret->server_cpu = seconds(groups[0].server_cpu) / time.elapsed;
    ret->client_cpu = seconds(time.client_cpu) / time.elapsed;
    return 0;
}
