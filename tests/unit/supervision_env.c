#include "supervision_env.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

#define DEADLINE_MS 60000

struct env env;

void env_setup(void)
{
    struct error e;

    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(env.base, sizeof(env.base), "/tmp/bobbin-sup-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(env.base));
    ck_assert_int_eq(chmod(env.base, 0755), 0); /* for the users that processes are run as */
    snprintf(env.app, sizeof(env.app), "%s/counter", env.base);
    ck_assert_int_eq(mkdir(env.app, 0755), 0);
    ck_assert_int_eq(directory_init(&env.directory, env.app, &e), 0);
    ck_assert_int_eq(uv_loop_init(&env.loop), 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void env_teardown(void)
{
    uv_run(&env.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&env.loop), 0);
    directory_fini(&env.directory);
    nftw(env.base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void env_write(const char *path, const char *text, mode_t mode)
{
    char full[300];

    snprintf(full, sizeof(full), "%s/%s", env.app, path);
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

char *env_read(const char *path, size_t *ret_len)
{
    char full[300];
    size_t len = 0;
    char *text;

    snprintf(full, sizeof(full), "%s/%s", env.app, path);
    FILE *f = fopen(full, "re");
    if (!f)
        return strdup("");
    fseek(f, 0, SEEK_END);
    len = (size_t)ftell(f);
    rewind(f);
    text = malloc(len + 1);
    ck_assert_ptr_nonnull(text);
    len = fread(text, 1, len, f);
    text[len] = '\0';
    fclose(f);
    if (ret_len)
        *ret_len = len;
    return text;
}

void env_check_contains(const char *path, const char *needle)
{
    char *text = env_read(path, NULL);
    ck_assert_msg(strstr(text, needle), "'%s' is not in %s:\n%s", needle, path, text);
    free(text);
}

/* A zombie that nobody has waited for yet counts as gone. */
bool env_process_exists(pid_t pid)
{
    char path[64], line[256] = "";

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    char *got = fgets(line, sizeof(line), f);
    fclose(f);
    const char *paren = strrchr(line, ')');
    return got && paren && paren[2] != 'Z' && paren[2] != 'X';
}

pid_t env_read_pid(const char *path)
{
    char *text = env_read(path, NULL);
    /* Written whole only with the newline. */
    pid_t pid = strchr(text, '\n') ? (pid_t)atoi(text) : 0;
    free(text);
    return pid;
}

static void tick(uv_timer_t *timer)
{
    (void)timer; /* only wakes the loop, so that the condition is looked at */
}

static void on_tick_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

void env_until(bool (*condition)(void *arg), void *arg)
{
    uint64_t end = uv_hrtime() + DEADLINE_MS * UINT64_C(1000000);
    uv_timer_t timer;

    uv_timer_init(&env.loop, &timer);
    uv_timer_start(&timer, tick, 5, 5);
    while (!condition(arg)) {
        ck_assert_msg(uv_hrtime() < end, "not within %d s", DEADLINE_MS / 1000);
        uv_run(&env.loop, UV_RUN_ONCE);
    }
    bool closed = false;
    timer.data = &closed;
    uv_close((uv_handle_t *)&timer, on_tick_closed);
    while (!closed)
        uv_run(&env.loop, UV_RUN_NOWAIT);
}

static void on_connection(void *arg, struct component *c, int fd)
{
    struct subject *s = arg;

    ck_assert_ptr_eq(c, s->component);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    if (s->connection >= 0)
        close(s->connection);
    s->connection = fd;
}

static void on_change(void *arg, struct component *c)
{
    struct subject *s = arg;

    size_t len = strlen(s->states);
    snprintf(s->states + len, sizeof(s->states) - len, "%s ",
             component_state_word(component_status(c).state));
}

void subject_init(struct subject *s, const char *tool, const char *rest, struct warden *warden)
{
    struct component_host host = {.warden = warden};
    subject_init_host(s, tool, rest, &host);
}

void subject_init_gate(struct subject *s, const char *tool, struct launch_gate *gate)
{
    struct component_host host = {.gate = gate};
    subject_init_host(s, tool, "", &host);
}

void subject_init_host(struct subject *s, const char *tool, const char *rest,
                       const struct component_host *with)
{
    char text[4096];
    struct error e;

    snprintf(text, sizeof(text),
             "spin_manifest_version = 2\n[application]\nname = \"counter\"\n"
             "[component.c]\n%s\n[component.c.tool.bobbin]\n%s\n",
             rest, tool);
    env_write("spin.toml", text, 0644);
    memset(s, 0, sizeof(*s));
    s->connection = -1;
    ck_assert_msg(manifest_load(env.app, &s->manifest, &e) == 0, "%s", e.text);

    struct component_host host = {
        .gate = with->gate,
        .cgroup = with->cgroup,
        .loop = &env.loop,
        .app = s->manifest->name,
        .directory = &env.directory,
        .runner = "/bin/cat",
        .warden = with->warden,
        .on_connection = on_connection,
        .on_change = on_change,
        .arg = s,
    };
    ck_assert_int_eq(component_new(&host, s->manifest->components[0], 1, &s->component, &e), 0);
    ck_assert_str_eq(component_spec(s->component)->id, "c");
}

static bool at_rest(void *arg)
{
    return component_at_rest(((struct subject *)arg)->component);
}

static void on_freed(void *arg)
{
    ((struct subject *)arg)->freed = true;
}

static bool is_freed(void *arg)
{
    return ((struct subject *)arg)->freed;
}

void subject_fini(struct subject *s)
{
    component_stop(s->component);
    env_until(at_rest, s);
    component_free(s->component, on_freed, s);
    ck_assert(!s->freed);
    env_until(is_freed, s);
    manifest_free(s->manifest);
    if (s->connection >= 0)
        close(s->connection);
}

enum component_state subject_state(const struct subject *s)
{
    return component_status(s->component).state;
}

struct awaited {
    struct subject *subject;
    enum component_state state;
};

/* Also told, not only so. */
static bool in_state(void *arg)
{
    struct awaited *a = arg;
    const char *states = a->subject->states, *word = component_state_word(a->state);
    size_t len = strlen(states), n = strlen(word) + 1;

    return subject_state(a->subject) == a->state && len >= n &&
           strncmp(states + len - n, word, n - 1) == 0;
}

void subject_until(struct subject *s, enum component_state state)
{
    struct awaited a = {s, state};
    env_until(in_state, &a);
}
