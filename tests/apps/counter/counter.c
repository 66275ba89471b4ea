/* Counts its own runs in the default store, then stays until it is stopped; with --once it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spin_key_value.h"

static int fail(const char *doing)
{
    fprintf(stderr, "counter: cannot %s: %s\n", doing, kv_error());
    return 1;
}

int main(int argc, char **argv)
{
    kv_store store;
    kv_value value;
    char text[32];
    if (kv_open("default", &store))
        return fail("open the store");
    if (kv_get(store, "runs", &value))
        return fail("get 'runs'");
    long runs = value.data ? strtol(value.data, NULL, 10) + 1 : 1;
    free(value.data);
    snprintf(text, sizeof(text), "%ld", runs);
    if (kv_set_text(store, "runs", text))
        return fail("set 'runs'");
    kv_close(store);

    printf("run %ld\n", runs);
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "--once") == 0)
        return 0;
    for (;;)
        sleep(3600);
}
