/* The client library against a daemon that lies: whatever is answered, each call ends in a result that
 * can be used and freed, or in an error.
 *
 * Input: the answer to hello, then calls, each: which u8, answer. An answer is its form u8 (0: the block is
 * a result, 1: all that comes, 2: a notification's params, and the result is nil) and a block of a size of
 * two bytes. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/include/bobbin.h"
#include "protocol/message.h"
#include "tests/fuzz/fuzz.h"

enum { CALLS_MAX = 12, ANSWER_MAX = 100000 };

static const bobbin_string keys[] = {{"a", 1}, {"b", 1}};
#define KEY "default", "key", 3

static void use(const void *bytes, size_t len)
{
    static volatile uint8_t last;
    for (size_t i = 0; i < len; i++)
        last = ((const uint8_t *)bytes)[i];
    (void)last;
}

static void call_reads(bobbin *b, unsigned which)
{
    void *value = NULL;
    size_t len = 0;
    bool flag;
    bobbin_key_page *page = NULL;
    bobbin_entry_page *entries = NULL;
    bobbin_values *values = NULL;
    switch (which) {
    case 0:
        if (bobbin_get(b, KEY, &value, &len) == BOBBIN_OK && value)
            use(value, len);
        bobbin_free(value);
        break;
    case 1:
        if (bobbin_keys(b, "default", NULL, &page) == BOBBIN_OK)
            for (size_t i = 0; i < page->count; i++)
                use(page->keys[i].data, page->keys[i].len);
        bobbin_key_page_free(page);
        break;
    case 2:
        if (bobbin_entries(b, "default", NULL, &entries) == BOBBIN_OK)
            for (size_t i = 0; i < entries->count; i++)
                use(entries->entries[i].value.data, entries->entries[i].value.len);
        bobbin_entry_page_free(entries);
        break;
    case 3:
        if (bobbin_get_many(b, "default", keys, 2, &values) == BOBBIN_OK)
            for (size_t i = 0; i < values->count; i++)
                use(values->values[i].data, values->values[i].len);
        bobbin_values_free(values);
        break;
    default:
        if (bobbin_swap(b, KEY, NULL, 0, "v", 1, &flag, &value, &len) == BOBBIN_OK && value)
            use(value, len);
        bobbin_free(value);
    }
}

static void call_plain(bobbin *b, unsigned which)
{
    static const bobbin_check checks[] = {{BOBBIN_CHECK_ABSENT, {"a", 1}, {NULL, 0}, 0}};
    bobbin_change *change = NULL;
    uint64_t n, m;
    int64_t i;
    bool flag;
    switch (which) {
    case 0:
        bobbin_set(b, KEY, "value", 5);
        break;
    case 1:
        bobbin_ttl(b, KEY, &i);
        break;
    case 2:
        bobbin_increment(b, KEY, 1, &i);
        break;
    case 3:
        bobbin_count(b, "default", &n, &m);
        break;
    case 4:
        bobbin_atomic(b, "default", checks, 1, NULL, 0, &flag, NULL);
        break;
    case 5:
        bobbin_watch(b, "default", NULL, &n);
        break;
    case 6:
        bobbin_backup(b, "/tmp/backup", NULL);
        break;
    default:
        if (bobbin_next_change(b, 0, &change) == BOBBIN_OK && change)
            use(change->key.data, change->key.len);
        bobbin_change_free(change);
    }
}

static void call_administration(bobbin *b, unsigned which)
{
    bobbin_app_list *list = NULL;
    bobbin_app_status *status = NULL;
    bobbin_stats *stats = NULL;
    bobbin_log_page *logs = NULL;
    bobbin_event_list *events = NULL;
    switch (which) {
    case 0:
        bobbin_app_list_get(b, &list);
        bobbin_app_list_free(list);
        break;
    case 1:
        bobbin_app_status_get(b, "app", &status);
        bobbin_app_status_free(status);
        break;
    case 2:
        bobbin_stats_get(b, NULL, &stats);
        bobbin_stats_free(stats);
        break;
    case 3:
        bobbin_app_logs(b, "app", NULL, &logs);
        bobbin_log_page_free(logs);
        break;
    case 4:
        bobbin_event_list_get(b, NULL, &events);
        bobbin_event_list_free(events);
        break;
    default:
        bobbin_attach(b, "app");
    }
}

static void call(bobbin *b, unsigned which)
{
    which %= 20;
    if (which < 5)
        call_reads(b, which);
    else if (which < 13)
        call_plain(b, which - 5);
    else
        call_administration(b, which - 13);
}

ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);

static void answer(struct fuzz *f, uint32_t id, int fd)
{
    uint8_t form = fuzz_u8(f);
    size_t len;
    const uint8_t *block = fuzz_block(f, &len);
    struct buffer b;
    buffer_init(&b);
    if (form % 3 == 0)
        message_write_result(&b, id);
    else if (form % 3 == 2)
        message_write_notification(&b, "changed");
    buffer_append(&b, block, len);
    if (form % 3 == 2)
        message_write_nil(&b, id);
    if (b.len > 0 && b.len < ANSWER_MAX)
        (void)!__real_send(fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buffer_fini(&b);
}

/* Each thing that the library sends is answered at once. */
static struct {
    struct fuzz *f;
    uint32_t id;
    int daemon, client;
} line;

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    if (!line.f || fd != line.client)
        return __real_send(fd, bytes, len, flags);
    if (line.f->left > 0)
        answer(line.f, ++line.id, line.daemon);
    return (ssize_t)len;
}

/* What is not there when it is waited for does not come any more. */
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (line.f && __real_poll(fds, count, 0) == 0)
        shutdown(line.daemon, SHUT_WR);
    return __real_poll(fds, count, timeout);
}

/* Its name where the compiler knows the size of the array. */
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    FUZZ_CHECK(count * sizeof *fds <= size);
    return __wrap_poll(fds, count, timeout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {data, size};
    bobbin *b = NULL;
    int fds[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    line.f = &f;
    line.id = 0;
    line.daemon = fds[0];
    line.client = fds[1];
    if (bobbin_connect_fd(fds[1], &b) == BOBBIN_OK)
        for (unsigned n = 0; n < CALLS_MAX && f.left > 0; n++)
            call(b, fuzz_u8(&f));
    FUZZ_CHECK(bobbin_error(b));
    line.f = NULL;
    bobbin_close(b);
    close(fds[0]);
    return 0;
}
