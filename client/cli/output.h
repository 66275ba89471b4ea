/* What goes to stdout and stderr: bytes, text, one JSON document, one line for an error. Remembers
 * whether stdout took everything. */
#ifndef BOBBIN_CLI_OUTPUT_H
#define BOBBIN_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/include/bobbin.h"

/* What the program exits with. */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_NO = 1, /* no such key, or false */
    EXIT_USAGE = 2,
    EXIT_TROUBLE = 3, /* anything else */
};

struct output {
    bool json;       /* results and errors as JSON on stdout */
    bool terminal;   /* stdout is a terminal */
    bool colour;     /* stdout may be coloured … */
    bool colour_err; /* … and stderr */
    int error;       /* errno of the first write to stdout that failed; 0: none so far */
};

enum colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED, COLOUR_DIM, COLOUR_CYAN };

void output_init(struct output *out, bool json);

/* Bytes as they are. After the first failure nothing more is written. */
void output_bytes(struct output *out, const void *bytes, size_t len);
void output_print(struct output *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Text of somebody else's making: control characters (which a terminal may obey) become '?'. */
void output_clean(struct output *out, const char *text, size_t len);
/* The same in at least `width` columns, coloured if that is wanted. */
void output_cell(struct output *out, const char *text, size_t width, enum colour colour);
/* "KEY<tab>VALUE<newline>", cleaned on a terminal; with `nul` "KEY<NUL>VALUE<NUL>" as they are. */
void output_entry(struct output *out, bool nul, const bobbin_string *key,
                  const bobbin_string *value);
/* A document and a newline; takes over the reference. NULL (no memory) counts as a failed write. */
void output_json(struct output *out, json_t *document);
/* Hand over to the kernel what stdout holds back. */
void output_flush(struct output *out);

/* The escape sequence of a colour; "" when `on` is false. COLOUR_NONE is the way back. */
const char *output_escape(bool on, enum colour colour);

/* One line on stderr, "bobbin: …", whatever newlines are in the text. */
void output_note(const struct output *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The line, and with --json {"error": {code, message}}. Returns EXIT_USAGE for the code "usage",
 * else EXIT_TROUBLE. */
int output_error(struct output *out, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Flush at the end. Returns `status`, or EXIT_TROUBLE, said on stderr, when stdout did not take
 * everything. */
int output_finish(struct output *out, int status);

#endif
