#include "client/runner/backtrace.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <unwind.h>

#include "client/runner/symbols.h"

/* Lines that are written, and frames that are looked at. */
#define LINES_MAX 32
#define FRAMES_MAX 256

struct walk {
    const int32_t *symbols;
    unsigned frames, lines;
    const char *last; /* the name of the frame before … */
    unsigned repeats; /* … and how often it came again */
};

static struct iovec text(const char *s)
{
    return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

static void write_line(struct walk *w, const char *name)
{
    const struct iovec line[] = {text(w->lines == 0 ? "wasm backtrace:\n  " : "  "), text(name),
                                 text("\n")};
    ssize_t written = writev(STDERR_FILENO, line, sizeof(line) / sizeof(line[0]));
    (void)written;
    w->lines++;
}

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *arg)
{
    struct walk *w = arg;
    int at_instruction = 0; /* else behind the call */
    uintptr_t address = _Unwind_GetIPInfo(context, &at_instruction);
    const char *name = symbols_find(w->symbols, at_instruction ? address : address - 1);
    if (w->lines == LINES_MAX || w->frames++ == FRAMES_MAX) {
        write_line(w, "...");
        return _URC_END_OF_STACK;
    }
    if (name && name == w->last) {
        if (w->repeats++ == 0)
            write_line(w, "(and again)");
    } else if (name) {
        write_line(w, name);
        w->last = name;
        w->repeats = 0;
    }
    return _URC_NO_REASON;
}

void backtrace_write(const int32_t *symbols)
{
    struct walk w = {.symbols = symbols};
    if (symbols)
        _Unwind_Backtrace(on_frame, &w);
}
