/* For guests that check what they get: says which condition does not hold, and ends with 1. */
#ifndef BOBBIN_TESTS_CHECK_H
#define BOBBIN_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) check_that(condition, __FILE_NAME__, __LINE__, #condition)

static inline void check_that(int holds, const char *file, int line, const char *condition)
{
    if (holds)
        return;
    printf("%s:%d: not so: %s\n", file, line, condition);
    exit(1);
}

#endif
