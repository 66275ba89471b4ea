#include "daemon/faillog.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/app.h"
#include "daemon/conn.h"
#include "daemon/log.h"
#include "daemon/server.h"

/* Lines about failures in one second. */
enum { FAILLOG_MOST = 20 };

/* Whether one more line may go out now. */
static bool faillog_may(struct faillog *f, uint64_t now_ms)
{
    if (f->second != now_ms / 1000) {
        f->second = now_ms / 1000;
        f->count = 0;
        if (f->skipped)
            log_warning("%" PRIu64 " more failed requests were not logged", f->skipped);
        f->skipped = 0;
    }
    if (f->count >= FAILLOG_MOST) {
        f->skipped++;
        return false;
    }
    f->count++;
    return true;
}

static void faillog_write(const struct conn *c, enum log_level level, uint32_t id,
                          const char *method, int code, const char *text)
{
    char request[48], uid[16], pid[16];
    const struct log_field fields[] = {
        {"request", request},
        {"method", method},
        {"code", error_name(code)},
        {"app", c->app ? app_name(c->app) : NULL},
        {"component", c->component ? c->component->id : NULL},
        {"uid", c->component ? NULL : uid},
        {"pid", c->component ? NULL : pid},
    };

    snprintf(request, sizeof request, "%" PRIu64 ".%" PRIu32, c->number, id);
    snprintf(uid, sizeof uid, "%u", (unsigned)c->peer.uid);
    snprintf(pid, sizeof pid, "%d", (int)c->peer.pid);
    if (code != ERR_ACCESS_DENIED)
        log_write_fields(level, fields, sizeof fields / sizeof *fields, "failed: %s", text);
    else if (c->component)
        log_write_fields(level, fields, sizeof fields / sizeof *fields,
                         "denied: %s by app '%s' component '%s': %s", method,
                         c->app ? app_name(c->app) : "", c->component->id, text);
    else
        log_write_fields(level, fields, sizeof fields / sizeof *fields,
                         "denied: %s by uid %u pid %d: %s", method, (unsigned)c->peer.uid,
                         (int)c->peer.pid, text);
}

void faillog_note(const struct conn *c, uint32_t id, const char *method, int code, const char *text)
{
    enum log_level level = LOG_LEVEL_DEBUG;

    if (code == ERR_ACCESS_DENIED)
        level = LOG_LEVEL_WARNING;
    else if (code == ERR_OTHER && faillog_may(&c->server->faillog, uv_now(&c->server->loop)))
        level = LOG_LEVEL_WARNING;
    if (log_is_on(level))
        faillog_write(c, level, id, method, code, text ? text : error_text(code));
}
