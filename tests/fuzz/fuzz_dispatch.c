/* The whole of the daemon behind its socket: connection, scanner, dispatch, every method, batcher and a
 * real store in memory. What comes back is well-formed, each answer to a request that was sent, and tells
 * nobody what he may not know.
 *
 * Input: who connects u8 (see enum who), how the bytes are split u8, the bytes sent. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/conn.h"
#include "daemon/dispatch.h"
#include "daemon/file_request.h"
#include "daemon/log.h"
#include "daemon/server.h"
#include "protocol/message.h"
#include "tests/fuzz/fuzz.h"

enum who {
    WHO_ADMIN,    /* attached already */
    WHO_NOBODY,   /* a foreign user */
    WHO_PROCESS,  /* an app process whose component is granted "default" and "shared" */
    WHO_STRANGER, /* an administrator, not attached */
};

static const char manifest[] =
    "spin_manifest_version = 2\n[application]\nname = \"app\"\n"
    "[component.one]\nsource = \"a.wasm\"\nkey_value_stores = [\"default\", \"shared\"]\n"
    "[component.one.tool.bobbin]\nstop_timeout = 0\nrestart = \"no\"\n"
    "[component.two]\nsource = \"a.wasm\"\nkey_value_stores = [\"private\"]\n"
    "[component.two.tool.bobbin]\nstop_timeout = 0\nrestart = \"no\"\n";
/* In "private", which neither a foreign user nor the first component may see. */
static const char secret[] = "only for component two: 77e1";
enum { DIRTY_MAX = 200, SPLITS_MAX = 64, FOREIGN_UID = 54321 };

static struct server server;
static struct access_peer self;
static unsigned dirty; /* inputs since the app's store was made anew */

/* Nothing is registered or written but in the directory of this process. */
static bool is_ours(const char *path)
{
    size_t len = strlen(fuzz_dir());
    return strncmp(path, fuzz_dir(), len) == 0 && path[len] == '/' && !strstr(path, "..");
}

int __real_directory_init(struct directory *d, const char *path, struct error *e);
int __wrap_directory_init(struct directory *d, const char *path, struct error *e);
int __wrap_directory_init(struct directory *d, const char *path, struct error *e)
{
    int rc = __real_directory_init(d, path, e);
    if (rc || is_ours(d->path))
        return rc;
    directory_fini(d);
    return error_set(e, ERR_NO_SUCH_APP, "not here");
}

int __real_file_request_path(struct request *r, const char *what, char **ret, struct error *e);
int __wrap_file_request_path(struct request *r, const char *what, char **ret, struct error *e);
int __wrap_file_request_path(struct request *r, const char *what, char **ret, struct error *e)
{
    int rc = __real_file_request_path(r, what, ret, e);
    if (rc || is_ours(*ret))
        return rc;
    free(*ret);
    *ret = NULL;
    return error_set(e, ERR_OTHER, "not here");
}

/* What came back, and whether it is all that it should be. */
struct peer {
    int fd;
    struct buffer in;
};

static void peer_read(struct peer *p)
{
    ssize_t n;
    do {
        FUZZ_CHECK(buffer_reserve(&p->in, 65536) == 0);
        n = recv(p->fd, p->in.data + p->in.len, 65536, MSG_DONTWAIT);
        p->in.len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
}

static void turn(struct peer *p, uv_run_mode mode)
{
    uv_run(&server.loop, mode);
    peer_read(p);
}

static void peer_send(struct peer *p, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(p->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EPIPE)
            return;
        bytes += n > 0 ? (size_t)n : 0;
        len -= n > 0 ? (size_t)n : 0;
        turn(p, UV_RUN_NOWAIT);
    }
}

static struct app *app(void)
{
    return apps_at(&server.apps, fuzz_path("app"));
}

static struct conn *open_peer(struct peer *p, enum who who)
{
    struct access_peer peer = self;
    struct conn *c;
    int fds[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    *p = (struct peer){.fd = fds[1]};
    if (who == WHO_PROCESS) {
        FUZZ_CHECK(conn_start_component(&server, fds[0], app(), app()->slots[0].component) == 0);
        return NULL;
    }
    c = conn_new(&server);
    FUZZ_CHECK(c && uv_pipe_open(conn_pipe(c), fds[0]) == 0);
    peer.groups = NULL;
    peer.group_count = 0;
    if (who == WHO_NOBODY) {
        peer.uid = FOREIGN_UID;
        peer.admin = false;
    }
    conn_start_peer(c, &peer);
    if (who == WHO_ADMIN)
        conn_bind(c, app());
    return c;
}

/* All is answered that will be. Whoever waits for events has waited long enough. */
static void finish(struct peer *p)
{
    shutdown(p->fd, SHUT_WR);
    while (server.conn_count > 0) {
        for (int i = 0; i < 20 && server.conn_count > 0; i++)
            turn(p, UV_RUN_NOWAIT);
        events_end_waits(&server, NULL);
        if (server.conn_count > 0)
            turn(p, UV_RUN_ONCE);
    }
    peer_read(p);
    close(p->fd);
}

FUZZ_UNSEEN static bool tells_secret(const struct buffer *b)
{
    for (size_t i = 0; i + sizeof secret - 1 <= b->len; i++) {
        size_t n = 0;
        while (n < sizeof secret - 1 && b->data[i + n] == (uint8_t)secret[n])
            n++;
        if (n == sizeof secret - 1)
            return true;
    }
    return false;
}

static void check_answers(const struct buffer *b)
{
    struct scanner s;
    size_t at = 0;
    scanner_init(&s, LIMIT_RESPONSE);
    while (at < b->len) {
        struct message m;
        struct error e;
        uint32_t id;
        bool has_id;
        FUZZ_CHECK(scanner_scan(&s, b->data + at, b->len - at) == SCANNER_FRAME);
        FUZZ_CHECK(message_read(b->data + at, s.pos, &m, &id, &has_id, &e) == 0);
        FUZZ_CHECK(m.kind == MESSAGE_RESPONSE ||
                   (m.kind == MESSAGE_NOTIFICATION && (slice_equals(m.method, "changed") ||
                                                       slice_equals(m.method, "overflow"))));
        if (m.kind == MESSAGE_RESPONSE && m.is_error)
            FUZZ_CHECK(m.text.len > 0 && utf8_valid(m.text.data, m.text.len));
        at += s.pos;
        scanner_next(&s);
    }
}

/* Requests of this file's own; each has to succeed. */
static void ask(enum who who, void (*write)(struct buffer *b))
{
    struct buffer b;
    struct peer p;
    buffer_init(&b);
    write(&b);
    open_peer(&p, who);
    peer_send(&p, b.data, b.len);
    finish(&p);
    check_answers(&p.in);
    FUZZ_CHECK(p.in.len > 3 && p.in.data[0] == 0x94 && p.in.data[3] == 0xc0);
    buffer_fini(&p.in);
    buffer_fini(&b);
}

static void write_register(struct buffer *b)
{
    msgpack_packer pk;
    message_write_request(b, 1, "app.register");
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 1);
    pack_cstr(&pk, fuzz_path("app"));
}

static void write_unregister(struct buffer *b)
{
    msgpack_packer pk;
    message_write_request(b, 1, "app.unregister");
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 1);
    pack_cstr(&pk, fuzz_path("app"));
}

static void write_secret(struct buffer *b)
{
    msgpack_packer pk;
    message_write_request(b, 1, "set");
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 3);
    pack_cstr(&pk, "private");
    pack_cstr(&pk, "secret");
    pack_slice_bin(&pk, (struct slice){secret, sizeof secret - 1});
}

/* The app as it was at first, whatever has become of it. */
static void renew(void)
{
    struct list *it, *tmp;
    list_each(it, tmp, &server.apps.all)
    {
        struct app *other = container_of(it, struct app, link);
        if (other->state == APP_ACTIVE && strcmp(other->directory.path, fuzz_path("app")) != 0)
            app_leave(other, ERR_NO_SUCH_APP, "renewed", false);
    }
    if (app() && app()->state == APP_ACTIVE)
        ask(WHO_STRANGER, write_unregister);
    fuzz_remove(fuzz_path("app"));
    FUZZ_CHECK(mkdir(fuzz_path("app"), 0755) == 0);
    fuzz_write(fuzz_path("app/spin.toml"), manifest, sizeof manifest - 1);
    fuzz_write(fuzz_path("app/a.wasm"), "\0asm\1\0\0", 8);
    ask(WHO_STRANGER, write_register);
    ask(WHO_ADMIN, write_secret);
    dirty = 0;
}

static void end(void)
{
    server_stop(&server);
    server_run(&server);
    server_fini(&server);
}

static void prepare(void)
{
    /* What an upgrade would execute: it answers no question, so that nothing is upgraded. */
    static char program[] = "/bin/false";
    static char *argv[] = {program, NULL};
    static struct config config;
    struct server_options options = {
        .config = &config,
        .socket_path = strdup(fuzz_path("bobbin.sock")),
        .state_dir = strdup(fuzz_path("state")),
        .runner = "/bin/true",
        .store_idle_ms = 5000,
        .store = store_defaults,
        .cache_bytes = 1 << 20,
        .program = {.path = program, .argv = argv},
        .lock_fd = -1,
    };
    struct error e;
    int fds[2];
#define X(name, standard, least, most) options.limits.name = (uint32_t)(standard);
    LIMIT_SETTABLE_LIST(X)
#undef X
    config_init(&config);
    options.store.log_first = 65536;
    log_set_level(LOG_LEVEL_ERROR);
    setenv("UV_THREADPOOL_SIZE", "2", 1);
    FUZZ_CHECK(mkdir(options.state_dir, 0700) == 0);
    FUZZ_CHECK(server_init(&server, &options, &e) == 0);
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    FUZZ_CHECK(access_peer_init(&self, fds[0], &server.options.admins, &e) == 0);
    close(fds[0]);
    close(fds[1]);
    renew();
    atexit(end);
}

/* What the next inputs could not work with. */
static bool is_spoilt(void)
{
    struct app *a = app();
    return ++dirty > DIRTY_MAX || !a || a->state != APP_ACTIVE || app_is_wanted(a) ||
           !app_at_rest(a) || a->manifest_error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    enum who who = fuzz_u8(&f) % 4;
    unsigned split = fuzz_u8(&f);
    struct peer p;
    if (!server.read_buffer)
        prepare();
    open_peer(&p, who);
    for (unsigned n = 0; n < SPLITS_MAX && split && f.left > 0; n++) {
        size_t len;
        const uint8_t *part = fuzz_bytes(&f, 1 + split * (n + 1) % 61, &len);
        peer_send(&p, part, len);
    }
    peer_send(&p, f.at, f.left);
    finish(&p);
    check_answers(&p.in);
    if (who == WHO_NOBODY || who == WHO_PROCESS)
        FUZZ_CHECK(!tells_secret(&p.in));
    buffer_fini(&p.in);
    if (who != WHO_NOBODY && is_spoilt())
        renew();
    return 0;
}
