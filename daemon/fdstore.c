#include "daemon/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3
#define MOST_FDS 1000000
#define TEXT_SIZE 300

/* A number in the environment; 0: none. */
static unsigned number_of(const char *name)
{
    const char *text = getenv(name);
    unsigned long number = text ? strtoul(text, NULL, 10) : 0;

    return number > MOST_FDS ? MOST_FDS : (unsigned)number;
}

unsigned fdstore_size(void)
{
    return getenv("NOTIFY_SOCKET") ? number_of("FDSTORE") : 0;
}

/* A socket over which the service manager hears us; -1 with errno. */
static int connect_manager(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = FDSTORE_WAIT_MS / 1000};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    int fd;

    if (len < 2 || len >= sizeof(address.sun_path)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, path, len);
    if (*path == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(fd, (struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* 0, or -1 with errno. `fd` -1: none goes along. */
static int say(int manager, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    do
        n = sendmsg(manager, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

/* Until all that was said has been heard: the manager then closes what it was given. */
static int await_manager(int manager)
{
    struct pollfd pfd = {.events = POLLIN};
    int pipe[2], r;

    if (pipe2(pipe, O_CLOEXEC) != 0)
        return -1;
    r = say(manager, "BARRIER=1", pipe[1]);
    close(pipe[1]);
    pfd.fd = pipe[0];
    while (r == 0 && (r = poll(&pfd, 1, FDSTORE_WAIT_MS)) < 0 && errno == EINTR)
        r = 0;
    if (r == 0)
        errno = ETIMEDOUT;
    int saved = errno;
    close(pipe[0]);
    errno = saved;
    return r > 0 ? 0 : -1;
}

static int leave(int manager, const char *name, int fd)
{
    char text[TEXT_SIZE];

    /* Not looked after: a connection whose peer is gone is to be found by the next daemon. */
    snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
    return say(manager, text, fd);
}

static void take_back(int manager, const char *name)
{
    char text[TEXT_SIZE];

    snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
    say(manager, text, -1);
}

static void name_of(char *name, size_t size, int number)
{
    snprintf(name, size, FDSTORE_PREFIX "%d", number);
}

int fdstore_leave(int file, const int *fds, size_t count, struct error *e)
{
    char name[64];
    int manager = connect_manager(), r = manager < 0 ? -1 : 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        name_of(name, sizeof(name), fds[i]);
        r = leave(manager, name, fds[i]);
    }
    /* Last: without it the others are nothing. */
    if (r == 0)
        r = leave(manager, FDSTORE_FILE, file);
    if (r == 0)
        r = await_manager(manager);
    if (r != 0) {
        error_set(e, ERR_OTHER, "cannot leave descriptors with the service manager: %s",
                  strerror(errno));
        if (manager >= 0)
            take_back(manager, FDSTORE_FILE);
        for (size_t i = 0; manager >= 0 && i < count; i++) {
            name_of(name, sizeof(name), fds[i]);
            take_back(manager, name);
        }
    }
    if (manager >= 0)
        close(manager);
    return r == 0 ? 0 : e->code;
}

/* Out of the way of those that come after; the manager is told that it is taken. */
static int take(struct fdstore *s, const char *name, int fd, int above, int manager)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, above);

    if (moved < 0)
        return -1;
    close(fd);
    if (manager >= 0)
        take_back(manager, name);
    if (strcmp(name, FDSTORE_FILE) == 0)
        s->file = moved;
    else
        s->entries[s->count++] = (struct fdstore_entry){atoi(name + strlen(FDSTORE_PREFIX)), moved};
    return 0;
}

/* Another's: as near to 3 as there is room. */
static int keep(int fd, int place)
{
    if (fd == place)
        return 0;
    if (dup2(fd, place) < 0)
        return -1;
    close(fd);
    return 0;
}

/* What is left to tell of. */
static int tell_rest(unsigned count, const char *names)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", count);
    if (count == 0)
        return unsetenv("LISTEN_PID") | unsetenv("LISTEN_FDS") | unsetenv("LISTEN_FDNAMES");
    return setenv("LISTEN_FDS", text, 1) | setenv("LISTEN_FDNAMES", names, 1);
}

static int sort_out(struct fdstore *s, char *names, unsigned count, int manager)
{
    size_t prefix = strlen(FDSTORE_PREFIX), len = 0;
    char *rest = calloc(1, strlen(names) + 2);
    unsigned kept = 0;
    int r = rest ? 0 : -1;

    for (unsigned i = 0; r == 0 && i < count; i++) {
        char *name = strsep(&names, ":");
        int fd = FIRST_FD + (int)i;
        if (name && strncmp(name, FDSTORE_PREFIX, prefix) == 0) {
            r = take(s, name, fd, FIRST_FD + (int)count, manager);
        } else {
            r = keep(fd, FIRST_FD + (int)kept);
            len += (size_t)sprintf(rest + len, "%s%s", kept ? ":" : "", name ? name : "");
            kept++;
        }
    }
    if (r == 0)
        r = tell_rest(kept, rest);
    free(rest);
    return r;
}

int fdstore_take(struct fdstore *ret, struct error *e)
{
    struct fdstore s = {.file = -1};
    const char *names = getenv("LISTEN_FDNAMES");
    unsigned count = number_of("LISTEN_PID") == (unsigned)getpid() ? number_of("LISTEN_FDS") : 0;
    char *copy = NULL;
    int manager, r;

    *ret = s;
    if (count == 0 || !names || !strstr(names, FDSTORE_PREFIX))
        return 0;
    copy = strdup(names);
    s.entries = calloc(count, sizeof(*s.entries));
    manager = connect_manager();
    r = copy && s.entries ? sort_out(&s, copy, count, manager) : -1;
    int saved = errno;
    if (manager >= 0) {
        /* As long as it holds a listening socket, that seems to be another daemon's. */
        await_manager(manager);
        close(manager);
    }
    errno = saved;
    free(copy);
    *ret = s;
    return r == 0 ? 0
                  : error_set(e, ERR_OTHER, "cannot take descriptors from the service manager: %s",
                              strerror(errno));
}

void fdstore_fini(struct fdstore *store)
{
    free(store->entries);
    store->entries = NULL;
}
