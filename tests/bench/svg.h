/* Just enough SVG for plots: a light ground of its own, so that they can be read on a dark page
 * too. */
#ifndef BOBBIN_BENCH_SVG_H
#define BOBBIN_BENCH_SVG_H

#include <stdio.h>

#include "protocol/errors.h"

#define SVG_INK "#1f2328"
#define SVG_SOFT "#59636e"
#define SVG_GRID "#d8dee4"
/* Distinct for people who do not tell red from green. */
#define SVG_GOOD "#0969da"
#define SVG_BAD "#d4620f"

struct svg {
    FILE *f;
    const char *path;
};

/* Open the file and begin a picture of that size; `title` is for readers that do not see it. */
int svg_begin(struct svg *s, const char *path, int width, int height, const char *title,
              struct error *e);
/* End and close it; says so when not all could be written. */
int svg_end(struct svg *s, struct error *e);

void svg_line(struct svg *s, double x1, double y1, double x2, double y2, const char *colour,
              double width);
void svg_rect(struct svg *s, double x, double y, double width, double height, const char *colour);
void svg_dot(struct svg *s, double x, double y, double radius, const char *colour);
/* anchor: start, middle, end; weight: normal, bold. The text is escaped. */
void svg_text(struct svg *s, double x, double y, int size, const char *anchor, const char *weight,
              const char *colour, const char *format, ...) __attribute__((format(printf, 8, 9)));

#endif
