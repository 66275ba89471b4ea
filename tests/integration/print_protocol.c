/* Prints what the protocol's lists name, a line each: "method get", "error busy", "notification
 * changed". For tests in other languages. */
#include <stdio.h>

#include "protocol/errors.h"
#include "protocol/methods.h"

int main(void)
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
    return 0;
}
