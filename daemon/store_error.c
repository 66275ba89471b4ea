/* Where SQLite's codes become ours. */
#include <errno.h>
#include <string.h>

#include "daemon/store_internal.h"

static const char *system_reason(sqlite3 *db, int rc, char *buffer, size_t size)
{
    int errnum = sqlite3_system_errno(db);

    if (rc == SQLITE_CANTOPEN_SYMLINK)
        return "a symbolic link leads there";
    if (errnum == ENOSPC || errnum == EDQUOT)
        return "disk full";
    if (errnum)
        return strerror_r(errnum, buffer, size);
    return sqlite3_errmsg(db);
}

static const char *reason(sqlite3 *db, int rc, char *buffer, size_t size)
{
    if (rc == STORE_SUM_WRONG)
        return "damaged (a value does not have its checksum)";
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "held by another process";
    case SQLITE_FULL:
        return "disk full";
    case SQLITE_NOMEM:
        return "out of memory";
    case SQLITE_NOTADB:
        return "not a SQLite database";
    case SQLITE_CORRUPT:
        return "damaged (database disk image is malformed)";
    case SQLITE_READONLY:
        return "not writable";
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return system_reason(db, rc, buffer, size);
    default:
        return sqlite3_errmsg(db);
    }
}

static int code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    default:
        return ERR_OTHER;
    }
}

int store_error(const struct store *s, int rc, const char *doing, struct error *e)
{
    char buffer[128];

    return error_set(e, code_of(rc), "cannot %s '%s': %s", doing, s->shown,
                     reason(s->db, rc, buffer, sizeof(buffer)));
}
