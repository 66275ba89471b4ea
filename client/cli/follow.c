#include "client/cli/follow.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/tail.h"

/* One stream of one component. */
struct stream {
    struct tail tail;
    struct output *out;
    char *id; /* the component's */
    bool is_stderr;
    enum colour colour; /* of the component's name */
    bool complained;    /* that the file cannot be read */
};

struct follow {
    struct output *out;
    size_t count;
    struct stream *streams;
};

static void on_line(void *arg, const char *line, size_t len)
{
    struct stream *s = arg;
    struct output *out = s->out;

    /* With --json, stdout is for the one document. */
    if (s->is_stderr || out->json) {
        fprintf(stderr, "%s[%s]%s ", output_escape(out->colour_err, s->colour), s->id,
                output_escape(out->colour_err, COLOUR_NONE));
        fwrite(line, 1, len, stderr);
        fputc('\n', stderr);
        return;
    }
    output_print(out, "%s[%s]%s ", output_escape(out->colour, s->colour), s->id,
                 output_escape(out->colour, COLOUR_NONE));
    output_bytes(out, line, len);
    output_bytes(out, "\n", 1);
}

static int stream_init(struct stream *s, struct follow *f, const bobbin_app_status *app,
                       size_t component, bool is_stderr)
{
    static const enum colour colours[] = {COLOUR_CYAN, COLOUR_GREEN, COLOUR_YELLOW};
    const char *id = app->components[component].id;
    char *path;
    int err;

    s->out = f->out;
    s->is_stderr = is_stderr;
    s->colour = colours[component % (sizeof(colours) / sizeof(colours[0]))];
    s->id = strdup(id);
    if (!s->id || asprintf(&path, "%s/.spin/logs/%s_%s.txt", app->directory, id,
                           is_stderr ? "stderr" : "stdout") < 0)
        return -1;
    err = tail_init(&s->tail, path, on_line, s);
    free(path);
    return err;
}

int follow_new(const bobbin_app_status *app, struct output *out, struct follow **ret)
{
    struct follow *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    f->out = out;
    f->streams = calloc(app->component_count * 2, sizeof(*f->streams));
    if (!f->streams)
        goto fail;
    for (size_t i = 0; i < app->component_count * 2; i++) {
        f->streams[i].tail.fd = -1;
        f->count++;
        if (stream_init(&f->streams[i], f, app, i / 2, i % 2 == 1))
            goto fail;
    }
    *ret = f;
    return 0;

fail:
    follow_free(f);
    return -1;
}

static void complain_once(struct stream *s)
{
    if (s->tail.error && !s->complained) {
        output_note(s->out, "cannot read '%s': %s", s->tail.path, strerror(s->tail.error));
        s->complained = true;
    }
}

void follow_read(struct follow *f)
{
    for (size_t i = 0; i < f->count; i++) {
        tail_read(&f->streams[i].tail);
        complain_once(&f->streams[i]);
    }
    output_flush(f->out);
}

void follow_finish(struct follow *f)
{
    for (size_t i = 0; i < f->count; i++) {
        tail_finish(&f->streams[i].tail);
        complain_once(&f->streams[i]);
    }
    output_flush(f->out);
}

void follow_free(struct follow *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++) {
        tail_fini(&f->streams[i].tail);
        free(f->streams[i].id);
    }
    free(f->streams);
    free(f);
}
