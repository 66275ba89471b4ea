#include "svg.h"

#include <stdarg.h>

static void put_escaped(FILE *f, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        default:
            fputc(*text, f);
        }
    }
}

int svg_begin(struct svg *s, const char *path, int width, int height, const char *title,
              struct error *e)
{
    *s = (struct svg){.f = fopen(path, "we"), .path = path};
    if (!s->f)
        return error_set(e, ERR_OTHER, "cannot write '%s': %m", path);
    fprintf(s->f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
            " viewBox=\"0 0 %d %d\" role=\"img\""
            " font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n<title>",
            width, height, width, height);
    put_escaped(s->f, title);
    fprintf(s->f,
            "</title>\n<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#ffffff\""
            " stroke=\"%s\"/>\n",
            width, height, SVG_GRID);
    return 0;
}

int svg_end(struct svg *s, struct error *e)
{
    int failed;
    fputs("</svg>\n", s->f);
    failed = ferror(s->f);
    failed |= fclose(s->f);
    return failed ? error_set(e, ERR_OTHER, "cannot write '%s'", s->path) : 0;
}

void svg_line(struct svg *s, double x1, double y1, double x2, double y2, const char *colour,
              double width)
{
    fprintf(s->f,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\""
            " stroke-width=\"%.1f\"/>\n",
            x1, y1, x2, y2, colour, width);
}

void svg_rect(struct svg *s, double x, double y, double width, double height, const char *colour)
{
    fprintf(s->f,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"%s\"/>\n",
            x, y, width, height, colour);
}

void svg_dot(struct svg *s, double x, double y, double radius, const char *colour)
{
    fprintf(s->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>\n", x, y, radius,
            colour);
}

void svg_text(struct svg *s, double x, double y, int size, const char *anchor, const char *weight,
              const char *colour, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(s->f,
            "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"%s\" font-weight=\"%s\""
            " fill=\"%s\">",
            x, y, size, anchor, weight, colour);
    put_escaped(s->f, text);
    fputs("</text>\n", s->f);
}
