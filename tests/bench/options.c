#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "keys.h"

static const char help[] =
    "Usage: bobbin-bench [OPTION]...\n"
    "       bobbin-bench matrix [OPTION]...\n"
    "       bobbin-bench growth [OPTION]...\n"
    "Measure one load on one target, which is started for it in a fresh directory; or all of\n"
    "Bobbin's requirements, and print a table of ratios; or how it grows with keys and apps.\n"
    "\n"
    "  --target T          bobbin, redis, echo, postgres, sqlite-spin, sqlite-wal\n"
    "                      (bobbin)\n"
    "  --op OP             get, set, mixed, increment (get)\n"
    "  --reads PERCENT     of a mixed load: how many requests are gets (90)\n"
    "  -c N                connections (50)\n"
    "  -P N                requests in flight on each (1)\n"
    "  -n N, --keys N      keys of each app, filled before and chosen at random (100000)\n"
    "  -d, --value-size N  bytes of each value (100)\n"
    "  --apps N            Bobbin: apps that the connections are spread over (1)\n"
    "  --seconds S         measured time (5)\n"
    "  --warmup S          time before that (1)\n"
    "  --window            send the next request for each answer, instead of P when P are "
    "answered\n"
    "  --anywhere          also for one connection: leave it to the scheduler where things run\n"
    "  --rate R            requests a second, by the clock, instead of as many as can be\n"
    "  --background-set C  so many other connections set meanwhile, on Bobbin\n"
    "  --seed N            of keys and values (1)\n"
    "  --dir DIR           make the directory of the data there (/var/tmp)\n"
    "  --socket PATH       use a server that runs already\n"
    "  --bobbind PROGRAM   another daemon than the one beside this program\n"
    "  --config LINE       a line for bobbin.toml; may be repeated\n"
    "  --cache SIZE        bytes of the daemon's cache, with k, m or g as wanted\n"
    "  --json              the result as JSON\n"
    "  --quick             of matrix and growth: smaller and shorter\n"
    "  --rounds N          of matrix (5; quick: 2)\n"
    "  --points LIST       of matrix: only these requirements, such as 1,2\n"
    "  --json FILE         of matrix: write everything there, too\n"
    "  --svg FILE          of matrix: draw the ratios\n"
    "  --percentiles FILE  of matrix: draw latencies\n"
    "  --quiet             no progress\n"
    "  --help              print this\n";

enum {
    O_TARGET = 256,
    O_OP,
    O_READS,
    O_APPS,
    O_SECONDS,
    O_WARMUP,
    O_WINDOW,
    O_ANYWHERE,
    O_RATE,
    O_BACKGROUND,
    O_SEED,
    O_DIR,
    O_SOCKET,
    O_BOBBIND,
    O_CONFIG,
    O_CACHE,
    O_JSON,
    O_QUIET,
    O_QUICK,
    O_ROUNDS,
    O_POINTS,
    O_SVG,
    O_PERCENTILES,
    O_HELP
};

#define JSON_AT 0
static const struct option long_options[] = {
    [JSON_AT] = {"json", no_argument, NULL, O_JSON},
    {"target", required_argument, NULL, O_TARGET},
    {"op", required_argument, NULL, O_OP},
    {"reads", required_argument, NULL, O_READS},
    {"keys", required_argument, NULL, 'n'},
    {"value-size", required_argument, NULL, 'd'},
    {"apps", required_argument, NULL, O_APPS},
    {"seconds", required_argument, NULL, O_SECONDS},
    {"warmup", required_argument, NULL, O_WARMUP},
    {"window", no_argument, NULL, O_WINDOW},
    {"anywhere", no_argument, NULL, O_ANYWHERE},
    {"rate", required_argument, NULL, O_RATE},
    {"background-set", required_argument, NULL, O_BACKGROUND},
    {"seed", required_argument, NULL, O_SEED},
    {"dir", required_argument, NULL, O_DIR},
    {"socket", required_argument, NULL, O_SOCKET},
    {"bobbind", required_argument, NULL, O_BOBBIND},
    {"config", required_argument, NULL, O_CONFIG},
    {"cache", required_argument, NULL, O_CACHE},
    {"quick", no_argument, NULL, O_QUICK},
    {"rounds", required_argument, NULL, O_ROUNDS},
    {"points", required_argument, NULL, O_POINTS},
    {"svg", required_argument, NULL, O_SVG},
    {"percentiles", required_argument, NULL, O_PERCENTILES},
    {"quiet", no_argument, NULL, O_QUIET},
    {"help", no_argument, NULL, O_HELP},
    {0},
};

static int read_word(const char *const *words, int n, const char *text, int *ret, struct error *e)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(words[i], text)) {
            *ret = i;
            return 0;
        }
    }
    return error_set(e, ERR_INVALID_REQUEST, "'%s' is none of the words; try --help", text);
}

static int read_whole(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct error *e)
{
    char *end;
    unsigned long long n;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || n < min || n > max)
        return error_set(e, ERR_INVALID_REQUEST, "'%s' is no number from %llu to %llu", text,
                         (unsigned long long)min, (unsigned long long)max);
    *ret = n;
    return 0;
}

static int read_unsigned(const char *text, unsigned min, unsigned max, unsigned *ret,
                         struct error *e)
{
    uint64_t n;
    int rc = read_whole(text, min, max, &n, e);
    if (!rc)
        *ret = (unsigned)n;
    return rc;
}

static int read_real(const char *text, double min, double max, double *ret, struct error *e)
{
    char *end;
    double n = strtod(text, &end);
    if (end == text || *end || !(n >= min && n <= max))
        return error_set(e, ERR_INVALID_REQUEST, "'%s' is no number from %g to %g", text, min, max);
    *ret = n;
    return 0;
}

static int read_op(struct options *o, const char *text, struct error *e)
{
    int word = 0, rc;
    if (!strcmp(text, "mixed")) {
        o->op = OP_GET;
        o->reads = 90;
        return 0;
    }
    rc = read_word(op_names, OPS, text, &word, e);
    if (!rc) {
        o->op = (enum op)word;
        o->reads = 100;
    }
    return rc;
}

static int read_target(struct options *o, const char *text, struct error *e)
{
    int word = 0, rc = read_word(target_names, TARGETS, text, &word, e);
    if (!rc)
        o->target = (enum target)word;
    return rc;
}

/* Add `before`, `text` and `after` as a line of bobbin.toml. */
static int add_config(struct options *o, const char *before, const char *text, const char *after,
                      struct error *e)
{
    size_t used = strlen(o->config), room = sizeof o->config - used;
    int n = snprintf(o->config + used, room, "%s%s%s\n", before, text, after);
    return (size_t)n < room ? 0 : error_set(e, ERR_INVALID_REQUEST, "too much configuration");
}

static int read_size(const char *text, uint64_t *ret, struct error *e)
{
    static const char units[] = "kmg";
    char digits[24];
    size_t n = strspn(text, "0123456789");
    const char *unit = text[n] ? strchr(units, tolower((unsigned char)text[n])) : NULL;
    int rc;
    if (n == 0 || n >= sizeof digits || (text[n] && (!unit || text[n + 1])))
        return error_set(e, ERR_INVALID_REQUEST, "'%s' is no size, such as 64m", text);
    memcpy(digits, text, n);
    digits[n] = '\0';
    rc = read_whole(digits, 0, UINT64_C(1) << 33, ret, e);
    if (!rc && unit)
        *ret <<= 10 * (unit - units + 1);
    return rc;
}

static int read_cache(struct options *o, const char *text, struct error *e)
{
    char number[24];
    uint64_t bytes = 0;
    int rc = read_size(text, &bytes, e);
    snprintf(number, sizeof number, "%llu", (unsigned long long)bytes);
    o->cache_given = true;
    o->cache = bytes;
    return rc ? rc : add_config(o, "cache_bytes = ", number, "", e);
}

static int read_value_len(struct options *o, const char *text, struct error *e)
{
    uint64_t n;
    int rc = read_whole(text, 1, VALUE_MAX, &n, e);
    if (!rc)
        o->value_len = n;
    return rc;
}

/* "1,2,7" */
static int read_points(const char *text, unsigned *ret, struct error *e)
{
    unsigned points = 0;
    for (const char *p = text;; p += 2) {
        if (*p < '1' || *p > '7' || (p[1] && p[1] != ','))
            return error_set(e, ERR_INVALID_REQUEST, "'%s' is no list of numbers from 1 to 7",
                             text);
        points |= 1u << (*p - '0');
        if (!p[1])
            break;
    }
    *ret = points;
    return 0;
}

static int read_option(struct options *o, int option, const char *text, struct error *e)
{
    switch (option) {
    case O_TARGET:
        return read_target(o, text, e);
    case O_OP:
        return read_op(o, text, e);
    case O_READS:
        return read_unsigned(text, 0, 99, &o->reads, e);
    case 'c':
        return read_unsigned(text, 1, CONNECTIONS_MAX, &o->connections, e);
    case 'P':
        return read_unsigned(text, 1, DEPTH_MAX, &o->depth, e);
    case 'n':
        return read_whole(text, 1, KEYS_MAX, &o->keys, e);
    case 'd':
        return read_value_len(o, text, e);
    case O_APPS:
        return read_unsigned(text, 1, CONNECTIONS_MAX, &o->apps, e);
    case O_SECONDS:
        return read_real(text, 0.01, 86400, &o->seconds, e);
    case O_WARMUP:
        return read_real(text, 0, 3600, &o->warmup, e);
    case O_WINDOW:
        o->window = true;
        return 0;
    case O_ANYWHERE:
        o->anywhere = true;
        return 0;
    case O_RATE:
        return read_real(text, 1, 1e7, &o->rate, e);
    case O_BACKGROUND:
        return read_unsigned(text, 1, CONNECTIONS_MAX, &o->background, e);
    case O_SEED:
        return read_whole(text, 0, UINT64_MAX, &o->seed, e);
    case O_DIR:
        o->dir = text;
        return 0;
    case O_SOCKET:
        o->socket = text;
        return 0;
    case O_BOBBIND:
        o->bobbind = text;
        return 0;
    case O_CONFIG:
        return add_config(o, "", text, "", e);
    case O_CACHE:
        return read_cache(o, text, e);
    case O_JSON:
        o->json = true;
        o->json_file = text;
        return 0;
    case O_QUICK:
        o->quick = true;
        return 0;
    case O_ROUNDS:
        return read_unsigned(text, 1, ROUNDS_MAX, &o->rounds, e);
    case O_POINTS:
        return read_points(text, &o->points, e);
    case O_SVG:
        o->svg = text;
        return 0;
    case O_PERCENTILES:
        o->percentiles = text;
        return 0;
    case O_QUIET:
        bench_quiet = true;
        return 0;
    default:
        fputs(help, stdout);
        o->command = COMMAND_SHOWN;
        return 0;
    }
}

static int check(const struct options *o, struct error *e)
{
    if (o->target >= TARGET_SQLITE_SPIN && (o->depth > 1 || o->rate > 0 || o->background))
        return error_set(e, ERR_INVALID_REQUEST, "-P, --rate and --background-set need a server");
    if (o->op == OP_INCREMENT && o->reads != 100)
        return error_set(e, ERR_INVALID_REQUEST, "a mixed load is of gets and sets");
    if (o->connections < o->apps)
        return error_set(e, ERR_INVALID_REQUEST, "%u connections are too few for %u apps",
                         o->connections, o->apps);
    if (o->target != TARGET_BOBBIN && o->apps > 1)
        return error_set(e, ERR_INVALID_REQUEST, "only bobbin has apps");
    if (o->target == TARGET_ECHO && (o->reads != 100 || o->socket))
        return error_set(e, ERR_INVALID_REQUEST,
                         "the echo has requests of one size, and no server but its own");
    return 0;
}

/* The first word, if it is one, is the command; `--json` is then followed by a file. */
static void read_command(int *argc, char ***argv, struct options *o, struct option *json)
{
    static const char *const words[] = {[COMMAND_MATRIX] = "matrix", [COMMAND_GROWTH] = "growth"};
    for (int i = COMMAND_MATRIX; i <= COMMAND_GROWTH; i++) {
        if (*argc < 2 || strcmp((*argv)[1], words[i]))
            continue;
        o->command = (enum command)i;
        json->has_arg = required_argument;
        --*argc;
        ++*argv;
        return;
    }
}

/* What depends on the command, where nothing was said. */
static void fill_in(struct options *o)
{
    bool alone = o->command == COMMAND_RUN;
    if (o->seconds < 0)
        o->seconds = alone ? 5 : o->quick ? 0.5 : 3;
    if (o->warmup < 0)
        o->warmup = alone ? 1 : o->quick ? 0.2 : 0.5;
    if (!o->rounds)
        o->rounds = o->quick ? 2 : 5;
}

int options_read(int argc, char **argv, struct options *ret, struct error *e)
{
    struct options o = {.command = COMMAND_RUN,
                        .target = TARGET_BOBBIN,
                        .op = OP_GET,
                        .reads = 100,
                        .connections = 50,
                        .depth = 1,
                        .value_len = 100,
                        .seconds = -1,
                        .warmup = -1,
                        .keys = 100000,
                        .apps = 1,
                        .seed = 1,
                        .points = ~0u,
                        .dir = "/var/tmp"};
    struct option table[sizeof long_options / sizeof long_options[0]];
    int option, rc = 0;
    memcpy(table, long_options, sizeof table);
    read_command(&argc, &argv, &o, &table[JSON_AT]);
    opterr = 0;
    while (!rc && (option = getopt_long(argc, argv, ":c:P:n:d:", table, NULL)) != -1) {
        if (option == ':' || option == '?')
            return error_set(e, ERR_INVALID_REQUEST, "option '%s' %s; try --help", argv[optind - 1],
                             option == ':' ? "needs a value" : "is unknown");
        rc = read_option(&o, option, optarg, e);
    }
    if (!rc && optind < argc)
        rc =
            error_set(e, ERR_INVALID_REQUEST, "unexpected argument '%s'; try --help", argv[optind]);
    fill_in(&o);
    if (!rc && o.command == COMMAND_RUN)
        rc = check(&o, e);
    if (!rc && o.command != COMMAND_RUN && o.socket)
        rc = error_set(e, ERR_INVALID_REQUEST, "--socket is for one load on one target");
    if (!rc)
        *ret = o;
    return rc;
}
