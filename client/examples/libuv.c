/* Counts words with everything under way at once, on libuv's loop: libuv APP WORD…
 *
 * Each word's counter is incremented; the answers come when they come, and none is waited for
 * before the next request is sent. A watch tells of the same changes as they are committed. */
#include <bobbin.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct client {
    bobbin *b;
    uv_poll_t poll;   /* the connection */
    uv_timer_t timer; /* the library's next deadline */
    size_t changes;   /* still to be told */
    int failures;
};

static void client_update(struct client *c);

/* Let the library do what can be done, then wait for what it wants next. */
static void client_process(struct client *c, short revents)
{
    if (bobbin_process(c->b, revents) != BOBBIN_OK) {
        fprintf(stderr, "libuv: %s\n", bobbin_error(c->b));
        c->failures++;
    }
    client_update(c);
}

static void poll_cb(uv_poll_t *poll, int status, int events)
{
    short revents = 0;
    if (events & UV_READABLE)
        revents |= POLLIN;
    if (events & UV_WRITABLE)
        revents |= POLLOUT;
    if (status < 0)
        revents |= POLLERR;
    client_process(poll->data, revents);
}

static void timer_cb(uv_timer_t *timer)
{
    client_process(timer->data, 0);
}

/* Wanted events and deadline may be others after every call of the library. */
static void client_update(struct client *c)
{
    short wanted = bobbin_events(c->b);
    int timeout = bobbin_timeout(c->b);
    int events = (wanted & POLLIN ? UV_READABLE : 0) | (wanted & POLLOUT ? UV_WRITABLE : 0);

    uv_timer_stop(&c->timer);
    if (events == 0 || (bobbin_pending(c->b) == 0 && c->changes == 0)) {
        uv_poll_stop(&c->poll); /* nothing more to come: the loop ends */
        return;
    }
    uv_poll_start(&c->poll, events, poll_cb);
    if (timeout >= 0)
        uv_timer_start(&c->timer, timer_cb, (uint64_t)timeout, 0);
}

static void on_change(void *arg, const bobbin_change *change)
{
    struct client *c = arg;
    printf("commit %llu changed %s\n", (unsigned long long)change->commit,
           change->key.data != NULL ? change->key.data : "more than was told");
    c->changes = change->kind == BOBBIN_CHANGE_OVERFLOW ? 0 : c->changes - (c->changes > 0);
}

static void on_increment(void *arg, const bobbin_result *result)
{
    struct client *c = arg;
    if (result->status != BOBBIN_OK) {
        fprintf(stderr, "libuv: %s\n", result->error);
        c->failures++;
        c->changes -= c->changes > 0;
        return;
    }
    printf("a counter is %lld in commit %llu\n", (long long)result->number,
           (unsigned long long)result->commit);
}

/* Put all requests on their way; nothing is sent yet. */
static bobbin_status client_submit(struct client *c, char **words, int count)
{
    bobbin_status status = BOBBIN_OK;
    for (int i = 0; i < count && status == BOBBIN_OK; i++) {
        bobbin_request request = {.kind = BOBBIN_REQUEST_INCREMENT,
                                  .store = "default",
                                  .key = {words[i], strlen(words[i])},
                                  .delta = 1};
        status = bobbin_submit(c->b, &request, 10000, on_increment, c, NULL);
        c->changes += status == BOBBIN_OK;
    }
    return status;
}

static bobbin_status client_connect(struct client *c, const char *app)
{
    uint64_t watch;
    bobbin_status status = bobbin_connect_within(NULL, 10000, &c->b);
    if (status == BOBBIN_OK)
        status = bobbin_attach(c->b, app);
    if (status == BOBBIN_OK)
        status = bobbin_on_change(c->b, on_change, c);
    if (status == BOBBIN_OK)
        status = bobbin_watch(c->b, "default", NULL, &watch);
    return status;
}

static int client_run(struct client *c, uv_loop_t *loop)
{
    int rc = uv_poll_init(loop, &c->poll, bobbin_fd(c->b));
    if (rc != 0)
        return rc;
    uv_timer_init(loop, &c->timer);
    c->poll.data = c;
    c->timer.data = c;
    client_update(c);
    uv_run(loop, UV_RUN_DEFAULT);
    /* The descriptor is the library's: libuv forgets it before the library closes it. */
    uv_close((uv_handle_t *)&c->poll, NULL);
    uv_close((uv_handle_t *)&c->timer, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}

int main(int argc, char **argv)
{
    struct client c = {0};
    uv_loop_t loop;
    int rc;

    if (argc < 3) {
        fprintf(stderr, "usage: libuv APP WORD…\n");
        return 2;
    }
    if ((rc = uv_loop_init(&loop)) != 0) {
        fprintf(stderr, "libuv: %s\n", uv_strerror(rc));
        return 1;
    }
    bobbin_status status = client_connect(&c, argv[1]);
    if (status == BOBBIN_OK)
        status = client_submit(&c, argv + 2, argc - 2);
    if (status != BOBBIN_OK)
        fprintf(stderr, "libuv: %s\n", bobbin_error(c.b));
    else if ((rc = client_run(&c, &loop)) != 0)
        fprintf(stderr, "libuv: %s\n", uv_strerror(rc));
    bobbin_close(c.b);
    uv_loop_close(&loop);
    return status == BOBBIN_OK && rc == 0 && c.failures == 0 ? 0 : 1;
}
