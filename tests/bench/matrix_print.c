/* The matrix as a table and as JSON. */
#include <jansson.h>
#include <stdio.h>

#include "matrix.h"

static const char *number(double value, char *ret, size_t size)
{
    snprintf(ret, size, value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value);
    return ret;
}

static void print_row(const struct row *row)
{
    char needed[16], min[16], median[16], max[16];
    printf("| %u | %-51s | %s %6s %-3s | %8s | %8s | %8s | %-9s | %s |\n", row->point, row->name,
           row->at_most ? "≤" : "≥", number(row->needed, needed, sizeof needed), row->unit,
           number(row->min, min, sizeof min), number(row->median, median, sizeof median),
           number(row->max, max, sizeof max), verdict_words[row->verdict], row->detail);
}

void matrix_print(const struct matrix *m)
{
    char text[512];
    unsigned held = 0;
    machine_text(&m->machine, text, sizeof text);
    printf(
        "Ratios of %u rounds of %g seconds, 100-byte values, 100,000 keys unless said otherwise.\n"
        "%s.\n",
        m->options->rounds, m->options->seconds, text);
    if (m->options->quick)
        printf("Quick: fewer and shorter rounds, 1,000,000 keys where it should be 10,000,000,\n"
               "1,000 keys in each of the 50 apps instead of 10,000, 8 seconds for the stall\n"
               "instead of 60. Enough to see a change, not to make a claim.\n");
    printf("\n| # | %-51s | needed       |      min |   median |      max | holds     | medians |\n"
           "| - | %.51s | ------------ | -------: | -------: | -------: | --------- | ------- |\n",
           "what", "---------------------------------------------------------------");
    for (unsigned i = 0; i < m->nrows; i++) {
        print_row(&m->rows[i]);
        held += m->rows[i].verdict == VERDICT_HOLDS;
    }
    printf("\n%u of %u hold.\n", held, m->nrows);
}

static json_t *numbers(const double *values, unsigned n)
{
    json_t *j = json_array();
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(j, json_real(values[i]));
    return j;
}

static json_t *row_json(const struct row *row)
{
    return json_pack("{s:i, s:s, s:s, s:s, s:f, s:o, s:f, s:f, s:f, s:s, s:s}", "point",
                     (int)row->point, "name", row->name, "unit", row->unit, "comparison",
                     row->at_most ? "<=" : ">=", "needed", row->needed, "values",
                     numbers(row->values, row->nvalues), "min", row->min, "median", row->median,
                     "max", row->max, "holds", verdict_words[row->verdict], "detail", row->detail);
}

static json_t *cell_json(const struct cell_result *r, unsigned rounds)
{
    char name[64];
    cell_name(&r->cell, name, sizeof name);
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o, s:o, s:o}", "target",
                     bed_names[r->cell.bed], "name", name, "op", op_names[r->cell.op],
                     "connections", (int)r->cell.connections, "depth", (int)r->cell.depth, "apps",
                     (int)r->cell.apps, "background_set", (int)r->cell.background, "throughput",
                     numbers(r->throughput, rounds), "p50_us", numbers(r->p50, rounds), "p99_us",
                     numbers(r->p99, rounds));
}

static json_t *machine_json(const struct machine *m)
{
    return json_pack("{s:s, s:i, s:i, s:s, s:s, s:f, s:f}", "processor", m->processor, "processors",
                     (int)m->processors, "memory_mib", (int)m->memory_mib, "kernel", m->kernel,
                     "filesystem", m->filesystem, "fdatasync_overwriting_us", m->sync_us,
                     "fdatasync_extending_us", m->extend_us);
}

int matrix_write_json(const struct matrix *m, const char *path, struct error *e)
{
    json_t *rows = json_array(), *cells = json_array(), *j;
    int failed;
    for (unsigned i = 0; i < m->nrows; i++)
        json_array_append_new(rows, row_json(&m->rows[i]));
    for (unsigned i = 0; i < m->ncells; i++)
        json_array_append_new(cells, cell_json(&m->cells[i], m->options->rounds));
    j = json_pack("{s:b, s:i, s:f, s:o, s:o, s:o}", "quick", (int)m->options->quick, "rounds",
                  (int)m->options->rounds, "seconds", m->options->seconds, "machine",
                  machine_json(&m->machine), "rows", rows, "cells", cells);
    failed = !j || json_dump_file(j, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(j);
    return failed ? error_set(e, ERR_OTHER, "cannot write '%s'", path) : 0;
}
