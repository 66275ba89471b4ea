/* A client library that answers what a test wants, for the imports of a module. Links in place of
 * the real one. */
#ifndef BOBBIN_TESTS_FAKE_LIBRARY_H
#define BOBBIN_TESTS_FAKE_LIBRARY_H

#include "client/include/bobbin.h"

struct fake_library {
    bobbin_status status; /* of every operation but connecting */
    const char *value;    /* of every entry; NULL: none */
    size_t value_len;
    unsigned pages; /* of a listing, each with one key … */
    size_t key_len; /* … of this length */
    unsigned connected, closed;
    char last_store[300];
    const char *component; /* NULL: not an app process */
    uint64_t commit;       /* of every answer */
    int64_t number;        /* of every increment: what it comes to */
    bool refuse;           /* checks of an atomic do not hold */
    unsigned calls;        /* of set_many, get_many and delete_many */
    size_t most;           /* keys in one of them */
    uint64_t since;        /* the last check's */
};

/* The only one. */
extern struct fake_library fake_library;

#endif
