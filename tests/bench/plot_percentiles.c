/* Latencies by percentile, both axes logarithmic: the right side is where the tails are. */
#include <math.h>

#include "matrix.h"
#include "svg.h"

#define WIDTH 900
#define HEIGHT 480
#define LEFT 70.0
#define RIGHT 720.0
#define TOP 66.0
#define BOTTOM 425.0
#define NINES 4.0 /* 99.99 % is the right edge */

struct curve {
    struct cell cell;
    const char *name;
    const char *colour;
};

static const struct curve curves[] = {
    {{BED_ECHO, OP_GET, 50, 1, 1, 0}, "echo", "#8c959f"},
    {{BED_BOBBIN, OP_GET, 50, 1, 1, 0}, "GET, Bobbin", "#0969da"},
    {{BED_REDIS, OP_GET, 50, 1, 1, 0}, "GET, Redis", "#d4620f"},
    {{BED_BOBBIN, OP_SET, 50, 1, 1, 0}, "SET, Bobbin", "#0a3069"},
    {{BED_REDIS, OP_SET, 50, 1, 1, 0}, "SET, Redis", "#873800"},
    {{BED_SPIN, OP_SET, 50, 1, 1, 0}, "SET, SQLite as Spin", "#8250df"},
};
#define CURVES (sizeof curves / sizeof curves[0])

/* The range of the vertical axis, in whole decades of µs. */
struct range {
    double low, high; /* powers of ten */
};

static double x_of(double nines)
{
    return LEFT + (RIGHT - LEFT) * nines / NINES;
}

static double y_of(const struct range *r, double us)
{
    return BOTTOM - (BOTTOM - TOP) * (log10(us) - r->low) / (r->high - r->low);
}

static double percentile_us(const struct hist *h, double nines)
{
    return fmax((double)hist_percentile(h, 100 - 100 * pow(10, -nines)) / 1e3, 1);
}

static struct range find_range(const struct matrix *m)
{
    struct range r = {9, 0};
    for (unsigned i = 0; i < CURVES; i++) {
        const struct cell_result *result = matrix_find(m, &curves[i].cell);
        if (!result || !result->hist.total)
            continue;
        r.low = fmin(r.low, floor(log10(percentile_us(&result->hist, 0))));
        r.high = fmax(r.high, ceil(log10(percentile_us(&result->hist, NINES))));
    }
    return r.low < r.high ? r : (struct range){0, 6};
}

static void us_text(double us, char *ret, size_t size)
{
    if (us < 999.5)
        snprintf(ret, size, "%.0f µs", us);
    else if (us < 999500)
        snprintf(ret, size, "%g ms", round(us / 100) / 10);
    else
        snprintf(ret, size, "%g s", round(us / 100000) / 10);
}

static void draw_axes(struct svg *s, const struct range *r)
{
    static const struct {
        double nines;
        const char *name;
    } ticks[] = {{0, "0 %"},  {0.30103, "50 %"}, {1, "90 %"},
                 {2, "99 %"}, {3, "99.9 %"},     {4, "99.99 %"}};
    char text[32];
    for (unsigned i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        svg_line(s, x_of(ticks[i].nines), TOP, x_of(ticks[i].nines), BOTTOM, SVG_GRID, 1);
        svg_text(s, x_of(ticks[i].nines), BOTTOM + 18, 11, "middle", "normal", SVG_SOFT, "%s",
                 ticks[i].name);
    }
    for (double decade = r->low; decade <= r->high; decade++) {
        double y = y_of(r, pow(10, decade));
        us_text(pow(10, decade), text, sizeof text);
        svg_line(s, LEFT, y, RIGHT, y, SVG_GRID, 1);
        svg_text(s, LEFT - 8, y + 4, 11, "end", "normal", SVG_SOFT, "%s", text);
    }
    svg_text(s, (LEFT + RIGHT) / 2, BOTTOM + 40, 12, "middle", "normal", SVG_SOFT,
             "so many of the requests were answered within that time");
}

static void draw_curve(struct svg *s, const struct range *r, const struct curve *curve,
                       const struct hist *h)
{
    fprintf(s->f, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"",
            curve->colour);
    for (int i = 0; i <= 200; i++) {
        double nines = NINES * i / 200;
        fprintf(s->f, "%.1f,%.1f ", x_of(nines), y_of(r, percentile_us(h, nines)));
    }
    fputs("\"/>\n", s->f);
}

/* Names stand where their curves end, in the order of the ends, none over another. */
static void draw_names(struct svg *s, const struct range *r, const struct matrix *m)
{
    bool named[CURVES] = {false};
    double below = TOP - 20;
    for (unsigned n = 0; n < CURVES; n++) {
        const struct hist *highest = NULL;
        unsigned at = 0;
        char text[32];
        for (unsigned i = 0; i < CURVES; i++) {
            const struct cell_result *result = matrix_find(m, &curves[i].cell);
            if (named[i] || !result || !result->hist.total)
                continue;
            if (!highest || percentile_us(&result->hist, NINES) > percentile_us(highest, NINES)) {
                highest = &result->hist;
                at = i;
            }
        }
        if (!highest)
            return;
        named[at] = true;
        below = fmax(below + 32, y_of(r, percentile_us(highest, NINES)));
        us_text(percentile_us(highest, 0.30103), text, sizeof text);
        svg_text(s, RIGHT + 10, below, 12, "start", "bold", curves[at].colour, "%s",
                 curves[at].name);
        svg_text(s, RIGHT + 10, below + 14, 11, "start", "normal", SVG_SOFT, "half within %s",
                 text);
    }
}

int matrix_plot_percentiles(const struct matrix *m, const char *path, struct error *e)
{
    struct range range = find_range(m);
    struct svg s;
    int rc = svg_begin(&s, path, WIDTH, HEIGHT, "Latencies by percentile", e);
    if (rc)
        return rc;
    svg_text(&s, 20, 30, 16, "start", "bold", SVG_INK, "Latency with 50 clients, one request each");
    svg_text(&s, 20, 48, 11, "start", "normal", SVG_SOFT,
             "all requests of %u rounds; both axes are logarithmic", m->options->rounds);
    draw_axes(&s, &range);
    for (unsigned i = 0; i < CURVES; i++) {
        const struct cell_result *result = matrix_find(m, &curves[i].cell);
        if (result && result->hist.total)
            draw_curve(&s, &range, &curves[i], &result->hist);
    }
    draw_names(&s, &range, m);
    return svg_end(&s, e);
}
