#include "talk.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notation.h"
#include "protocol/scanner.h"

void talk_open(struct talk *t, struct harness *h, const char *app)
{
    memset(t, 0, sizeof *t);
    t->fd = harness_raw_connect(h);
    buffer_init(&t->in);
    buffer_init(&t->out);
    if (app) {
        const char *session = talk_ask(t, "attach", "['%s']", app);
        ck_assert_msg(session[0] == '{', "%s", session);
    }
}

void talk_close(struct talk *t)
{
    close(t->fd);
    buffer_fini(&t->in);
    buffer_fini(&t->out);
    free(t->line);
    t->line = NULL;
}

static __attribute__((format(printf, 3, 0))) void talk_add_args(struct talk *t, const char *method,
                                                                const char *format, va_list args)
{
    msgpack_packer pk;
    char *params;
    ck_assert_int_ge(vasprintf(&params, format, args), 0);
    message_write_request(&t->out, ++t->id, method);
    pack_init(&pk, &t->out);
    notation_pack(&pk, params);
    free(params);
}

uint32_t talk_add(struct talk *t, const char *method, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    talk_add_args(t, method, format, args);
    va_end(args);
    return t->id;
}

void talk_flush(struct talk *t)
{
    harness_raw_send(t->fd, t->out.data, t->out.len);
    buffer_clear(&t->out);
}

bool talk_receive(struct talk *t, struct message *ret)
{
    struct scanner s;
    struct error e;
    uint32_t id;
    bool has_id;
    scanner_init(&s, LIMIT_RESPONSE);
    while (t->in.len == t->used ||
           scanner_scan(&s, t->in.data + t->used, t->in.len - t->used) == SCANNER_MORE) {
        ssize_t n;
        buffer_consume(&t->in, t->used);
        t->used = 0;
        ck_assert_int_eq(buffer_reserve(&t->in, 65536), 0);
        n = recv(t->fd, t->in.data + t->in.len, t->in.cap - t->in.len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        t->in.len += (size_t)n;
    }
    ck_assert_int_eq(s.result, SCANNER_FRAME);
    ck_assert_msg(!message_read(t->in.data + t->used, s.pos, ret, &id, &has_id, &e), "%s", e.text);
    t->used += s.pos;
    return true;
}

static char *talk_show(const struct message *m)
{
    struct buffer text;
    struct reader r = m->kind == MESSAGE_RESPONSE ? m->result : m->params;
    char *line;
    int len;
    buffer_init(&text);
    if (m->kind == MESSAGE_RESPONSE && m->is_error) {
        len = asprintf(&line, "error %u: %.*s: %.*s", m->id, (int)m->code.len, m->code.data,
                       (int)m->text.len, m->text.data);
    } else if (m->kind == MESSAGE_RESPONSE) {
        notation_show(&r, &text);
        len = asprintf(&line, "result %u: %.*s", m->id, (int)text.len, (char *)text.data);
    } else {
        buffer_append(&text, "[", 1);
        for (uint32_t i = 0; i < m->param_count; i++) {
            buffer_append(&text, ", ", i ? 2 : 0);
            notation_show(&r, &text);
        }
        len = asprintf(&line, "%.*s: %.*s]", (int)m->method.len, m->method.data, (int)text.len,
                       (char *)text.data);
    }
    ck_assert_int_ge(len, 0);
    buffer_fini(&text);
    return line;
}

const char *talk_next(struct talk *t)
{
    struct message m;
    free(t->line);
    t->line = NULL;
    if (talk_receive(t, &m))
        t->line = talk_show(&m);
    return t->line;
}

const char *talk_ask(struct talk *t, const char *method, const char *format, ...)
{
    char head[32];
    const char *line;
    va_list args;
    va_start(args, format);
    talk_add_args(t, method, format, args);
    va_end(args);
    talk_flush(t);
    line = talk_next(t);
    ck_assert_msg(line != NULL, "%s: closed", method);
    snprintf(head, sizeof head, "%s %u: ", strncmp(line, "error", 5) ? "result" : "error", t->id);
    ck_assert_msg(!strncmp(line, head, strlen(head)), "%s: '%s' is not its answer", method, line);
    return line + strlen(head);
}
