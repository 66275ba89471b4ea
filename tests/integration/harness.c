#include "harness.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/scanner.h"

void harness_init(struct harness *h)
{
    const char *tmp = getenv("TMPDIR");
    memset(h, 0, sizeof *h);
    if (!tmp || strlen(tmp) > 30)
        tmp = "/tmp";
    snprintf(h->dir, sizeof h->dir, "%s/bobbin-test.XXXXXX", tmp);
    ck_assert_ptr_nonnull(mkdtemp(h->dir));
    snprintf(h->socket, sizeof h->socket, "%s/bobbin.sock", h->dir);
    snprintf(h->state, sizeof h->state, "%s/state", h->dir);
    snprintf(h->log, sizeof h->log, "%s/bobbind.log", h->dir);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void harness_fini(struct harness *h)
{
    int status = h->pid ? harness_stop(h) : 0;
    char *log = harness_read_file(h->log);
    /* A sanitizer speaks up at the end, and its exit status is not 0. */
    ck_assert_msg(status == 0, "bobbind ended with status %d:\n%s", status, log ? log : "");
    free(log);
    nftw(h->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

long harness_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool harness_wait(bool (*condition)(void *arg), void *arg)
{
    long deadline = harness_now_ms() + HARNESS_PATIENCE_MS;
    while (!condition(arg)) {
        if (harness_now_ms() > deadline)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return true;
}

static bool daemon_answers(void *arg)
{
    struct harness *h = arg;
    bobbin *b = NULL;
    bool answers = bobbin_connect(h->socket, &b) == BOBBIN_OK;
    bobbin_close(b);
    if (!answers && waitpid(h->pid, NULL, WNOHANG) == h->pid) {
        char *log = harness_read_file(h->log);
        size_t len = log ? strlen(log) : 0;
        h->pid = 0;
        ck_abort_msg("bobbind ended at once: %s", log ? log + (len > 1000 ? len - 1000 : 0) : "");
    }
    return answers;
}

void harness_start(struct harness *h)
{
    fflush(NULL);
    h->pid = fork();
    ck_assert_int_ge(h->pid, 0);
    if (!h->pid) {
        int log = open(h->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDERR_FILENO);
        for (const char *const *at = h->environment; at && at[0]; at += 2)
            setenv(at[0], at[1], 1);
        execl(BOBBIN_BIN_DIR "/bobbind", "bobbind", "--socket", h->socket, "--state-dir", h->state,
              "--log-level", "debug", h->config ? "--config" : (char *)NULL, h->config,
              (char *)NULL);
        _exit(127);
    }
    ck_assert_msg(harness_wait(daemon_answers, h), "bobbind does not answer at %s", h->socket);
}

static int harness_reap(struct harness *h)
{
    int status = 0;
    while (waitpid(h->pid, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    h->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int harness_stop(struct harness *h)
{
    kill(h->pid, SIGTERM);
    return harness_reap(h);
}

void harness_kill(struct harness *h)
{
    kill(h->pid, SIGKILL);
    harness_reap(h);
}

bobbin *harness_connect(struct harness *h, const char *app)
{
    bobbin *b = NULL;
    bobbin_connect(h->socket, &b);
    harness_ok(b, bobbin_ping(b));
    if (app)
        harness_ok(b, bobbin_attach(b, app));
    return b;
}

void harness_make_app(struct harness *h, const char *name, const char *manifest, char ret[160])
{
    char path[200];
    FILE *file;
    snprintf(ret, 160, "%s/%s", h->dir, name);
    ck_assert_msg(!mkdir(ret, 0755) || errno == EEXIST, "mkdir %s: %s", ret, strerror(errno));
    if (!manifest)
        return;
    snprintf(path, sizeof path, "%s/spin.toml", ret);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(manifest, file);
    ck_assert_int_eq(fclose(file), 0);
}

void harness_register(struct harness *h, const char *name, const char *manifest, char ret[160])
{
    bobbin *b = harness_connect(h, NULL);
    harness_make_app(h, name, manifest, ret);
    harness_ok(b, bobbin_app_register(b, ret, NULL));
    bobbin_close(b);
}

char *harness_read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    ssize_t len;
    if (!file)
        return NULL;
    len = getdelim(&text, &size, '\0', file);
    fclose(file);
    if (len < 0) {
        free(text);
        return strdup("");
    }
    return text;
}

bool harness_file_has_line(const char *path, const char *line)
{
    char *text = harness_read_file(path);
    size_t len = strlen(line);
    bool found = false;
    for (const char *at = text; at && *at && !found; at += at[strcspn(at, "\n")] == '\n') {
        size_t at_len = strcspn(at, "\n");
        found = at_len == len && !memcmp(at, line, len);
        at += at_len;
    }
    free(text);
    return found;
}

static bool file_has_line(void *arg)
{
    const char **both = arg;
    return harness_file_has_line(both[0], both[1]);
}

void harness_await_line(const char *path, const char *line)
{
    const char *both[] = {path, line};
    if (!harness_wait(file_has_line, both)) {
        char *text = harness_read_file(path);
        ck_abort_msg("no line '%s' in %s:\n%s", line, path, text ? text : "(no file)");
    }
}

int harness_raw_connect(struct harness *h)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", h->socket);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void harness_raw_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EPIPE)
            return;
        if (n < 0 && errno == EINTR)
            continue;
        ck_assert_msg(n > 0, "send: %s", strerror(errno));
        at += n;
        len -= (size_t)n;
    }
}

bool harness_raw_receive(int fd, struct buffer *in, struct message *ret)
{
    static size_t used; /* of the message handed out before */
    static const struct buffer *used_of;
    struct scanner s;
    struct error e;
    uint32_t id;
    bool has_id;
    if (used_of == in)
        buffer_consume(in, used);
    used_of = in;
    used = 0;
    scanner_init(&s, LIMIT_RESPONSE);
    while (!in->len || scanner_scan(&s, in->data, in->len) == SCANNER_MORE) {
        ssize_t n;
        ck_assert_int_eq(buffer_reserve(in, 4096), 0);
        n = recv(fd, in->data + in->len, in->cap - in->len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        in->len += (size_t)n;
    }
    ck_assert_int_eq(s.result, SCANNER_FRAME);
    ck_assert_msg(!message_read(in->data, s.pos, ret, &id, &has_id, &e), "%s", e.text);
    used = s.pos;
    return true;
}
