#include "client/runner/stores.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/runner/host.h"
#include "protocol/limits.h"

/* How often a module is told on stderr why it may not open a store. */
#define NOTES_MAX 16

struct slot {
    char *label; /* NULL: free */
    enum store_kind kind;
};

struct stores {
    bobbin *connection;            /* NULL: not connected */
    struct slot slots[STORES_MAX]; /* of handle N at N - 1 */
    unsigned notes;                /* how often one was written */
    char error[512];               /* of the last failure */
};

struct stores *stores_new(void)
{
    return calloc(1, sizeof(struct stores));
}

void stores_free(struct stores *s)
{
    if (!s)
        return;
    bobbin_close(s->connection);
    for (size_t i = 0; i < STORES_MAX; i++)
        free(s->slots[i].label);
    free(s);
}

const char *stores_error(const struct stores *s)
{
    return s->error;
}

static void keep_error(struct stores *s, const bobbin *b, bobbin_status status)
{
    const char *text = b ? bobbin_error(b) : "";
    snprintf(s->error, sizeof(s->error), "%s", *text ? text : bobbin_status_name(status));
}

void stores_finished(struct stores *s, bobbin_status status)
{
    if (status == BOBBIN_OK)
        return;
    keep_error(s, s->connection, status);
    /* An app process has one connection for its life; that it ended stays the answer. */
    if ((status == BOBBIN_DISCONNECTED || status == BOBBIN_BAD_RESPONSE) && !getenv("BOBBIN_FD")) {
        bobbin_close(s->connection);
        s->connection = NULL;
    }
}

static bobbin_status attach(struct stores *s, bobbin *b)
{
    const char *wanted = getenv("BOBBIN_APP_DIR");
    char directory[PATH_MAX];
    if (!realpath(wanted ? wanted : ".", directory)) {
        snprintf(s->error, sizeof(s->error), "cannot find the app directory '%s': %s",
                 wanted ? wanted : ".", strerror(errno));
        return BOBBIN_NO_SUCH_APP;
    }
    bobbin_status status = bobbin_attach(b, directory);
    if (status)
        keep_error(s, b, status);
    return status;
}

bobbin_status stores_connection(struct stores *s, bobbin **ret_connection)
{
    if (s->connection) {
        *ret_connection = s->connection;
        return BOBBIN_OK;
    }
    bobbin *b = NULL;
    bobbin_status status = bobbin_connect(NULL, &b);
    if (status)
        keep_error(s, b, status);
    else if (!getenv("BOBBIN_FD"))
        status = attach(s, b);
    if (status) {
        bobbin_close(b);
        return status;
    }
    s->connection = b;
    *ret_connection = b;
    return BOBBIN_OK;
}

/* The protocol has no "open": whether a store may be used shows when it is. */
static bobbin_status ask(struct stores *s, const char *label)
{
    bobbin *b;
    bobbin_status status = stores_connection(s, &b);
    if (status)
        return status;
    bool exists;
    status = bobbin_exists(b, label, "open", 4, &exists);
    stores_finished(s, status);
    return status;
}

/* Where the manifest of an app process is: beside its state directory. */
static int manifest_directory_len(const char *state)
{
    const char *slash = state ? strrchr(state, '/') : NULL;
    return slash ? (int)(slash - state) : 0;
}

/* The error of the interface has no room for a reason. */
static void note_denied(struct stores *s, const char *component, const char *label, size_t len)
{
    const char *state = getenv("BOBBIN_STATE_DIR");
    char shown[LIMIT_LABEL + 1];
    if (s->notes++ >= NOTES_MAX)
        return;
    if (len > LIMIT_LABEL)
        len = LIMIT_LABEL;
    for (size_t i = 0; i < len; i++)
        shown[i] = (unsigned char)label[i] < ' ' || label[i] == 0x7f ? '?' : label[i];
    shown[len] = '\0';
    dprintf(STDERR_FILENO,
            "bobbin-run: cannot open store '%s': not in key_value_stores of component '%s' in "
            "%.*s/spin.toml\n",
            shown, component, manifest_directory_len(state), state ? state : "");
}

static bobbin_status open_new(struct stores *s, const char *label, size_t len, char **ret_label)
{
    if (len == 0 || len > LIMIT_LABEL || memchr(label, '\0', len))
        return BOBBIN_NO_SUCH_STORE;
    char *copy = strndup(label, len);
    if (!copy) {
        keep_error(s, NULL, BOBBIN_NO_MEMORY);
        return BOBBIN_NO_MEMORY;
    }
    bobbin_status status = ask(s, copy);
    if (status)
        free(copy);
    else
        *ret_label = copy;
    return status;
}

bobbin_status stores_open(struct stores *s, enum store_kind kind, const char *label, size_t len,
                          uint32_t *ret_handle)
{
    uint32_t slot = 0;
    while (slot < STORES_MAX && s->slots[slot].label)
        slot++;
    if (slot == STORES_MAX)
        return BOBBIN_STORE_TABLE_FULL;
    bobbin *b;
    bobbin_status status = stores_connection(s, &b);
    if (status)
        return status;
    char *copy;
    const char *component = bobbin_component(b);
    status = open_new(s, label, len, &copy);
    if (component && (status == BOBBIN_NO_SUCH_STORE || status == BOBBIN_ACCESS_DENIED)) {
        note_denied(s, component, label, len);
        return BOBBIN_ACCESS_DENIED;
    }
    if (status)
        return status;
    s->slots[slot] = (struct slot){copy, kind};
    *ret_handle = slot + 1;
    return BOBBIN_OK;
}

void stores_close(struct stores *s, enum store_kind kind, uint32_t handle)
{
    if (!stores_label(s, kind, handle))
        return;
    free(s->slots[handle - 1].label);
    s->slots[handle - 1].label = NULL;
}

const char *stores_label(const struct stores *s, enum store_kind kind, uint32_t handle)
{
    if (handle < 1 || handle > STORES_MAX || s->slots[handle - 1].kind != kind)
        return NULL;
    return s->slots[handle - 1].label;
}

const char *stores_label_or_trap(struct host *h, enum store_kind kind, uint32_t handle)
{
    const char *label = stores_label(h->stores, kind, handle);
    if (!label)
        host_trap(h, "unknown handle of a store");
    return label;
}
