#include "echo.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

/* As large as what libuv suggests for a read. */
#define ECHO_READ 65536u

struct echo {
    uv_loop_t loop;
    uv_pipe_t listener;
    size_t request_len;
    size_t reply_len;
    char *replies; /* full of ECHO_BYTE */
    size_t room;   /* bytes of `replies` */
    char scratch[ECHO_READ];
};

struct echo_conn {
    uv_pipe_t pipe;
    struct echo *echo;
    size_t have; /* bytes of a request that is not whole yet */
};

size_t echo_reply_len(enum op op, const struct shape *shape)
{
    size_t id = shape->depth <= 128 ? 1 : 3;
    size_t bin = shape->value_len <= UINT8_MAX ? 2 : shape->value_len <= UINT16_MAX ? 3 : 5;
    return 2 + id + 1 + (op == OP_GET ? bin + shape->value_len : 1);
}

static void on_close(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

/* Answer `n` requests: as a real server would, at once if the socket takes it, else later. */
static void echo_answer(struct echo_conn *c, size_t n)
{
    size_t left = n * c->echo->reply_len;
    while (left) {
        size_t part = left < c->echo->room ? left : c->echo->room;
        uv_buf_t buf = uv_buf_init(c->echo->replies, (unsigned)part);
        int sent = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
        size_t done = sent > 0 ? (size_t)sent : 0;
        if (done < part) {
            uv_write_t *write = malloc(sizeof *write);
            buf = uv_buf_init(c->echo->replies, (unsigned)(part - done));
            if (!write || uv_write(write, (uv_stream_t *)&c->pipe, &buf, 1, on_written))
                abort();
        }
        left -= part;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct echo_conn *c = stream->data;
    (void)buf;
    if (n < 0) {
        uv_close((uv_handle_t *)stream, on_close);
        return;
    }
    c->have += (size_t)n;
    echo_answer(c, c->have / c->echo->request_len);
    c->have %= c->echo->request_len;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct echo_conn *c = handle->data;
    (void)suggested;
    *ret = uv_buf_init(c->echo->scratch, ECHO_READ);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct echo *echo = listener->data;
    struct echo_conn *c = calloc(1, sizeof *c);
    if (status || !c)
        abort();
    c->echo = echo;
    uv_pipe_init(&echo->loop, &c->pipe, 0);
    c->pipe.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) ||
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read))
        uv_close((uv_handle_t *)&c->pipe, on_close);
}

int echo_serve(const char *socket_path, size_t request_len, size_t reply_len)
{
    struct echo *echo = calloc(1, sizeof *echo);
    int rc;
    if (!echo)
        return EXIT_FAILURE;
    echo->request_len = request_len;
    echo->reply_len = reply_len;
    echo->room = reply_len > 4 * ECHO_READ ? reply_len : 4 * ECHO_READ;
    echo->replies = malloc(echo->room);
    if (!echo->replies)
        return EXIT_FAILURE;
    memset(echo->replies, ECHO_BYTE, echo->room);
    uv_loop_init(&echo->loop);
    uv_pipe_init(&echo->loop, &echo->listener, 0);
    echo->listener.data = echo;
    rc = uv_pipe_bind(&echo->listener, socket_path);
    if (!rc)
        rc = uv_listen((uv_stream_t *)&echo->listener, 4096, on_connection);
    if (!rc)
        rc = uv_run(&echo->loop, UV_RUN_DEFAULT);
    fprintf(stderr, "echo: %s\n", uv_strerror(rc));
    return EXIT_FAILURE;
}
