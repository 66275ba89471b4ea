/* bobbind: set-up in the order that matters, then the server. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/activation.h"
#include "daemon/ahead.h"
#include "daemon/access.h"
#include "daemon/cgroup.h"
#include "daemon/config.h"
#include "daemon/handover.h"
#include "daemon/handover_state.h"
#include "daemon/inspect.h"
#include "daemon/leader.h"
#include "daemon/log.h"
#include "daemon/loop_memory.h"
#include "daemon/options.h"
#include "daemon/server.h"
#include "daemon/warden.h"

enum { EXIT_USAGE = 2, ARENAS = 4 };

/* mkdir -p, for us alone. */
static int make_directories(const char *path, struct error *e)
{
    char *copy;
    int rc = 0;
    if (!*path)
        return error_set(e, ERR_INVALID_REQUEST, "the state directory's path is empty");
    copy = strdup(path);
    if (!copy)
        return error_set(e, ERR_OTHER, "out of memory");
    for (char *slash = strchr(copy + 1, '/'); !rc; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(copy, 0700) && errno != EEXIST)
            rc = error_set(e, ERR_OTHER, "cannot make directory '%s': %m", copy);
        if (!slash)
            break;
        *slash = '/';
    }
    free(copy);
    return rc;
}

/* Take note of a lock that this process holds already, as the daemon before. */
static bool keep_lock(const char *path, int fd)
{
    struct stat held, there;
    return fd >= 0 && !fstat(fd, &held) && !stat(path, &there) && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

/* One daemon a state directory. The lock is let go by the kernel, however the daemon ends. */
static int lock_state_dir(const char *state_dir, int held, int *ret_fd, struct error *e)
{
    char path[4096];
    int fd;
    int rc = make_directories(state_dir, e);
    if (rc)
        return rc;
    snprintf(path, sizeof path, "%s/lock", state_dir);
    /* Closing any other descriptor of the file would let go of it. */
    if (keep_lock(path, held)) {
        *ret_fd = held;
        return 0;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot open '%s': %m", path);
    /* A record lock, which no child inherits: one that is still ending would hold it for a moment. */
    if (fcntl(fd, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET})) {
        rc = errno == EAGAIN || errno == EACCES
                 ? error_set(e, ERR_OTHER, "another bobbind uses the state directory '%s'", state_dir)
                 : error_set(e, ERR_OTHER, "cannot lock '%s': %m", path);
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

/* What looks users up is loaded when it is used first, and glibc does not survive that memory is short then. So it is before
 * anybody counts on this process; whom nobody knows has all services asked. */
static void load_user_services(void)
{
    enum { NOBODY = 0x7ffffffe };
    char buffer[1024];
    struct passwd user, *found_user;
    struct group group, *found_group;
    getpwuid_r(NOBODY, &user, buffer, sizeof buffer, &found_user);
    getgrgid_r(NOBODY, &group, buffer, sizeof buffer, &found_group);
}

static void prepare_process(const struct config *config)
{
    struct rlimit files;
    char threads[16];
    signal(SIGPIPE, SIG_IGN);
    /* Otherwise each thread of the pool has an arena of its own, and each of them grows to what the largest
     * batch has ever taken: tens of megabytes that nobody uses. */
    mallopt(M_ARENA_MAX, ARENAS);
    loop_memory_init();
    umask(0077);
    load_user_services();
    if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    snprintf(threads, sizeof threads, "%u", config->threads);
    setenv("UV_THREADPOOL_SIZE", threads, 1);
}

/* What the server's thread is given, and what came of it. */
struct serving {
    struct config *config;
    int argc; /* of the program's argv */
    struct activation activation;
    struct warden *warden;
    struct cgroup *cgroup;
    struct server_program program;
    int lock;
    struct handover_in *handover;
    struct leader *leader;
    int rc;
    struct error error;
};

static int serve(const struct serving *s, struct error *e)
{
    const struct config *config = s->config;
    struct server_options options = {
        .socket_path = config->socket,
        .state_dir = config->state_dir,
        .runner = config->runner,
        .store = store_defaults,
        .cache_bytes = config->cache_bytes,
        .warden = s->warden,
        .cgroup = s->cgroup,
        .leader = s->leader,
        .metrics_listen = config->metrics_listen.items,
        .metrics_listen_count = config->metrics_listen.count,
        .program = s->program,
        .lock_fd = s->lock,
        .kept_max = fdstore_size(),
        .handover = s->handover,
        .activation = s->activation,
        .config = s->config,
        .argc = s->argc,
    };
    struct server server;
    struct store_share share = {.bytes = config->store_memory};
    store_library_init();
    options.store.share = &share;
    int rc = 0;
    reconfig_set_options(&options, config);
    if (config->admin_group)
        rc = access_admins_find(&options.admins, config->admin_group, e);
    if (!rc)
        rc = server_init(&server, &options, e);
    if (rc)
        return rc;
    log_info("bobbind %s serves at '%s', state in '%s'", BOBBIN_VERSION, config->socket,
             config->state_dir);
    rc = server_run(&server);
    server_fini(&server);
    if (server.upgrade.restart)
        upgrade_restart(&server);
    log_info("stopped");
    return rc;
}

static void *serve_thread(void *arg)
{
    struct serving *s = arg;
    s->rc = serve(s, &s->error);
    leader_stop(s->leader);
    return NULL;
}

/* Serve on another thread, as this one has to fork the app processes. */
static int serve_beside(struct serving *s, struct error *e)
{
    pthread_t thread;
    int rc = leader_new(&s->leader, e);
    if (rc)
        return rc;
    rc = pthread_create(&thread, NULL, serve_thread, s);
    if (rc) {
        rc = error_set(e, ERR_OTHER, "cannot start a thread: %s", strerror(rc));
    } else {
        leader_run(s->leader);
        pthread_join(thread, NULL);
        rc = s->rc;
        *e = s->error;
    }
    leader_free(s->leader);
    return rc;
}

/* What an upgrade runs: the daemon's name as it was called, where that leads to a new version by now, or the file
 * that it was. NULL: not known. */
static char *program_path(const char *name)
{
    char path[PATH_MAX];
    char *made = NULL;
    ssize_t len;
    if (*name == '/')
        return strdup(name);
    if (strchr(name, '/') && getcwd(path, sizeof path))
        return asprintf(&made, "%s/%s", path, name) < 0 ? NULL : made;
    len = readlink("/proc/self/exe", path, sizeof path - 1);
    return len < 0 ? NULL : strndup(path, (size_t)len);
}

/* Go on from what the daemon before left, or from nothing. */
static void take_over(struct handover_in **ret, struct handover_base *base)
{
    struct error e;
    *base = (struct handover_base){.lock = -1, .warden = -1, .metrics = -1};
    if (!handover_receive(ret, &e) && (!*ret || handover_take_base(*ret, base)))
        return;
    log_error("%s: all app processes are started anew", *ret ? "the handover is damaged" : e.text);
    if (*ret)
        handover_discard();
    handover_in_free(*ret);
    *ret = NULL;
}

/* Becomes the runner where there is anything to compile. */
static int build(const char *path, struct config *config)
{
    struct error e;
    int rc = ahead_build(path, config->runner, &e);

    if (rc)
        fprintf(stderr, "bobbind: %s\n", e.text);
    config_fini(config);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What is configured, as a file that says the same would be. */
static int check_config(struct config *config)
{
    struct access_admins admins;
    struct error e;
    int rc = config->admin_group ? access_admins_find(&admins, config->admin_group, &e) : 0;

    for (size_t i = 0; i < SETTING_COUNT && !rc; i++) {
        char *text = setting_text(&setting_table[i], config);
        printf("%s%s = %s # %s\n", text && *text ? "" : "#", setting_table[i].key,
               text && *text ? text : "\"\"", config_origin_name(config->origin[i]));
        free(text);
    }
    if (rc)
        fprintf(stderr, "bobbind: %s\n", e.text);
    config_fini(config);
    return rc ? EXIT_USAGE : EXIT_SUCCESS;
}

/* The warden of the daemon before, or one of our own. */
static int find_warden(const struct handover_base *base, struct warden **ret, struct error *e)
{
    return base->warden >= 0 ? warden_adopt(base->warden, base->warden_pid, ret, e)
                             : warden_start(ret, e);
}

/* What was to be taken over cannot be, and part of it is: begin as a new program would. Returns only when
 * that cannot be run. */
static void start_anew(const struct serving *s)
{
    log_error("all app processes are started anew");
    /* It starts us again, with its sockets; nobody could, who does not know what. */
    if (getenv("NOTIFY_SOCKET") || !s->program.path)
        return;
    handover_discard();
    execv(s->program.path, s->program.argv);
    log_error("cannot run '%s': %s", s->program.path, strerror(errno));
}

static int run(struct config *config, int argc, char **argv)
{
    struct handover_base base;
    struct serving s = {.config = config,
                        .argc = argc,
                        .program = {.path = program_path(argv[0]), .argv = argv},
                        .lock = -1};
    struct error e;
    int rc;
    log_set_level(config->log_level);
    log_set_json(config->log_format == LOG_FORMAT_JSON);
    prepare_process(config);
    take_over(&s.handover, &base);
    /* What was kept for us is taken out of what the service manager gives. */
    rc = activation_init(&s.activation, &e);
    if (!s.activation.metrics && base.metrics >= 0)
        s.activation.metrics = base.metrics;
    if (!rc)
        rc = lock_state_dir(config->state_dir, base.lock, &s.lock, &e);
    if (!rc && !s.program.path)
        rc = error_set(&e, ERR_OTHER, "cannot find out which program this is (no /proc, or no memory)");
    /* Before there are other processes: the group that is delegated has to become empty. */
    if (!rc && cgroup_open(config->cgroup, &s.cgroup, &e)) {
        if (config->cgroup)
            rc = e.code;
        else
            log_warning("%s", e.text); /* nobody asked for it */
    }
    if (!rc)
        rc = find_warden(&base, &s.warden, &e);
    if (!rc)
        rc = serve_beside(&s, &e);
    if (rc)
        log_error("%s", e.text);
    warden_stop(s.warden);
    if (rc && s.handover)
        start_anew(&s);
    cgroup_close(s.cgroup);
    if (s.lock >= 0)
        close(s.lock);
    handover_in_free(s.handover);
    free((char *)(uintptr_t)s.program.path);
    return rc;
}

int main(int argc, char **argv)
{
    struct config config;
    enum options_action action;
    const char *directory;
    struct error e;
    int rc = options_read(argc, argv, &config, &action, &directory, &e);
    if (rc) {
        fprintf(stderr, "bobbind: %s\n", e.text);
        return rc == ERR_INVALID_REQUEST ? EXIT_USAGE : EXIT_FAILURE;
    }
    if (action == OPTIONS_SHOWN)
        return EXIT_SUCCESS;
    if (action == OPTIONS_CHECK || action == OPTIONS_RECOVER) {
        umask(0077);
        return action == OPTIONS_CHECK ? inspect_check(directory) : inspect_recover(directory);
    }
    if (action == OPTIONS_CHECK_CONFIG)
        return check_config(&config);
    if (action == OPTIONS_BUILD)
        return build(directory, &config);
    if (action == OPTIONS_HANDOVER)
        printf(UPGRADE_ANSWER, HANDOVER_VERSION, BOBBIN_VERSION);
    else
        rc = run(&config, argc, argv);
    config_fini(&config);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
