#include "daemon/launch_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

/* Above everything that the child sets up for itself. */
#define PLAN_FD_MIN 10

static size_t count_of(char *const *v)
{
    size_t n = 0;
    while (v && v[n])
        n++;
    return n;
}

static void strings_free(char **v)
{
    for (size_t i = 0; v && v[i]; i++)
        free(v[i]);
    free(v);
}

/* Append copies; v has room. 0 or ENOMEM. */
static int append(char **v, size_t *n, char *const *from)
{
    for (size_t i = 0; from && from[i]; i++) {
        v[*n] = strdup(from[i]);
        if (!v[*n])
            return ENOMEM;
        (*n)++;
    }
    return 0;
}

static int plan_argv(struct launch_plan *p, const struct launch_request *q)
{
    char *runner[] = {(char *)(uintptr_t)q->runner, q->spec->source, NULL};
    char *const *first = q->spec->command ? q->spec->command : runner;
    size_t n = 0;

    p->argv = calloc(count_of(first) + count_of(q->spec->args) + 1, sizeof(char *));
    if (!p->argv || append(p->argv, &n, first) || append(p->argv, &n, q->spec->args))
        return ENOMEM;
    return 0;
}

static int append_variable(char **v, size_t *n, const char *name, const char *value)
{
    if (asprintf(&v[*n], "%s=%s", name, value) < 0) {
        v[*n] = NULL;
        return ENOMEM;
    }
    (*n)++;
    return 0;
}

/* The lines of BOBBIN_FILES; NULL: no memory. */
static char *join_lines(char *const *lines)
{
    size_t size = 1;
    for (size_t i = 0; lines[i]; i++)
        size += strlen(lines[i]) + 1;
    char *text = malloc(size), *end = text;
    if (!text)
        return NULL;
    for (size_t i = 0; lines[i]; i++) {
        end = stpcpy(end, lines[i]);
        *end++ = '\n';
    }
    *end = '\0';
    return text;
}

static int append_number(char **v, size_t *n, const char *name, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return append_variable(v, n, name, text);
}

/* What only some components are told. */
static int append_options(char **v, size_t *n, const struct component_spec *spec)
{
    int r = 0;

    if (spec->source)
        r = append_variable(v, n, "BOBBIN_SOURCE", spec->source);
    if (!r && spec->ready == READY_LINE)
        r = append_variable(v, n, "BOBBIN_READY_FD", "4");
    if (!r && spec->watchdog_ms)
        r = append_variable(v, n, "BOBBIN_WATCHDOG_FD", "4");
    if (!r && spec->memory_max)
        r = append_number(v, n, "BOBBIN_MEMORY_MAX", spec->memory_max);
    if (!r && spec->watchdog_ms)
        r = append_number(v, n, "BOBBIN_WATCHDOG_MS", spec->watchdog_ms);
    if (!r && spec->files[0]) {
        char *lines = join_lines(spec->files);
        r = lines ? append_variable(v, n, "BOBBIN_FILES", lines) : ENOMEM;
        free(lines);
    }
    return r;
}

static int plan_environment(struct launch_plan *p, const struct launch_request *q)
{
    char **v = calloc(count_of(q->spec->environment) + 12, sizeof(char *));
    char *state = NULL;
    size_t n = 0;
    int r;

    p->envp = v;
    if (!v || asprintf(&state, "%s/.spin", q->directory->path) < 0)
        return ENOMEM;
    r = append(v, &n, q->spec->environment) || append_variable(v, &n, "BOBBIN_FD", "3") ||
        append_variable(v, &n, "BOBBIN_APP", q->app) ||
        append_variable(v, &n, "BOBBIN_COMPONENT", q->spec->id) ||
        append_number(v, &n, "BOBBIN_INSTANCE", q->instance) ||
        append_variable(v, &n, "BOBBIN_STATE_DIR", state) || append_options(v, &n, q->spec);
    free(state);
    return r ? ENOMEM : 0;
}

static bool runnable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* A program of the app's own: wherever links lead, it must be within the directory. */
static char *find_in_app(const char *word, const struct directory *d, struct error *e)
{
    char *path = NULL, *real;
    size_t len = strlen(d->path);

    if (asprintf(&path, "%s/%s", d->path, word) < 0) {
        error_set(e, ERR_OTHER, "out of memory");
        return NULL;
    }
    real = realpath(path, NULL);
    if (real && (strncmp(real, d->path, len) != 0 || real[len] != '/')) {
        error_set(e, ERR_OTHER, "cannot run '%s': it leads out of the app directory", path);
        free(path);
        path = NULL;
    }
    free(real);
    return path;
}

/* The absolute path of the program: as a shell would find it, but on a path of our own, and from
 * the app directory. NULL with the error in *e. */
static char *find_program(const char *word, const struct directory *d, struct error *e)
{
    char *path = NULL;

    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) ; no command has no first word */
    if (strchr(word, '/') && *word != '/')
        return find_in_app(word, d, e);

    if (*word == '/') {
        path = strdup(word);
        if (!path)
            error_set(e, ERR_OTHER, "out of memory");
        return path;
    }
    for (const char *dir = LAUNCH_PATH; *dir;) {
        int len = (int)strcspn(dir, ":");
        if (asprintf(&path, "%.*s/%s", len, dir, word) < 0) {
            error_set(e, ERR_OTHER, "out of memory");
            return NULL;
        }
        if (runnable(path))
            return path;
        free(path);
        dir += len + (dir[len] == ':');
    }
    error_set(e, ERR_OTHER, "cannot run '%s': no such program in " LAUNCH_PATH, word);
    return NULL;
}

/* Move a descriptor out of the child's way; takes `fd` also on failure. -1 with errno. */
static int lift(int fd)
{
    int lifted;

    if (fd < 0 || fd >= PLAN_FD_MIN)
        return fd;
    lifted = fcntl(fd, F_DUPFD_CLOEXEC, PLAN_FD_MIN);
    int saved = errno;
    close(fd);
    errno = saved;
    return lifted;
}

static int plan_pipe(int *ret_read, int *ret_write)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0)
        return -1;
    *ret_read = lift(fds[0]);
    *ret_write = lift(fds[1]);
    return *ret_read < 0 || *ret_write < 0 ? -1 : 0;
}

static int plan_connection(struct launch_plan *p)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return -1;
    p->ours.connection = lift(fds[0]);
    p->connection = lift(fds[1]);
    if (p->ours.connection < 0 || p->connection < 0)
        return -1;
    return fcntl(p->ours.connection, F_SETFL, O_NONBLOCK);
}

/* By control group where there is one; where there is none, as far as rlimits go. */
static void plan_limits(struct launch_plan *p, const struct launch_request *q)
{
    struct error e;
    int fd = -1;

    p->files_max = q->spec->files_max;
    if (q->cgroup) {
        cgroup_name(p->group, q->directory, q->app, q->spec->id, q->instance);
        fd = cgroup_prepare(q->cgroup, p->group, q->spec, &e);
        if (fd >= 0)
            p->cgroup = q->cgroup;
        else
            log_warning("app '%s' component '%s': %s", q->app, q->spec->id, e.text);
    }
    p->procs = fd >= 0 ? lift(fd) : -1;
    if (p->procs >= 0)
        return;
    p->data_max = q->spec->memory_max;
    if (q->spec->cpu_max)
        log_warning("app '%s' component '%s': cpu_max is not in force: the daemon has no control "
                    "group of its own (Delegate=yes)",
                    q->app, q->spec->id);
}

static int plan_ready(struct launch_plan *p)
{
    if (plan_pipe(&p->ours.ready, &p->ready) != 0)
        return -1;
    return fcntl(p->ours.ready, F_SETFL, O_NONBLOCK);
}

/* Whether it has a descriptor to say that it is ready, or alive. */
static bool speaks(const struct component_spec *spec)
{
    return spec->ready == READY_LINE || spec->watchdog_ms > 0;
}

static int plan_descriptors(struct launch_plan *p, const struct launch_request *q, struct error *e)
{
    const struct directory *d = q->directory;
    /* Looks whether it still is the directory that was registered, and leads back to it. */
    int state = directory_open_state(d, e);

    if (state < 0)
        return state;
    p->cwd = lift(openat(state, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    close(state);
    p->null = lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (p->cwd < 0 || p->null < 0 || plan_pipe(&p->ours.out, &p->out) != 0 ||
        plan_pipe(&p->ours.err, &p->err) != 0 || plan_pipe(&p->our_report, &p->report) != 0 ||
        plan_connection(p) != 0 || (speaks(q->spec) && plan_ready(p) != 0))
        return error_set(e, ERR_OTHER, "cannot open what a process in '%s' needs: %s", d->path,
                         strerror(errno));
    return 0;
}

int launch_plan_init(struct launch_plan *p, const struct launch_request *q, struct error *e)
{
    int code;

    memset(p, 0, sizeof(*p));
    p->cwd = p->null = p->out = p->err = p->connection = p->report = p->our_report = -1;
    p->ready = p->procs = -1;
    p->ours = LAUNCHED_NONE;
    p->warden = q->warden;
    p->parent = getpid();
    p->outlives = q->outlives;

    if (!q->spec->command && !q->spec->source) {
        code =
            error_set(e, ERR_OTHER, "component '%s' has neither source nor command", q->spec->id);
        goto fail;
    }
    if (plan_argv(p, q) || plan_environment(p, q)) {
        code = error_set(e, ERR_OTHER, "out of memory");
        goto fail;
    }
    p->program = find_program(p->argv[0], q->directory, e);
    code = p->program ? 0 : e->code;
    if (code == 0)
        code = directory_check_private(q->directory, e);
    if (code == 0)
        code = launch_user(p, q->directory, e);
    if (code == 0)
        code = plan_descriptors(p, q, e);
    if (code == 0) {
        plan_limits(p, q);
        return 0;
    }
fail:
    launch_plan_fini(p);
    return code;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void launch_plan_close_child(struct launch_plan *p)
{
    close_fd(&p->cwd);
    close_fd(&p->null);
    close_fd(&p->out);
    close_fd(&p->err);
    close_fd(&p->connection);
    close_fd(&p->report);
    close_fd(&p->ready);
    close_fd(&p->procs);
}

void launch_plan_fini(struct launch_plan *p)
{
    launch_plan_close_child(p);
    close_fd(&p->our_report);
    close_fd(&p->ours.pidfd);
    close_fd(&p->ours.connection);
    close_fd(&p->ours.out);
    close_fd(&p->ours.err);
    close_fd(&p->ours.ready);
    free(p->program);
    strings_free(p->argv);
    strings_free(p->envp);
    free(p->groups);
}
