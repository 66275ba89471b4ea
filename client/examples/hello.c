/* Counts how often it has been run: hello APP, where APP is an app's name or directory. */
#include <bobbin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bobbin_status count(bobbin *b, const char *app, long *ret_count)
{
    static const char key[] = "greetings";
    bobbin_status status;
    void *value;
    size_t len;
    char text[32];

    if ((status = bobbin_attach(b, app)) != BOBBIN_OK ||
        (status = bobbin_get(b, "default", key, strlen(key), &value, &len)) != BOBBIN_OK)
        return status;
    *ret_count = (value != NULL ? strtol(value, NULL, 10) : 0) + 1;
    bobbin_free(value);
    snprintf(text, sizeof(text), "%ld", *ret_count);
    return bobbin_set(b, "default", key, strlen(key), text, strlen(text));
}

int main(int argc, char **argv)
{
    bobbin *b = NULL;
    long greetings;

    if (argc != 2) {
        fprintf(stderr, "usage: hello APP\n");
        return 2;
    }
    bobbin_status status = bobbin_connect(NULL, &b);
    if (status == BOBBIN_OK)
        status = count(b, argv[1], &greetings);
    if (status == BOBBIN_OK)
        printf("hello number %ld\n", greetings);
    else
        fprintf(stderr, "hello: %s\n", bobbin_error(b));
    bobbin_close(b);
    return status == BOBBIN_OK ? 0 : 1;
}
