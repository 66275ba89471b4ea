#include "daemon/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAGIC_LEN (sizeof(HANDOVER_MAGIC) - 1)
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

void handover_out_init(struct handover_out *out)
{
    memset(out, 0, sizeof(*out));
    buffer_init(&out->bytes);
    pack_init(&out->pk, &out->bytes);
    buffer_append(&out->bytes, HANDOVER_MAGIC, MAGIC_LEN);
    msgpack_pack_int(&out->pk, HANDOVER_VERSION);
}

void handover_out_fini(struct handover_out *out)
{
    buffer_fini(&out->bytes);
    free(out->fds);
}

void handover_put_bool(struct handover_out *out, bool value)
{
    if (value)
        msgpack_pack_true(&out->pk);
    else
        msgpack_pack_false(&out->pk);
}

void handover_put_fd(struct handover_out *out, int fd)
{
    msgpack_pack_int(&out->pk, fd);
    if (fd < 0)
        return;
    if (out->fd_count == out->fd_cap) {
        size_t cap = out->fd_cap ? 2 * out->fd_cap : 64;
        int *fds = realloc(out->fds, cap * sizeof(*fds));
        if (!fds) {
            out->bytes.failed = true;
            return;
        }
        out->fds = fds;
        out->fd_cap = cap;
    }
    out->fds[out->fd_count++] = fd;
}

int handover_out_file(const struct handover_out *out, struct error *e)
{
    size_t at = 0;
    int fd;

    if (out->bytes.failed)
        return error_set(e, ERR_OTHER, "out of memory");
    fd = memfd_create("bobbin-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    while (fd >= 0 && at < out->bytes.len) {
        ssize_t n = write(fd, out->bytes.data + at, out->bytes.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        at += (size_t)n;
    }
    if (fd >= 0 && at == out->bytes.len && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    error_set(e, ERR_OTHER, "cannot write down what is to be handed over: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return e->code;
}

void handover_out_inherit(const struct handover_out *out, bool inherit)
{
    for (size_t i = 0; i < out->fd_count; i++)
        fcntl(out->fds[i], F_SETFD, inherit ? 0 : FD_CLOEXEC);
}

static int read_file(struct handover_in *in, int fd)
{
    struct stat st;

    if (fcntl(fd, F_GET_SEALS) != SEALS || fstat(fd, &st) != 0)
        return -1;
    in->size = (size_t)st.st_size;
    in->bytes = malloc(in->size + 1);
    if (!in->bytes)
        return -1;
    for (size_t at = 0; at < in->size;) {
        ssize_t n = pread(fd, in->bytes + at, in->size - at, (off_t)at);
        if (n <= 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* The number in the variable, which nobody else is to find. */
static int variable_fd(void)
{
    const char *text = getenv(HANDOVER_VARIABLE);
    int fd = text ? atoi(text) : -1;

    unsetenv(HANDOVER_VARIABLE);
    return fd;
}

static int compare_entries(const void *a, const void *b)
{
    const struct fdstore_entry *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static int read_head(struct handover_in *in, int fd, struct error *e)
{
    uint64_t version;

    if (fd < 0 || read_file(in, fd) != 0 || in->size < MAGIC_LEN ||
        memcmp(in->bytes, HANDOVER_MAGIC, MAGIC_LEN) != 0)
        return error_set(e, ERR_OTHER, "what the daemon before left cannot be read");
    in->r = reader_of(in->bytes + MAGIC_LEN, in->size - MAGIC_LEN);
    version = handover_take_uint(in);
    if (in->failed || version != HANDOVER_VERSION)
        return error_set(e, ERR_OTHER, "what the daemon before left is of version %llu, not %d",
                         (unsigned long long)version, HANDOVER_VERSION);
    return 0;
}

/* With that of the warden closed, it ends the processes. */
static void close_entries(const struct fdstore *store)
{
    for (size_t i = 0; i < store->count; i++)
        close(store->entries[i].fd);
}

int handover_receive(struct handover_in **ret, struct error *e)
{
    struct handover_in *in = calloc(1, sizeof(*in));
    int fd = variable_fd(), code;
    bool here = fd >= 0; /* in this process, by exec */

    *ret = NULL;
    if (!in)
        return error_set(e, ERR_OTHER, "out of memory");
    code = here ? 0 : fdstore_take(&in->store, e);
    if (!here)
        fd = in->store.file;
    if (!code && fd < 0 && !in->store.count) {
        handover_in_free(in);
        return 0;
    }
    if (!code)
        code = read_head(in, fd, e);
    if (fd >= 0)
        close(fd);
    if (code) {
        close_entries(&in->store);
        handover_in_free(in);
        if (here)
            handover_discard();
        return code;
    }
    if (in->store.count)
        qsort(in->store.entries, in->store.count, sizeof(*in->store.entries), compare_entries);
    *ret = in;
    return 0;
}

void handover_discard(void)
{
    close_range(3, ~0U, 0);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

void handover_in_free(struct handover_in *in)
{
    if (!in)
        return;
    fdstore_fini(&in->store);
    free(in->bytes);
    free(in);
}

void handover_take_array(struct handover_in *in, uint32_t fields)
{
    if (handover_take_list(in) != fields)
        in->failed = true;
}

uint32_t handover_take_list(struct handover_in *in)
{
    uint32_t count = 0;

    if (!in->failed && reader_array(&in->r, &count))
        in->failed = true;
    return in->failed ? 0 : count;
}

bool handover_take_bool(struct handover_in *in)
{
    bool value = false;

    if (!in->failed && reader_bool(&in->r, &value))
        in->failed = true;
    return value;
}

int64_t handover_take_int(struct handover_in *in)
{
    int64_t value = 0;

    if (!in->failed && reader_int(&in->r, &value))
        in->failed = true;
    return value;
}

uint64_t handover_take_uint(struct handover_in *in)
{
    uint64_t value = 0;

    if (!in->failed && reader_uint(&in->r, &value))
        in->failed = true;
    return value;
}

struct slice handover_take_str(struct handover_in *in)
{
    struct slice s = {0};

    if (!in->failed && reader_str(&in->r, &s))
        in->failed = true;
    return s;
}

struct slice handover_take_bytes(struct handover_in *in)
{
    struct slice s = {0};

    if (!in->failed && reader_bytes(&in->r, &s))
        in->failed = true;
    return s;
}

/* -1: it is not there. */
static int find_entry(const struct fdstore *store, int number)
{
    struct fdstore_entry key = {.number = number};
    const struct fdstore_entry *found =
        bsearch(&key, store->entries, store->count, sizeof(key), compare_entries);

    return found ? found->fd : -1;
}

int handover_take_fd(struct handover_in *in)
{
    int fd = (int)handover_take_int(in);

    if (in->failed || fd < 0)
        return -1;
    if (in->store.count)
        fd = find_entry(&in->store, fd);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        in->failed = true;
    return in->failed ? -1 : fd;
}
