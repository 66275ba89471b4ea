/* What the matrix measures, as data. */
#include <stdio.h>

#include "matrix.h"

#define CELL(the_bed, the_op, c, p)                                                                \
    {                                                                                              \
        .bed = (the_bed), .op = (the_op), .connections = (c), .depth = (p), .apps = 1              \
    }

#define GET_TO_REDIS(c, p)                                                                         \
    {                                                                                              \
        .point = 1, .name = "GET c=" #c " P=" #p " : Redis",                                       \
        .over = CELL(BED_BOBBIN, OP_GET, c, p), .under = CELL(BED_REDIS, OP_GET, c, p),            \
        .needed = 1                                                                                \
    }

#define SET_TO_REDIS(c, p, at_least)                                                               \
    {                                                                                              \
        .point = 2, .name = "SET c=" #c " P=" #p " : Redis",                                       \
        .over = CELL(BED_BOBBIN, OP_SET, c, p), .under = CELL(BED_REDIS, OP_SET, c, p),            \
        .needed = (at_least)                                                                       \
    }

#define SET_TO_SPIN(c, at_least)                                                                   \
    {                                                                                              \
        .point = 3, .name = "SET c=" #c " : SQLite as Spin uses it",                               \
        .over = CELL(BED_BOBBIN, OP_SET, c, 1), .under = CELL(BED_SPIN, OP_SET, c, 1),             \
        .needed = (at_least)                                                                       \
    }

const struct ratio matrix_ratios[] = {
    GET_TO_REDIS(1, 1),
    GET_TO_REDIS(16, 1),
    GET_TO_REDIS(50, 1),
    GET_TO_REDIS(1, 16),
    GET_TO_REDIS(16, 16),
    GET_TO_REDIS(50, 16),
    {
        .point = 1,
        .name = "GET c=50 P=1 : echo",
        .over = CELL(BED_BOBBIN, OP_GET, 50, 1),
        .under = CELL(BED_ECHO, OP_GET, 50, 1),
        .needed = 0.6,
    },
    SET_TO_REDIS(1, 1, 1),
    SET_TO_REDIS(16, 1, 1),
    SET_TO_REDIS(50, 1, 1),
    SET_TO_REDIS(1, 16, 0.5),
    SET_TO_REDIS(16, 16, 0.5),
    SET_TO_REDIS(50, 16, 0.5),
    SET_TO_SPIN(1, 3),
    SET_TO_SPIN(50, 25),
    {
        .point = 4,
        .name = "GET c=1, p50 : p50 of the echo",
        .over = CELL(BED_BOBBIN, OP_GET, 1, 1),
        .under = CELL(BED_ECHO, OP_GET, 1, 1),
        .metric = METRIC_P50,
        .at_most = true,
        .needed = 1.15,
    },
    {
        .point = 4,
        .name = "GET c=1, p99 beside 16 that set : p99 alone",
        .over = {.bed = BED_BOBBIN,
                 .op = OP_GET,
                 .connections = 1,
                 .depth = 1,
                 .apps = 1,
                 .background = 16},
        .under = CELL(BED_BOBBIN, OP_GET, 1, 1),
        .metric = METRIC_P99,
        .at_most = true,
        .needed = 3,
    },
    {
        .point = 5,
        .name = "SET, 50 apps, a writer each : one writer",
        .over = {.bed = BED_APPS, .op = OP_SET, .connections = 50, .depth = 1, .apps = 50},
        .under = CELL(BED_APPS, OP_SET, 1, 1),
        .needed = 2,
    },
    {
        .point = 7,
        .name = "GET c=50 P=1, many keys : 100,000 keys",
        .over = CELL(BED_BIG, OP_GET, 50, 1),
        .under = CELL(BED_BOBBIN, OP_GET, 50, 1),
        .needed = 0.5,
    },
    {
        .point = 7,
        .name = "SET c=50 P=1, many keys : 100,000 keys",
        .over = CELL(BED_BIG, OP_SET, 50, 1),
        .under = CELL(BED_BOBBIN, OP_SET, 50, 1),
        .needed = 0.5,
    },
};
const unsigned matrix_nratios = sizeof matrix_ratios / sizeof matrix_ratios[0];

const char *const bed_names[BEDS] = {
    [BED_BOBBIN] = "bobbin",    [BED_REDIS] = "redis",           [BED_ECHO] = "echo",
    [BED_SPIN] = "sqlite-spin", [BED_APPS] = "bobbin (50 apps)", [BED_BIG] = "bobbin (many keys)",
};
const char *const verdict_words[] = {"yes", "NO", "undecided"};

void cell_name(const struct cell *cell, char *ret, size_t size)
{
    int n = snprintf(ret, size, "%s c=%u P=%u", op_names[cell->op], cell->connections, cell->depth);
    if (cell->apps > 1)
        n += snprintf(ret + n, size - (size_t)n, " apps=%u", cell->apps);
    if (cell->background)
        snprintf(ret + n, size - (size_t)n, " beside %u that set", cell->background);
}
