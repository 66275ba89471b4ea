/* Prints what the protocol's lists name, a line each: "method get", "error busy", "notification
 * changed". With --full, all that the lists say, fields separated by tabs. For tests in other
 * languages. */
#include <stdio.h>
#include <string.h>

#include "protocol/errors.h"
#include "protocol/limits.h"
#include "protocol/methods.h"

static void print_names(void)
{
#define X(id, name, access, min, max, params, result) puts("method " name);
    METHOD_LIST(X)
#undef X
#define X(id, number, name, text, retry) puts("error " name);
    ERROR_LIST(X)
#undef X
#define X(id, name, params) puts("notification " name);
    NOTIFICATION_LIST(X)
#undef X
}

static void print_full(void)
{
    static const char *const words[] = {
        [METHOD_ANY] = "any",
        [METHOD_ATTACHED] = "app",
        [METHOD_PEER] = "person",
        [METHOD_PEER_ATTACHED] = "person, app",
    };
#define X(id, name, access, min, max, params, result)                                              \
    printf("method\t%s\t%s\t%s\t%s\n", name, words[access], params, result);
    METHOD_LIST(X)
#undef X
#define X(id, number, name, text, retry)                                                           \
    printf("error\t%s\t%s\t%s\n", name, (retry) ? "yes" : "no", text);
    ERROR_LIST(X)
#undef X
#define X(id, name, params) printf("notification\t%s\t%s\n", name, params);
    NOTIFICATION_LIST(X)
#undef X
#define X(name, number, what) printf("limit\t%s\t%llu\t%s\n", name, (unsigned long long)(number), what);
    LIMIT_LIST(X)
#undef X
#define X(name, standard, least, most)                                                             \
    printf("settable\t%s\t%u\t%u\t%u\n", #name, standard, least, most);
    LIMIT_SETTABLE_LIST(X)
#undef X
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "--full"))
        print_full();
    else
        print_names();
    return 0;
}
