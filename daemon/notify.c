#include "daemon/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"

/* What one notification holds. */
enum { NOTIFY_TEXT = 512 };

static void send_text(const char *path, const char *text, size_t len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t path_len = strlen(path);
    int fd;

    /* A path, or @NAME in the abstract namespace. */
    if ((*path != '/' && *path != '@') || path_len >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, path_len);
    if (*path == '@')
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len)) < 0)
        log_debug("cannot tell the service manager: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
}

void notify_say(const char *format, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    char text[NOTIFY_TEXT];
    va_list args;
    int n;

    if (!path)
        return;
    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && n < (int)sizeof text)
        send_text(path, text, (size_t)n);
}

/* Milliseconds within which the watchdog wants to be fed; 0: there is none, or it is another's. */
static uint64_t watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

    if (!usec || (pid && strtol(pid, NULL, 10) != getpid()))
        return 0;
    return strtoull(usec, NULL, 10) / 1000;
}

static void feed_cb(uv_timer_t *timer)
{
    (void)timer;
    notify_say("WATCHDOG=1");
}

void notify_start(struct notify *notify, uv_loop_t *loop)
{
    uint64_t ms = watchdog_ms();

    memset(notify->status, 0, sizeof notify->status);
    uv_timer_init(loop, &notify->timer);
    notify->feeds = true;
    if (ms) /* three times within it: one may come late */
        uv_timer_start(&notify->timer, feed_cb, 0, ms / 3 ? ms / 3 : 1);
}

void notify_stop(struct notify *notify)
{
    if (notify->feeds)
        uv_close((uv_handle_t *)&notify->timer, NULL);
    notify->feeds = false;
}

void notify_status(struct notify *notify, const char *format, ...)
{
    char text[sizeof notify->status];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (strcmp(text, notify->status) != 0)
        notify_say("STATUS=%s", text);
    memcpy(notify->status, text, sizeof text);
}

void notify_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    notify_say("RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
               (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}
