/* The ratios of a matrix as bars on a logarithmic axis, around 1. */
#include <math.h>

#include "matrix.h"
#include "svg.h"

#define WIDTH 900
#define LEFT 330.0
#define RIGHT 690.0
#define TOP 78.0
#define ROW 24.0
#define GAP 10.0 /* between points */

/* The axis reaches from LEAST to MOST; what lies beyond is drawn at the edge. */
#define LEAST 0.1
#define MOST 100.0

static const char *const headings[] = {NULL,
                                       "Reading",
                                       "Durable writing",
                                       "Against SQLite in process",
                                       "Latency (less is better)",
                                       "Many apps",
                                       "Memory",
                                       "Many keys"};

static double place(double ratio)
{
    double clipped = fmin(fmax(ratio, LEAST), MOST);
    return LEFT + (RIGHT - LEFT) * log(clipped / LEAST) / log(MOST / LEAST);
}

static bool drawn(const struct row *row)
{
    return row->unit[0] == '\0';
}

static double height_of(const struct matrix *m)
{
    double y = TOP;
    unsigned point = 0;
    for (unsigned i = 0; i < m->nrows; i++) {
        if (!drawn(&m->rows[i]))
            continue;
        if (m->rows[i].point != point)
            y += ROW + GAP;
        point = m->rows[i].point;
        y += ROW;
    }
    return y + 34;
}

static void draw_axis(struct svg *s, double bottom)
{
    static const double ticks[] = {0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100};
    for (unsigned i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        double x = place(ticks[i]);
        svg_line(s, x, TOP, x, bottom, ticks[i] == 1 ? SVG_SOFT : SVG_GRID, 1);
        svg_text(s, x, TOP - 7, 11, "middle", "normal", SVG_SOFT, "%g×", ticks[i]);
    }
}

/* A bar from 1 to the median, the range of the rounds, and a mark where it has to reach. */
static void draw_row(struct svg *s, const struct row *row, double y)
{
    const char *colour = row->verdict == VERDICT_HOLDS ? SVG_GOOD : SVG_BAD;
    double one = place(1), median = place(row->median), middle = y + ROW / 2;
    double from = fmin(one, median), needed = place(row->needed);
    svg_text(s, LEFT - 12, middle + 4, 12, "end", "normal", SVG_INK, "%s", row->name);
    svg_rect(s, from, middle - 7, fmax(fabs(median - one), 1.5), 14, colour);
    svg_line(s, place(row->min), middle, place(row->max), middle, SVG_INK, 1.2);
    svg_line(s, place(row->min), middle - 3, place(row->min), middle + 3, SVG_INK, 1.2);
    svg_line(s, place(row->max), middle - 3, place(row->max), middle + 3, SVG_INK, 1.2);
    svg_line(s, needed, middle - 10, needed, middle + 10, SVG_INK, 2.4);
    svg_text(s, RIGHT + 14, middle + 4, 12, "start", "bold", SVG_INK,
             row->median < 9.995   ? "%.2f×"
             : row->median < 99.95 ? "%.1f×"
                                   : "%.0f×",
             row->median);
    svg_text(s, RIGHT + 68, middle + 4, 11, "start", "normal", SVG_SOFT, "%s", row->detail);
}

static void draw_rows(struct svg *s, const struct matrix *m)
{
    double y = TOP;
    unsigned point = 0;
    for (unsigned i = 0; i < m->nrows; i++) {
        const struct row *row = &m->rows[i];
        if (!drawn(row))
            continue;
        if (row->point != point) {
            y += GAP;
            svg_text(s, 20, y + ROW - 8, 13, "start", "bold", SVG_INK, "%s", headings[row->point]);
            y += ROW;
        }
        point = row->point;
        draw_row(s, row, y);
        y += ROW;
    }
}

int matrix_plot_ratios(const struct matrix *m, const char *path, struct error *e)
{
    double height = height_of(m);
    struct svg s;
    int rc = svg_begin(&s, path, WIDTH, (int)height, "Bobbin compared, as ratios", e);
    if (rc)
        return rc;
    svg_text(&s, 20, 30, 16, "start", "bold", SVG_INK,
             "Bobbin compared: ratios of throughput and latency");
    svg_text(&s, 20, 48, 11, "start", "normal", SVG_SOFT,
             "median of %u rounds, thin line from the lowest to the highest; upright mark: what is "
             "needed; blue: reached",
             m->options->rounds);
    draw_axis(&s, height - 22);
    draw_rows(&s, m);
    return svg_end(&s, e);
}
