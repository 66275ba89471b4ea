/* The matrix: every cell in turn, round by round, and one table of ratios. */
#ifndef BOBBIN_BENCH_MATRIX_H
#define BOBBIN_BENCH_MATRIX_H

#include "bed.h"
#include "machine.h"

/* The test beds that live through a matrix. */
enum matrix_bed {
    BED_BOBBIN, /* one app */
    BED_REDIS,
    BED_ECHO,
    BED_SPIN,
    BED_APPS, /* fifty apps */
    BED_BIG,  /* one app with many keys */
    BEDS,
};

/* One load on one bed: what is measured once a round. */
struct cell {
    enum matrix_bed bed;
    enum op op;
    unsigned connections;
    unsigned depth;
    unsigned apps;
    unsigned background; /* connections that set on the same bed meanwhile */
};

enum metric { METRIC_THROUGHPUT, METRIC_P50, METRIC_P99 };

/* A ratio that is to hold: `over` to `under`. */
struct ratio {
    unsigned point;   /* the requirement that it belongs to */
    const char *name; /* what a reader sees */
    struct cell over, under;
    enum metric metric;
    bool at_most; /* the ratio is to be at most `needed`; else at least */
    double needed;
};

extern const struct ratio matrix_ratios[];
extern const unsigned matrix_nratios;

#define MATRIX_CELLS_MAX 64u
#define MATRIX_ROWS_MAX 64u

struct cell_result {
    struct cell cell;
    double throughput[ROUNDS_MAX]; /* by round */
    double p50[ROUNDS_MAX];        /* µs */
    double p99[ROUNDS_MAX];
    struct hist hist; /* of all rounds */
};

enum verdict { VERDICT_HOLDS, VERDICT_MISSES, VERDICT_UNDECIDED };

/* A line of the table. */
struct row {
    unsigned point;
    char name[80];
    char unit[8]; /* "": a ratio */
    bool at_most;
    double needed;
    double values[ROUNDS_MAX];
    unsigned nvalues; /* rounds, or 1 for what is measured once */
    double min, median, max;
    enum verdict verdict;
    char detail[80]; /* what the ratio is made of, or what the reader should know */
};

struct matrix {
    const struct options *options;
    struct cell_result *cells; /* owned, MATRIX_CELLS_MAX */
    unsigned ncells;
    struct row *rows; /* owned, MATRIX_ROWS_MAX */
    unsigned nrows;
    struct bed beds[BEDS];
    struct workspace workspace;
    struct machine machine;
};

/* Run all of it and print the table on stdout; write what the options name. Rows that miss are no
 * failure: 0 when everything could be measured. */
int matrix_main(const struct options *o, struct error *e);

/* The cell's result; NULL when the matrix has no such cell. */
const struct cell_result *matrix_find(const struct matrix *m, const struct cell *cell);
double cell_metric(const struct cell_result *r, enum metric metric, unsigned round);
/* The median of n values; sorts them. */
double median_of(double *values, unsigned n);

/* Open the bed if it is not open yet. */
int matrix_bed(struct matrix *m, enum matrix_bed bed, struct error *e);
/* Append an empty row. */
struct row *matrix_add_row(struct matrix *m, unsigned point);
/* Work min, median, max and the verdict out. */
void row_finish(struct row *row);
/* What is no ratio between rounds: stalls, and memory. */
int matrix_once(struct matrix *m, struct error *e);

void matrix_print(const struct matrix *m);
int matrix_write_json(const struct matrix *m, const char *path, struct error *e);
/* The ratios as bars, and latencies as percentile curves. */
int matrix_plot_ratios(const struct matrix *m, const char *path, struct error *e);
int matrix_plot_percentiles(const struct matrix *m, const char *path, struct error *e);

extern const char *const verdict_words[];
extern const char *const bed_names[BEDS];
/* "get c=50 P=1" and the like. */
void cell_name(const struct cell *cell, char *ret, size_t size);

#endif
