#include "client/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/limits.h"

/* What keys of one request can come to. */
#define KEYS_BYTES_MAX LIMIT_MESSAGE

static int fail_read(struct output *out, const char *path, const char *reason)
{
    if (strcmp(path, "-") == 0)
        return output_error(out, "other", "cannot read standard input: %s", reason);
    return output_error(out, "other", "cannot read '%s': %s", path, reason);
}

/* The descriptor, or -1 after reporting. */
static int open_input(const struct options *o, struct output *out, const char *path)
{
    int fd;

    if (strcmp(path, "-") == 0) {
        if (!o->in_shell)
            return STDIN_FILENO;
        output_error(out, "usage",
                     "standard input holds the commands; give the value as an argument or --file");
        return -1;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail_read(out, path, strerror(errno));
    return fd;
}

/* To the end, or to one byte more than the limit, so that this can be told. 0, or an errno. */
static int read_all(int fd, size_t limit, char **bytes, size_t *len)
{
    size_t cap = 0;
    ssize_t n;

    do {
        if (*len + 1 >= cap) {
            char *more = realloc(*bytes, cap = cap ? cap * 2 : 64 << 10);
            if (!more)
                return ENOMEM;
            *bytes = more;
        }
        n = read(fd, *bytes + *len, cap - *len - 1);
        if (n > 0)
            *len += (size_t)n;
    } while ((n > 0 && *len <= limit) || (n < 0 && errno == EINTR));
    (*bytes)[*len] = '\0';
    return n < 0 ? errno : 0;
}

char *input_read(const struct options *o, struct output *out, const char *path, const char *what,
                 size_t limit, size_t *ret_len)
{
    bool is_stdin = strcmp(path, "-") == 0;
    char *bytes = NULL;
    size_t len = 0;
    int err, fd = open_input(o, out, path);

    if (fd < 0)
        return NULL;
    err = read_all(fd, limit, &bytes, &len);
    if (!is_stdin)
        close(fd);
    if (!err && len <= limit) {
        *ret_len = len;
        return bytes;
    }
    if (err)
        fail_read(out, path, strerror(err));
    else if (is_stdin)
        output_error(out, "too-large", "%s on standard input has more than %zu bytes", what, limit);
    else
        output_error(out, "too-large", "%s in '%s' has more than %zu bytes", what, path, limit);
    free(bytes);
    return NULL;
}

int input_value(const struct options *o, struct output *out, size_t index, struct input_value *ret)
{
    const char *path = options_is_stdin(o, index) ? "-" : o->file;

    *ret = (struct input_value){0};
    if (o->file && index < o->arg_count)
        return output_error(out, "usage", "the value is given twice: '%s' and --file '%s'",
                            o->args[index], o->file);
    if (path) {
        ret->data = ret->owned = input_read(o, out, path, "the value", LIMIT_VALUE, &ret->len);
        return ret->data ? EXIT_DONE : EXIT_TROUBLE;
    }
    if (index >= o->arg_count)
        return output_error(out, "usage", "no value; give it as an argument, \"-\" or --file");
    ret->data = o->args[index];
    ret->len = strlen(ret->data);
    return EXIT_DONE;
}

void input_value_fini(struct input_value *v)
{
    free(v->owned);
}

static size_t count_keys(const char *text, size_t len, char end)
{
    size_t count = len > 0 && text[len - 1] != end;

    for (size_t i = 0; i < len; i++)
        count += text[i] == end;
    return count;
}

/* One key after the other; the last may lack its end. */
static int split_keys(struct output *out, struct input_keys *k, size_t len, char end)
{
    size_t count = count_keys(k->owned, len, end), at = 0;

    k->keys = calloc(count + 1, sizeof(*k->keys));
    if (!k->keys)
        return output_error(out, "no-memory", "cannot read the keys: out of memory");
    while (k->count < count) {
        const char *stop = memchr(k->owned + at, end, len - at);
        size_t stop_at = stop ? (size_t)(stop - k->owned) : len;

        k->keys[k->count++] = (bobbin_string){k->owned + at, stop_at - at};
        at = stop_at + 1;
    }
    return EXIT_DONE;
}

static int keys_of_arguments(const struct options *o, struct output *out, struct input_keys *k)
{
    k->keys = calloc(o->arg_count + 1, sizeof(*k->keys));
    if (!k->keys)
        return output_error(out, "no-memory", "cannot take the keys: out of memory");
    for (; k->count < o->arg_count; k->count++)
        k->keys[k->count] = (bobbin_string){o->args[k->count], strlen(o->args[k->count])};
    return EXIT_DONE;
}

int input_keys(const struct options *o, struct output *out, struct input_keys *ret)
{
    const char *path = o->file;
    size_t len;

    *ret = (struct input_keys){0};
    if (o->arg_count == 1 && options_is_stdin(o, 0))
        path = "-";
    else if (o->arg_count > 0 && o->file)
        return output_error(out, "usage", "the keys are given twice: '%s' and --file '%s'",
                            o->args[0], o->file);
    if (!path && o->arg_count == 0)
        return output_error(out, "usage", "no keys; give them as arguments, \"-\" or --file");
    if (!path)
        return keys_of_arguments(o, out, ret);
    ret->owned = input_read(o, out, path, "the list of keys", KEYS_BYTES_MAX, &len);
    if (!ret->owned)
        return EXIT_TROUBLE;
    return split_keys(out, ret, len, options_has(o, OPTION_NUL) ? '\0' : '\n');
}

void input_keys_fini(struct input_keys *k)
{
    free(k->keys);
    free(k->owned);
}
