#include "client/runner/toolchain.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/runner/command.h"
#include "client/runner/file.h"

#define MEMO "tools"

/* Debian 12 has the runtime in share/wabt/wasm2c; Debian 13 has only a part of it there and all in
 * src/wasm2c. The memory's part, where it stands alone, needs the helper beside it. */
static bool is_runtime(const char *directory)
{
    return file_is_in(directory, "wasm-rt-impl.c") &&
           (!file_is_in(directory, "wasm-rt-mem-impl.c") ||
            file_is_in(directory, "wasm-rt-mem-impl-helper.inc"));
}

static int find_runtime(struct toolchain *t, struct error *e)
{
    static const char *const places[] = {"src/wasm2c", "share/wabt/wasm2c"};
    size_t prefix = strlen(t->wasm2c) - strlen("/bin/wasm2c");
    if (strcmp(t->wasm2c + prefix, "/bin/wasm2c") != 0)
        prefix = 0;
    for (size_t i = 0; i < 2 && !t->runtime; i++) {
        char directory[PATH_MAX];
        snprintf(directory, sizeof(directory), "%.*s/%s", (int)prefix, t->wasm2c, places[i]);
        if (is_runtime(directory))
            t->runtime = strdup(directory);
    }
    if (t->runtime && asprintf(&t->include, "%.*s/include", (int)prefix, t->wasm2c) >= 0)
        return 0;
    return error_set(e, ERR_OTHER, "cannot find the runtime of '%s' (wasm-rt-impl.c): install wabt",
                     t->wasm2c);
}

int toolchain_find(struct toolchain *ret, struct error *e)
{
    struct toolchain t = {0};
    int code = command_find("wasm2c", "wabt", &t.wasm2c, e);
    if (!code)
        code = command_find("cc", "gcc and libc6-dev", &t.cc, e);
    if (!code)
        code = find_runtime(&t, e);
    if (code) {
        toolchain_fini(&t);
        return code;
    }
    *ret = t;
    return 0;
}

void toolchain_fini(struct toolchain *t)
{
    free(t->wasm2c);
    free(t->cc);
    free(t->runtime);
    free(t->include);
}

/* A tool counts as another one when its file has changed. */
static int identify(const char *path, char *text, size_t size, struct error *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return error_set(e, ERR_OTHER, "cannot find '%s': %s", path, strerror(errno));
    snprintf(text, size, "%s %lld %lld.%09ld", path, (long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return 0;
}

static int ask_versions(const struct toolchain *t, const char *scratch, char ret[TOOLCHAIN_TEXT],
                        struct error *e)
{
    const char *const wasm2c[] = {t->wasm2c, "--version", NULL};
    const char *const cc[] = {t->cc, "--version", NULL};
    char first[80], second[100];
    int code = command_output(scratch, wasm2c, first, sizeof(first), e);
    if (!code)
        code = command_output(scratch, cc, second, sizeof(second), e);
    if (!code)
        snprintf(ret, TOOLCHAIN_TEXT, "wasm2c %s; %s", first, second);
    return code;
}

/* The text goes into C code as it is. */
static void clean(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text >= 0x7f || *text == '"' || *text == '\\' || *text == '?')
            *text = '_';
}

static bool remembered(const char *directory, const char *identity, char ret[TOOLCHAIN_TEXT])
{
    char path[PATH_MAX], line[2 * PATH_MAX];
    bool found = false;
    snprintf(path, sizeof(path), "%s/" MEMO, directory);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    if (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        found = strcmp(line, identity) == 0 && fgets(ret, TOOLCHAIN_TEXT, file);
        ret[found ? strcspn(ret, "\n") : 0] = '\0';
    }
    fclose(file);
    return found && *ret;
}

/* For the next start; that this fails only costs time. */
static void remember(const char *directory, const char *identity, const char *text)
{
    char path[PATH_MAX], part[PATH_MAX];
    if (snprintf(part, sizeof(part), "%s/" TOOLCHAIN_SCRATCH "%d", directory, getpid()) >= PATH_MAX)
        return;
    snprintf(path, sizeof(path), "%s/" MEMO, directory);
    FILE *file = fopen(part, "wxe");
    if (!file)
        return;
    fprintf(file, "%s\n%s\n", identity, text);
    if (fclose(file) || rename(part, path))
        unlink(part);
}

int toolchain_describe(const struct toolchain *t, const char *directory, char ret[TOOLCHAIN_TEXT],
                       struct error *e)
{
    char one[PATH_MAX + 64], other[PATH_MAX + 64], scratch[PATH_MAX];
    char identity[sizeof(one) + sizeof(other) + 2];
    int code = identify(t->wasm2c, one, sizeof(one), e);
    if (!code)
        code = identify(t->cc, other, sizeof(other), e);
    if (code)
        return code;
    snprintf(identity, sizeof(identity), "%s; %s", one, other);
    if (remembered(directory, identity, ret))
        return 0;
    if (snprintf(scratch, sizeof(scratch), "%s/" TOOLCHAIN_SCRATCH "XXXXXX", directory) >=
            PATH_MAX ||
        !mkdtemp(scratch))
        return error_set(e, ERR_OTHER, "cannot create a directory in '%s': %s", directory,
                         strerror(errno));
    code = ask_versions(t, scratch, ret, e);
    file_remove_directory(scratch);
    if (!code) {
        clean(ret);
        remember(directory, identity, ret);
    }
    return code;
}
