#include "client/runner/stores.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"

struct stores {
    bobbin *connection;       /* NULL: not connected */
    char *labels[STORES_MAX]; /* of handle N at N - 1; NULL: free */
    char error[512];          /* of the last failure */
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
        free(s->labels[i]);
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

bobbin_status stores_open(struct stores *s, const char *label, size_t len, uint32_t *ret_handle)
{
    if (len == 0 || len > LIMIT_LABEL || memchr(label, '\0', len))
        return BOBBIN_NO_SUCH_STORE;
    uint32_t slot = 0;
    while (slot < STORES_MAX && s->labels[slot])
        slot++;
    if (slot == STORES_MAX)
        return BOBBIN_STORE_TABLE_FULL;
    char *copy = strndup(label, len);
    if (!copy) {
        keep_error(s, NULL, BOBBIN_NO_MEMORY);
        return BOBBIN_NO_MEMORY;
    }
    bobbin_status status = ask(s, copy);
    if (status) {
        free(copy);
        return status;
    }
    s->labels[slot] = copy;
    *ret_handle = slot + 1;
    return BOBBIN_OK;
}

void stores_close(struct stores *s, uint32_t handle)
{
    if (!stores_label(s, handle))
        return;
    free(s->labels[handle - 1]);
    s->labels[handle - 1] = NULL;
}

const char *stores_label(const struct stores *s, uint32_t handle)
{
    return handle >= 1 && handle <= STORES_MAX ? s->labels[handle - 1] : NULL;
}
