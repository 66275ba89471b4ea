#include "growth.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bed.h"
#include "machine.h"
#include "talk.h"

#define MIB 1048576.0
#define APP_KEYS 1000u
#define REGISTERED 1000u
#define REGISTERED_QUICK 200u

struct growth {
    const struct options *options;
    struct workspace workspace;
    unsigned beds; /* so far: each has a directory of its own */
};

/* What is measured of one bed. */
struct figures {
    double fill; /* keys a second */
    struct bed_result get, set;
    double rss;     /* MiB, behind all */
    double files;   /* MiB of the first app's state directory */
    double open_ms; /* for one app: connect, attach, the first get */
};

static double microseconds(const struct hist *h, double percent)
{
    return (double)hist_percentile(h, percent) / 1e3;
}

/* The bytes of the files in a directory, not below it; 0 if it cannot be read. */
static double directory_mib(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    double bytes = 0;
    while (dir && (entry = readdir(dir))) {
        struct stat st;
        if (!fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
            bytes += (double)st.st_size;
    }
    if (dir)
        closedir(dir);
    return bytes / MIB;
}

static int read_rss(struct bed *b, double *ret, struct error *e)
{
    struct peer_memory memory;
    int rc = bed_memory(b, &memory, e);
    if (!rc)
        *ret = (double)memory.rss / MIB;
    return rc;
}

static int open_bed(struct growth *g, const struct options *setup, struct bed *b, struct error *e)
{
    char label[32];
    snprintf(label, sizeof label, "growth%u", g->beds++);
    return bed_open(b, setup, &g->workspace, label, e);
}

/* Get from it, set in it, as it was set up. */
static int run_both(struct bed *b, struct figures *ret, struct error *e)
{
    struct options load = b->setup;
    int rc = bed_run(b, &load, NULL, NULL, &ret->get, e);
    load.op = OP_SET;
    if (!rc)
        rc = bed_run(b, &load, NULL, NULL, &ret->set, e);
    return rc ? rc : read_rss(b, &ret->rss, e);
}

/* Fill a fresh bed, get from it, set in it, look at it. */
static int measure(struct growth *g, const struct options *setup, struct figures *ret,
                   struct error *e)
{
    char state[PATH_MAX], app[PATH_MAX - 8];
    struct bed b;
    int rc = open_bed(g, setup, &b, e);
    if (rc)
        return rc;
    ret->fill = (double)(setup->keys * setup->apps) / b.fill_seconds;
    rc = run_both(&b, ret, e);
    server_app(&b.server, 0, app, sizeof app);
    snprintf(state, sizeof state, "%s/.spin", app);
    ret->files = directory_mib(state);
    bed_close(&b);
    return rc;
}

static struct options base(const struct growth *g)
{
    struct options o = *g->options;
    o.target = TARGET_BOBBIN;
    o.op = OP_GET;
    o.reads = 100;
    o.connections = 50;
    o.depth = o.apps = 1;
    o.value_len = 100;
    o.background = 0;
    return o;
}

static int grow_keys(struct growth *g, struct error *e)
{
    static const uint64_t full[] = {10000, 1000000, 10000000}, quick[] = {10000, 100000, 1000000};
    const uint64_t *counts = g->options->quick ? quick : full;
    int rc = 0;
    printf("\nKeys of 16 bytes with values of 100 bytes in one app; 50 connections, one request "
           "each.\n\n"
           "| keys | filled in, keys/s | GET/s | p99 | SET/s | p99 | daemon's memory | files |\n"
           "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (unsigned i = 0; !rc && i < 3; i++) {
        struct options o = base(g);
        struct figures f;
        o.keys = counts[i];
        rc = measure(g, &o, &f, e);
        if (!rc)
            printf("| %llu | %.0f | %.0f | %.0f µs | %.0f | %.0f µs | %.1f MiB | %.0f MiB |\n",
                   (unsigned long long)o.keys, f.fill, f.get.throughput,
                   microseconds(&f.get.hist, 99), f.set.throughput, microseconds(&f.set.hist, 99),
                   f.rss, f.files);
        fflush(stdout);
    }
    return rc;
}

static int grow_values(struct growth *g, struct error *e)
{
    static const struct {
        size_t len;
        unsigned keys;
        const char *name;
    } sizes[] = {{100, 10000, "100 B"},
                 {1024, 10000, "1 KiB"},
                 {65536, 1000, "64 KiB"},
                 {1048576, 100, "1 MiB"}};
    int rc = 0;
    printf("\nSizes of values in one app; 16 connections, one request each.\n\n"
           "| value | keys | GET/s | MiB/s | SET/s | MiB/s | p99 | daemon's memory |\n"
           "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (unsigned i = 0; !rc && i < sizeof sizes / sizeof sizes[0]; i++) {
        struct options o = base(g);
        struct figures f;
        double mib = (double)sizes[i].len / MIB;
        o.keys = sizes[i].keys;
        o.value_len = sizes[i].len;
        o.connections = 16;
        rc = measure(g, &o, &f, e);
        if (!rc)
            printf("| %s | %u | %.0f | %.0f | %.0f | %.1f | %.1f ms | %.1f MiB |\n", sizes[i].name,
                   sizes[i].keys, f.get.throughput, f.get.throughput * mib, f.set.throughput,
                   f.set.throughput * mib, microseconds(&f.set.hist, 99) / 1e3, f.rss);
        fflush(stdout);
    }
    return rc;
}

/* After a restart every store is closed: how long the first answer takes, app by app. */
static int open_apps(struct bed *b, unsigned apps, struct figures *ret, struct error *e)
{
    const char *params[] = {"default", "key:000000000000"};
    uint64_t began;
    int rc = server_restart(&b->server, e);
    began = bench_now();
    for (unsigned i = 0; !rc && i < apps; i++) {
        int fd;
        rc = server_connect(&b->server, i, &fd, e);
        if (rc)
            break;
        rc = bobbin_call(fd, "get", params, 2, e);
        close(fd);
        if (!rc)
            rc = bench_check(e);
    }
    ret->open_ms = (double)(bench_now() - began) / 1e6 / apps;
    return rc;
}

static int measure_apps(struct growth *g, const struct options *setup, struct figures *ret,
                        struct error *e)
{
    struct bed b;
    int rc = open_bed(g, setup, &b, e);
    if (rc)
        return rc;
    rc = open_apps(&b, setup->apps, ret, e);
    if (!rc)
        rc = run_both(&b, ret, e);
    bed_close(&b);
    return rc;
}

static int grow_apps(struct growth *g, struct error *e)
{
    static const unsigned full[] = {1, 50, 1000}, quick[] = {1, 50, 200};
    const unsigned *counts = g->options->quick ? quick : full;
    int rc = 0;
    printf("\nOpen apps, %u keys in each; a connection for each app, but 50 at least.\n\n"
           "| apps | opening one | connections | GET/s | p99 | SET/s | p99 | daemon's memory |\n"
           "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
           APP_KEYS);
    for (unsigned i = 0; !rc && i < 3; i++) {
        struct options o = base(g);
        struct figures f;
        o.apps = counts[i];
        o.keys = APP_KEYS;
        o.connections = o.apps > 50 ? o.apps : 50;
        rc = measure_apps(g, &o, &f, e);
        if (!rc)
            printf("| %u | %.2f ms | %u | %.0f | %.1f ms | %.0f | %.1f ms | %.1f MiB |\n", o.apps,
                   f.open_ms, o.connections, f.get.throughput, microseconds(&f.get.hist, 99) / 1e3,
                   f.set.throughput, microseconds(&f.set.hist, 99) / 1e3, f.rss);
        fflush(stdout);
    }
    return rc;
}

/* From the fork until it has answered who attaches to the app that was registered last. */
static int restart_and_attach(struct bed *b, double *ret_ms, struct error *e)
{
    uint64_t began;
    int fd, rc;
    server_stop(&b->server);
    began = bench_now();
    rc = server_restart(&b->server, e);
    if (!rc)
        rc = server_connect(&b->server, b->setup.apps - 1, &fd, e);
    if (rc)
        return rc;
    *ret_ms = (double)(bench_now() - began) / 1e6;
    close(fd);
    return 0;
}

static int grow_registered(struct growth *g, struct error *e)
{
    unsigned counts[] = {1, g->options->quick ? REGISTERED_QUICK : REGISTERED};
    int rc = 0;
    printf(
        "\nStarting the daemon with registered apps.\n\n"
        "| registered apps | registering one | until it answers for the last | daemon's memory |\n"
        "| ---: | ---: | ---: | ---: |\n");
    for (unsigned i = 0; !rc && i < 2; i++) {
        struct options o = base(g);
        struct bed b;
        double rss = 0, start_ms = 0;
        o.op = OP_INCREMENT; /* needs no filling */
        o.apps = counts[i];
        rc = open_bed(g, &o, &b, e);
        if (rc)
            break;
        rc = restart_and_attach(&b, &start_ms, e);
        if (!rc)
            rc = read_rss(&b, &rss, e);
        if (!rc)
            printf("| %u | %.2f ms | %.0f ms | %.1f MiB |\n", o.apps,
                   (double)b.server.register_ns / 1e6 / o.apps, start_ms, rss);
        bed_close(&b);
    }
    return rc;
}

int growth_main(const struct options *o, struct error *e)
{
    struct growth g = {.options = o};
    struct machine machine;
    char text[512];
    int rc = workspace_init(&g.workspace, o->dir, e);
    if (rc)
        return rc;
    rc = machine_read(&machine, g.workspace.data, e);
    if (!rc) {
        machine_text(&machine, text, sizeof text);
        printf("%s.%s\n", text,
               o->quick ? " Quick: a tenth of the keys, a fifth of the apps." : "");
        rc = grow_keys(&g, e);
    }
    if (!rc)
        rc = grow_apps(&g, e);
    if (!rc)
        rc = grow_values(&g, e);
    if (!rc)
        rc = grow_registered(&g, e);
    workspace_fini(&g.workspace);
    return rc;
}
