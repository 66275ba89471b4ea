/* An app process in C: runs the commands of its arguments over the connection that it inherited and
 * prints what came of each, a line a command.
 *
 *   get STORE KEY | set STORE KEY VALUE | increment STORE KEY | attach APP | loop STORE KEY | stay */
#include <bobbin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int report(bobbin *b, const char *what, bobbin_status status)
{
    if (status)
        printf("%s: %s: %s\n", what, bobbin_status_name(status), bobbin_error(b));
    else
        printf("%s: ok\n", what);
    fflush(stdout);
    return status != BOBBIN_OK;
}

static void do_get(bobbin *b, const char *store, const char *key)
{
    void *value = NULL;
    size_t len = 0;
    bobbin_status status = bobbin_get(b, store, key, strlen(key), &value, &len);
    if (status || !value)
        report(b, status ? "get" : "get: none", status);
    else
        printf("get: %s\n", (char *)value);
    fflush(stdout);
    bobbin_free(value);
}

/* Count the runs of this process in a key; returns the new count. */
static long do_increment(bobbin *b, const char *store, const char *key)
{
    char text[32];
    void *value = NULL;
    size_t len = 0;
    long count;
    if (bobbin_get(b, store, key, strlen(key), &value, &len))
        return report(b, "increment", BOBBIN_OTHER), -1;
    count = value ? strtol(value, NULL, 10) + 1 : 1;
    bobbin_free(value);
    snprintf(text, sizeof text, "%ld", count);
    if (bobbin_set(b, store, key, strlen(key), text, strlen(text)))
        return report(b, "increment", BOBBIN_OTHER), -1;
    return count;
}

int main(int argc, char **argv)
{
    bobbin *b = NULL;
    if (report(b, "connect", bobbin_connect(NULL, &b)))
        return 1;
    printf("app %s component %s\n", bobbin_app(b), bobbin_component(b));
    for (int i = 1; i < argc;) {
        const char *verb = argv[i];
        if (!strcmp(verb, "get") && i + 2 < argc) {
            do_get(b, argv[i + 1], argv[i + 2]);
            i += 3;
        } else if (!strcmp(verb, "set") && i + 3 < argc) {
            report(b, "set", bobbin_set(b, argv[i + 1], argv[i + 2], strlen(argv[i + 2]),
                                        argv[i + 3], strlen(argv[i + 3])));
            i += 4;
        } else if (!strcmp(verb, "increment") && i + 2 < argc) {
            printf("run %ld\n", do_increment(b, argv[i + 1], argv[i + 2]));
            fflush(stdout);
            i += 3;
        } else if (!strcmp(verb, "attach") && i + 1 < argc) {
            report(b, "attach", bobbin_attach(b, argv[i + 1]));
            i += 2;
        } else if (!strcmp(verb, "list")) {
            report(b, "list", bobbin_app_list_get(b, &(bobbin_app_list *){NULL}));
            i += 1;
        } else if (!strcmp(verb, "loop") && i + 2 < argc) {
            while (do_increment(b, argv[i + 1], argv[i + 2]) > 0)
                ;
            i += 3;
        } else if (!strcmp(verb, "stay")) {
            pause();
            i += 1;
        } else {
            fprintf(stderr, "usage: get S K | set S K V | increment S K | attach A | list | stay\n");
            return 2;
        }
    }
    bobbin_close(b);
    return 0;
}
