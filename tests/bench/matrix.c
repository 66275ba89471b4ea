#include "matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How large the beds are, in full and in quick. */
#define KEYS 100000u
#define APPS 50u
#define APP_KEYS 10000u
#define APP_KEYS_QUICK 1000u
#define BIG_KEYS 10000000u
#define BIG_KEYS_QUICK 1000000u

static bool same_cell(const struct cell *a, const struct cell *b)
{
    return a->bed == b->bed && a->op == b->op && a->connections == b->connections &&
           a->depth == b->depth && a->apps == b->apps && a->background == b->background;
}

const struct cell_result *matrix_find(const struct matrix *m, const struct cell *cell)
{
    for (unsigned i = 0; i < m->ncells; i++)
        if (same_cell(&m->cells[i].cell, cell))
            return &m->cells[i];
    return NULL;
}

static void add_cell(struct matrix *m, const struct cell *cell)
{
    if (matrix_find(m, cell) || m->ncells == MATRIX_CELLS_MAX)
        return;
    m->cells[m->ncells].cell = *cell;
    hist_clear(&m->cells[m->ncells].hist);
    m->ncells++;
}

static bool wanted(const struct matrix *m, unsigned point)
{
    return m->options->points & 1u << point;
}

/* What stands above and below one ratio is measured one right behind the other. */
static void plan(struct matrix *m)
{
    for (unsigned i = 0; i < matrix_nratios; i++) {
        if (!wanted(m, matrix_ratios[i].point))
            continue;
        add_cell(m, &matrix_ratios[i].under);
        add_cell(m, &matrix_ratios[i].over);
    }
}

static struct options bed_setup(const struct matrix *m, enum matrix_bed bed)
{
    static const enum target targets[BEDS] = {
        [BED_BOBBIN] = TARGET_BOBBIN,    [BED_REDIS] = TARGET_REDIS, [BED_ECHO] = TARGET_ECHO,
        [BED_SPIN] = TARGET_SQLITE_SPIN, [BED_APPS] = TARGET_BOBBIN, [BED_BIG] = TARGET_BOBBIN,
    };
    struct options o = *m->options;
    o.target = targets[bed];
    o.keys = KEYS;
    o.apps = 1;
    if (bed == BED_APPS) {
        o.apps = APPS;
        o.keys = o.quick ? APP_KEYS_QUICK : APP_KEYS;
    } else if (bed == BED_BIG) {
        o.keys = o.quick ? BIG_KEYS_QUICK : BIG_KEYS;
    }
    return o;
}

int matrix_bed(struct matrix *m, enum matrix_bed bed, struct error *e)
{
    static const char *const labels[BEDS] = {"one", "redis", "echo", "spin", "apps", "big"};
    struct options setup = bed_setup(m, bed);
    struct bed *b = &m->beds[bed];
    if (b->started || b->file[0])
        return 0;
    return bed_open(b, &setup, &m->workspace, labels[bed], e);
}

static int run_cell(struct matrix *m, struct cell_result *r, unsigned round, struct error *e)
{
    const struct cell *cell = &r->cell;
    struct options o = *m->options;
    struct bed *bed = &m->beds[cell->bed];
    struct bed_result result;
    char name[64];
    int rc;
    o.op = cell->op;
    o.connections = cell->connections;
    o.depth = cell->depth;
    o.apps = cell->apps;
    o.background = cell->background;
    o.seed = m->options->seed + round;
    rc = bed_run(bed, &o, bed, NULL, &result, e);
    if (rc)
        return rc;
    if (o.op != OP_GET)
        bed_rest(bed);
    r->throughput[round] = result.throughput;
    r->p50[round] = (double)hist_percentile(&result.hist, 50) / 1e3;
    r->p99[round] = (double)hist_percentile(&result.hist, 99) / 1e3;
    hist_add(&r->hist, &result.hist);
    cell_name(cell, name, sizeof name);
    bench_say("  %-20s %-28s %9.0f/s  p50 %.0f µs  p99 %.0f µs", bed_names[cell->bed], name,
              result.throughput, r->p50[round], r->p99[round]);
    return 0;
}

/* Before the first round, so that no cell is measured right behind a filling. */
static int open_beds(struct matrix *m, struct error *e)
{
    int rc = 0;
    for (unsigned i = 0; !rc && i < m->ncells; i++)
        rc = matrix_bed(m, m->cells[i].cell.bed, e);
    return rc;
}

static int run_rounds(struct matrix *m, struct error *e)
{
    int rc = open_beds(m, e);
    for (unsigned round = 0; !rc && round < m->options->rounds; round++) {
        bench_say("round %u of %u", round + 1, m->options->rounds);
        for (unsigned i = 0; !rc && i < m->ncells; i++)
            rc = run_cell(m, &m->cells[i], round, e);
    }
    return rc;
}

double cell_metric(const struct cell_result *r, enum metric metric, unsigned round)
{
    return metric == METRIC_THROUGHPUT ? r->throughput[round]
           : metric == METRIC_P50      ? r->p50[round]
                                       : r->p99[round];
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double median_of(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct row *matrix_add_row(struct matrix *m, unsigned point)
{
    struct row *row = &m->rows[m->nrows++];
    *row = (struct row){.point = point};
    return row;
}

void row_finish(struct row *row)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, row->values, sizeof sorted);
    row->median = median_of(sorted, row->nvalues);
    row->min = sorted[0];
    row->max = sorted[row->nvalues - 1];
    row->verdict = (row->at_most ? row->median <= row->needed : row->median >= row->needed)
                       ? VERDICT_HOLDS
                       : VERDICT_MISSES;
}

/* The median over all rounds, for people. */
static double typical(const struct matrix *m, const struct cell_result *r, enum metric metric)
{
    double values[ROUNDS_MAX];
    for (unsigned i = 0; i < m->options->rounds; i++)
        values[i] = cell_metric(r, metric, i);
    return median_of(values, m->options->rounds);
}

/* "812/s", "15.6k/s", "1.20M/s"; "47.3 µs". */
static void typical_text(double value, enum metric metric, char *ret, size_t size)
{
    if (metric != METRIC_THROUGHPUT)
        snprintf(ret, size, value < 99.95 ? "%.1f µs" : "%.0f µs", value);
    else if (value < 9999.5)
        snprintf(ret, size, "%.0f/s", value);
    else if (value < 999500)
        snprintf(ret, size, value < 99950 ? "%.1fk/s" : "%.0fk/s", value / 1e3);
    else
        snprintf(ret, size, "%.2fM/s", value / 1e6);
}

static void add_ratio(struct matrix *m, const struct ratio *ratio)
{
    const struct cell_result *over = matrix_find(m, &ratio->over);
    const struct cell_result *under = matrix_find(m, &ratio->under);
    struct row *row = matrix_add_row(m, ratio->point);
    char above[32], below[32];
    snprintf(row->name, sizeof row->name, "%s", ratio->name);
    row->at_most = ratio->at_most;
    row->needed = ratio->needed;
    row->nvalues = m->options->rounds;
    for (unsigned i = 0; i < row->nvalues; i++)
        row->values[i] = cell_metric(over, ratio->metric, i) / cell_metric(under, ratio->metric, i);
    row_finish(row);
    typical_text(typical(m, over, ratio->metric), ratio->metric, above, sizeof above);
    typical_text(typical(m, under, ratio->metric), ratio->metric, below, sizeof below);
    snprintf(row->detail, sizeof row->detail, "%s : %s", above, below);
}

/* Rows of one point stand together, in the order in which they were added: an insertion sort. */
static void gather_points(struct matrix *m)
{
    for (unsigned i = 1; i < m->nrows; i++) {
        struct row row = m->rows[i];
        unsigned at = i;
        for (; at > 0 && m->rows[at - 1].point > row.point; at--)
            m->rows[at] = m->rows[at - 1];
        m->rows[at] = row;
    }
}

static int measure(struct matrix *m, struct error *e)
{
    int rc = run_rounds(m, e);
    if (rc)
        return rc;
    for (unsigned i = 0; i < matrix_nratios; i++)
        if (wanted(m, matrix_ratios[i].point))
            add_ratio(m, &matrix_ratios[i]);
    rc = matrix_once(m, e);
    gather_points(m);
    return rc;
}

static int report(const struct matrix *m, struct error *e)
{
    const struct options *o = m->options;
    int rc = 0;
    matrix_print(m);
    if (o->json_file)
        rc = matrix_write_json(m, o->json_file, e);
    if (!rc && o->svg)
        rc = matrix_plot_ratios(m, o->svg, e);
    if (!rc && o->percentiles)
        rc = matrix_plot_percentiles(m, o->percentiles, e);
    return rc;
}

int matrix_main(const struct options *o, struct error *e)
{
    struct matrix m = {.options = o};
    int rc = workspace_init(&m.workspace, o->dir, e);
    if (rc)
        return rc;
    m.cells = calloc(MATRIX_CELLS_MAX, sizeof *m.cells);
    m.rows = calloc(MATRIX_ROWS_MAX, sizeof *m.rows);
    if (!m.cells || !m.rows)
        rc = error_set(e, ERR_OTHER, "out of memory");
    if (!rc)
        rc = machine_read(&m.machine, m.workspace.data, e);
    if (!rc) {
        plan(&m);
        rc = measure(&m, e);
    }
    for (int i = 0; i < BEDS; i++)
        bed_close(&m.beds[i]);
    workspace_fini(&m.workspace);
    if (!rc)
        rc = report(&m, e);
    free(m.cells);
    free(m.rows);
    return rc;
}
