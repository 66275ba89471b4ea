/* The command line of bobbin-bench. */
#ifndef BOBBIN_BENCH_OPTIONS_H
#define BOBBIN_BENCH_OPTIONS_H

#include <stddef.h>

#include "bench.h"

enum command { COMMAND_RUN, COMMAND_MATRIX, COMMAND_GROWTH, COMMAND_SHOWN };

#define CONNECTIONS_MAX 10000u
#define DEPTH_MAX 1024u
#define KEYS_MAX 1000000000u
#define ROUNDS_MAX 99u

/* Strings point into argv, but for `config`. */
struct options {
    enum command command;
    enum target target;
    enum op op;
    unsigned reads; /* of 100 requests; 100: `op` alone */
    unsigned connections;
    unsigned depth;
    size_t value_len;
    double seconds;
    double warmup;
    uint64_t keys;
    unsigned apps;
    uint64_t seed;
    double rate;
    bool window;
    bool anywhere;       /* see place.h */
    unsigned background; /* connections that set beside the load */
    const char *dir;
    const char *socket;
    const char *bobbind;
    char config[2048];     /* lines for bobbin.toml */
    bool json;             /* of a run: instead of text */
    bool cache_given;      /* --cache … */
    uint64_t cache;        /* … and its bytes */
    bool quick;            /* of matrix and growth: smaller and shorter */
    unsigned rounds;       /* of matrix */
    unsigned points;       /* of matrix: a bit for each requirement that is wanted */
    const char *json_file; /* of matrix: where to write, as the others; NULL: nowhere */
    const char *svg;
    const char *percentiles;
};

/* 0, or ERR_INVALID_REQUEST. With COMMAND_SHOWN all is said already. */
int options_read(int argc, char **argv, struct options *ret, struct error *e);

#endif
