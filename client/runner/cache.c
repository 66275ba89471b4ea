#include "client/runner/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/runner/compile.h"
#include "client/runner/embedded.h"
#include "client/runner/file.h"
#include "client/runner/imports.h"

#define BUILD_PREFIX "build-"
#define OBJECT_SUFFIX ".so"
/* An object that no start has used for so long makes room. */
#define UNUSED_SECONDS (30 * 24 * 3600)

struct cache {
    const char *directory;
    char object[2 * SHA256_DIGEST_SIZE + sizeof(OBJECT_SUFFIX)]; /* file name */
    struct toolchain tools;
};

static void hash_text(struct sha256_ctx *ctx, const char *text)
{
    sha256_update(ctx, strlen(text) + 1, (const uint8_t *)text);
}

/* A tool counts as another one when its file has changed; asking for its version at every start
 * would take longer than the start. */
static int hash_tool(struct sha256_ctx *ctx, const char *path, struct error *e)
{
    struct stat st;
    char text[128];
    if (stat(path, &st) < 0)
        return error_set(e, ERR_OTHER, "cannot find '%s': %s", path, strerror(errno));
    snprintf(text, sizeof(text), "%lld %lld.%09ld", (long long)st.st_size,
             (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    hash_text(ctx, path);
    hash_text(ctx, text);
    return 0;
}

/* All that goes into an object besides the module: sources, flags, and which function is where. */
static void hash_runner(struct sha256_ctx *ctx)
{
    hash_text(ctx, embedded_guest_h);
    hash_text(ctx, embedded_guest_glue_c);
    for (size_t i = 0; compile_flags[i]; i++)
        hash_text(ctx, compile_flags[i]);
    for (size_t i = 0; i < imports_count; i++) {
        char answer[16];
        snprintf(answer, sizeof(answer), "%d %u", imports[i].function != NULL, imports[i].answer);
        hash_text(ctx, imports[i].module);
        hash_text(ctx, imports[i].name);
        hash_text(ctx, imports[i].signature);
        hash_text(ctx, answer);
    }
}

static int name_object(struct cache *c, const uint8_t *bytes, size_t len, struct error *e)
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    hash_text(&ctx, BOBBIN_VERSION);
    hash_runner(&ctx);
    int code = hash_tool(&ctx, c->tools.wasm2c, e);
    if (!code)
        code = hash_tool(&ctx, c->tools.cc, e);
    if (code)
        return code;
    sha256_update(&ctx, len, bytes);
    sha256_digest(&ctx, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        sprintf(c->object + 2 * i, "%02x", digest[i]);
    strcat(c->object, OBJECT_SUFFIX);
    return 0;
}

/* What root executes must not lie where somebody else could exchange it, and what root leaves
 * behind must not be in the way of the directory's owner. */
static int check_owner(const char *path, struct error *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return error_set(e, ERR_OTHER, "cannot use the cache directory '%s': %s", path,
                         strerror(errno));
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return error_set(
            e, ERR_OTHER,
            "cannot use the cache directory '%s': it belongs to another user or others "
            "may write there; name one with --cache-dir",
            path);
    return 0;
}

static int make_directory(const char *path, const char *parent, struct error *e)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return 0;
    if (geteuid() == 0 && stat(parent, &st) == 0 && st.st_uid != 0)
        return check_owner(parent, e);
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return error_set(e, ERR_OTHER, "cannot create the cache directory '%s': %s", path,
                         strerror(errno));
    return 0;
}

static int make_directories(const char *path, struct error *e)
{
    char part[PATH_MAX], parent[PATH_MAX] = ".";
    if (!*path || snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
        return error_set(e, ERR_OTHER, "the cache directory has no name, or too long a one");
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int code = make_directory(part, parent, e);
        if (code)
            return code;
        strcpy(parent, part);
        *slash = '/';
    }
    int code = make_directory(part, parent, e);
    return code ? code : check_owner(part, e);
}

/* The cached object, if it is there and nobody else can have put it there; -1 if not. */
static int open_object(const struct cache *c)
{
    char path[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", c->directory, c->object);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & (S_IWGRP | S_IWOTH))) {
        close(fd);
        return -1;
    }
    if (time(NULL) - st.st_mtim.tv_sec > UNUSED_SECONDS / 30)
        futimens(fd, NULL);
    return fd;
}

/* Whoever holds the lock is the only one that builds, so a build directory that is there was left
 * by a process that was killed. */
static void sweep(const char *directory)
{
    DIR *dir = opendir(directory);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[PATH_MAX];
        struct stat st;
        int n = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (n < 0 || (size_t)n >= sizeof(path) || lstat(path, &st) < 0)
            continue;
        const char *suffix = strrchr(entry->d_name, '.');
        if (strncmp(entry->d_name, BUILD_PREFIX, strlen(BUILD_PREFIX)) == 0)
            file_remove_directory(path);
        else if (suffix && strcmp(suffix, OBJECT_SUFFIX) == 0 &&
                 time(NULL) - st.st_mtim.tv_sec > UNUSED_SECONDS)
            unlink(path);
    }
    closedir(dir);
}

static int build(struct cache *c, const char *name, uint8_t *bytes, size_t len, struct error *e)
{
    char directory[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
    int n = snprintf(directory, sizeof(directory), "%s/" BUILD_PREFIX "XXXXXX", c->directory);
    if (n >= PATH_MAX - (int)sizeof(c->object) || !mkdtemp(directory))
        return error_set(e, ERR_OTHER, "cannot create a directory in '%s': %s", c->directory,
                         strerror(errno));
    int code = compile_module(&c->tools, directory, name, bytes, len, e);
    snprintf(from, sizeof(from), "%.*s/" COMPILE_OBJECT, n, directory);
    snprintf(to, sizeof(to), "%s/%s", c->directory, c->object);
    if (!code && (chmod(from, 0644) < 0 || rename(from, to) < 0))
        code = error_set(e, ERR_OTHER, "cannot keep the compiled module as '%s': %s", to,
                         strerror(errno));
    file_remove_directory(directory);
    return code;
}

static int lock(const char *directory, int *ret_fd, struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/lock", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    int result = fd;
    while (fd >= 0 && (result = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
        ;
    if (result < 0) {
        error_set(e, ERR_OTHER, "cannot lock '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_OTHER;
    }
    *ret_fd = fd;
    return 0;
}

/* With the lock: another process may have built it while this one waited. */
static int open_or_build(struct cache *c, const char *name, uint8_t *bytes, size_t len, int *ret_fd,
                         struct error *e)
{
    int fd = open_object(c);
    if (fd < 0) {
        sweep(c->directory);
        int code = build(c, name, bytes, len, e);
        if (code)
            return code;
        fd = open_object(c);
    }
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot open the compiled module '%s/%s'", c->directory,
                         c->object);
    *ret_fd = fd;
    return 0;
}

int cache_open(const char *directory, const char *name, uint8_t *bytes, size_t len, int *ret_fd,
               struct error *e)
{
    struct cache c = {.directory = directory};
    int lock_fd = -1;
    int code = toolchain_find(&c.tools, e);
    if (code)
        return code;
    code = name_object(&c, bytes, len, e);
    if (!code)
        code = make_directories(directory, e);
    if (code)
        goto done;
    *ret_fd = open_object(&c);
    if (*ret_fd >= 0)
        goto done;
    code = lock(directory, &lock_fd, e);
    if (!code)
        code = open_or_build(&c, name, bytes, len, ret_fd, e);
done:
    if (lock_fd >= 0)
        close(lock_fd);
    toolchain_fini(&c.tools);
    return code;
}
