#include "client/cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/bytes.h"

static bool may_colour(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (no_color && no_color[0])
        return false;
    return isatty(fd) && term && term[0] && strcmp(term, "dumb") != 0;
}

void output_init(struct output *out, bool json)
{
    *out = (struct output){
        .json = json,
        .terminal = isatty(STDOUT_FILENO) == 1,
        .colour = may_colour(STDOUT_FILENO),
        .colour_err = may_colour(STDERR_FILENO),
    };
}

/* stdio says only that something failed; errno is right only directly behind the call. */
static void note_failure(struct output *out)
{
    if (!out->error)
        out->error = errno ? errno : EIO;
}

void output_bytes(struct output *out, const void *bytes, size_t len)
{
    if (out->error || len == 0)
        return;
    errno = 0;
    if (fwrite(bytes, 1, len, stdout) != len)
        note_failure(out);
}

void output_print(struct output *out, const char *format, ...)
{
    va_list ap;

    if (out->error)
        return;
    errno = 0;
    va_start(ap, format);
    if (vprintf(format, ap) < 0)
        note_failure(out);
    va_end(ap);
}

/* Bytes of the control character at text[0]: C0, DEL, or C1 in UTF-8; 0 if there is none. */
static size_t control_len(const char *text, size_t len)
{
    unsigned char c = (unsigned char)text[0];

    if (c < 0x20 || c == 0x7f)
        return 1;
    if (c == 0xc2 && len > 1 && (unsigned char)text[1] < 0xa0)
        return 2;
    return 0;
}

void output_clean(struct output *out, const char *text, size_t len)
{
    size_t from = 0, i = 0;

    while (i < len) {
        size_t n = control_len(text + i, len - i);

        if (n == 0) {
            i++;
            continue;
        }
        output_bytes(out, text + from, i - from);
        output_bytes(out, "?", 1);
        i += n;
        from = i;
    }
    output_bytes(out, text + from, len - from);
}

void output_cell(struct output *out, const char *text, size_t width, enum colour colour)
{
    size_t columns = bytes_columns(text);

    if (colour != COLOUR_NONE)
        output_print(out, "%s", output_escape(out->colour, colour));
    output_clean(out, text, strlen(text));
    if (colour != COLOUR_NONE)
        output_print(out, "%s", output_escape(out->colour, COLOUR_NONE));
    if (columns < width)
        output_print(out, "%*s", (int)(width - columns), "");
}

static void print_string(struct output *out, bool nul, const bobbin_string *s)
{
    if (out->terminal && !nul)
        output_clean(out, s->data, s->len);
    else
        output_bytes(out, s->data, s->len);
}

void output_entry(struct output *out, bool nul, const bobbin_string *key,
                  const bobbin_string *value)
{
    print_string(out, nul, key);
    output_bytes(out, nul ? "" : "\t", 1);
    print_string(out, nul, value);
    output_bytes(out, nul ? "" : "\n", 1);
}

static int write_json(const char *bytes, size_t len, void *arg)
{
    struct output *out = arg;

    output_bytes(out, bytes, len);
    return out->error ? -1 : 0;
}

void output_json(struct output *out, json_t *document)
{
    if (!document || json_dump_callback(document, write_json, out, JSON_COMPACT)) {
        errno = ENOMEM;
        note_failure(out);
    }
    output_bytes(out, "\n", 1);
    json_decref(document);
}

void output_flush(struct output *out)
{
    errno = 0;
    if (!out->error && fflush(stdout))
        note_failure(out);
}

const char *output_escape(bool on, enum colour colour)
{
    static const char *const escapes[] = {
        [COLOUR_NONE] = "\033[0m", [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
        [COLOUR_RED] = "\033[31m", [COLOUR_DIM] = "\033[2m",    [COLOUR_CYAN] = "\033[36m",
    };

    return on ? escapes[colour] : "";
}

__attribute__((format(printf, 3, 0))) static void format_line(char *line, size_t size,
                                                              const char *format, va_list ap)
{
    vsnprintf(line, size, format, ap);
    for (char *p = line; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    }
}

void output_note(const struct output *out, const char *format, ...)
{
    char line[2000];
    va_list ap;

    va_start(ap, format);
    format_line(line, sizeof(line), format, ap);
    va_end(ap);
    fprintf(stderr, "%sbobbin:%s %s\n", output_escape(out->colour_err, COLOUR_DIM),
            output_escape(out->colour_err, COLOUR_NONE), line);
}

int output_error(struct output *out, const char *code, const char *format, ...)
{
    char line[2000];
    va_list ap;

    va_start(ap, format);
    format_line(line, sizeof(line), format, ap);
    va_end(ap);
    fprintf(stderr, "%sbobbin:%s %s\n", output_escape(out->colour_err, COLOUR_RED),
            output_escape(out->colour_err, COLOUR_NONE), line);
    if (out->json)
        output_json(out, bytes_error_document(code, line));
    return strcmp(code, "usage") == 0 ? EXIT_USAGE : EXIT_TROUBLE;
}

int output_finish(struct output *out, int status)
{
    output_flush(out);
    if (!out->error)
        return status;
    fprintf(stderr, "bobbin: cannot write to standard output: %s\n", strerror(out->error));
    return EXIT_TROUBLE;
}
