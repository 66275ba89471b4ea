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
/* Nobody asks for the versions of tools for so long. */
#define SCRATCH_SECONDS 3600

/* "CONTENT-TOOLS.so", both in hexadecimal. */
#define CONTENT_DIGITS 40
#define TOOLS_DIGITS 16

struct cache {
    const struct cache_request *request;
    struct error no_tools; /* why nothing can be built */
    bool has_tools;
    struct toolchain tools;
    char versions[TOOLCHAIN_TEXT];                  /* of the tools */
    char module[CACHE_DIGEST];                      /* digest of the module's bytes */
    char content[CONTENT_DIGITS + 1];               /* what the object is made of … */
    char by[TOOLS_DIGITS + 1];                      /* … and by which tools; "" without */
    char object[CONTENT_DIGITS + TOOLS_DIGITS + 8]; /* file name; "" if none is there */
};

static void hash_text(struct sha256_ctx *ctx, const char *text)
{
    sha256_update(ctx, strlen(text) + 1, (const uint8_t *)text);
}

/* The first digits of the digest. */
static void hash_end(struct sha256_ctx *ctx, char *ret, size_t digits)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(ctx, sizeof(digest), digest);
    for (size_t i = 0; i < digits; i += 2)
        sprintf(ret + i, "%02x", digest[i / 2]);
}

/* All that goes into an object besides the module: sources, flags, and which function is where. */
static void hash_runner(struct sha256_ctx *ctx)
{
    hash_text(ctx, BOBBIN_VERSION);
    hash_text(ctx, embedded_guest_h);
    hash_text(ctx, embedded_guest_glue_c);
    hash_text(ctx, embedded_unit_h);
    for (size_t i = 0; compile_flags[i]; i++)
        hash_text(ctx, compile_flags[i]);
    for (size_t i = 0; compile_link_flags[i]; i++)
        hash_text(ctx, compile_link_flags[i]);
    for (size_t i = 0; i < imports_count; i++) {
        char answer[16];
        snprintf(answer, sizeof(answer), "%d %u", imports[i].function != NULL, imports[i].answer);
        hash_text(ctx, imports[i].module);
        hash_text(ctx, imports[i].name);
        hash_text(ctx, imports[i].signature);
        hash_text(ctx, answer);
    }
}

static void name_content(struct cache *c)
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, c->request->len, c->request->bytes);
    hash_end(&ctx, c->module, CACHE_DIGEST - 1);
    sha256_init(&ctx);
    hash_text(&ctx, c->module);
    hash_runner(&ctx);
    hash_end(&ctx, c->content, CONTENT_DIGITS);
}

/* That the tools are missing only matters when something is to be built. */
static void find_tools(struct cache *c)
{
    struct sha256_ctx ctx;
    if (toolchain_find(&c->tools, &c->no_tools))
        return;
    c->has_tools = true;
    if (toolchain_describe(&c->tools, c->request->directory, c->versions, &c->no_tools)) {
        toolchain_fini(&c->tools);
        c->tools = (struct toolchain){0};
        c->has_tools = false;
        return;
    }
    sha256_init(&ctx);
    hash_text(&ctx, c->versions);
    hash_end(&ctx, c->by, TOOLS_DIGITS);
}

/* With tools the object that they make; without them any that is made of the same. */
static void name_object(struct cache *c)
{
    c->object[0] = '\0';
    if (c->has_tools) {
        snprintf(c->object, sizeof(c->object), "%s-%s" OBJECT_SUFFIX, c->content, c->by);
        return;
    }
    DIR *dir = opendir(c->request->directory);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        if (strlen(entry->d_name) == CONTENT_DIGITS + 1 + TOOLS_DIGITS + strlen(OBJECT_SUFFIX) &&
            strncmp(entry->d_name, c->content, CONTENT_DIGITS) == 0)
            snprintf(c->object, sizeof(c->object), "%.*s", (int)sizeof(c->object) - 1,
                     entry->d_name);
    if (dir)
        closedir(dir);
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
static int open_object(struct cache *c)
{
    char path[PATH_MAX];
    struct stat st;
    name_object(c);
    if (!c->object[0])
        return -1;
    snprintf(path, sizeof(path), "%s/%s", c->request->directory, c->object);
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
        if (strncmp(entry->d_name, BUILD_PREFIX, strlen(BUILD_PREFIX)) == 0 ||
            (strncmp(entry->d_name, TOOLCHAIN_SCRATCH, strlen(TOOLCHAIN_SCRATCH)) == 0 &&
             time(NULL) - st.st_mtim.tv_sec > SCRATCH_SECONDS))
            file_remove_directory(path);
        else if (suffix && strcmp(suffix, OBJECT_SUFFIX) == 0 &&
                 time(NULL) - st.st_mtim.tv_sec > UNUSED_SECONDS)
            unlink(path);
    }
    closedir(dir);
}

/* Under its name there is a whole object or none, also after a power cut. */
static int publish(const char *from, const char *to, struct error *e)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fchmod(fd, 0644) == 0 && fsync(fd) == 0 && rename(from, to) == 0;
    if (!ok)
        error_set(e, ERR_OTHER, "cannot keep the compiled module as '%s': %s", to, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok ? 0 : ERR_OTHER;
}

static int build(struct cache *c, struct error *e)
{
    char directory[PATH_MAX], from[PATH_MAX], to[PATH_MAX], made_from[CACHE_DIGEST + 256];
    const struct cache_request *q = c->request;
    int n = snprintf(directory, sizeof(directory), "%s/" BUILD_PREFIX "XXXXXX", q->directory);
    if (n >= PATH_MAX - (int)sizeof(c->object) || !mkdtemp(directory))
        return error_set(e, ERR_OTHER, "cannot create a directory in '%s': %s", q->directory,
                         strerror(errno));
    snprintf(made_from, sizeof(made_from), "%s; %s", c->module, c->versions);
    struct compile_job job = {&c->tools, directory, q->name, made_from, q->progress};
    int code = compile_module(&job, q->bytes, q->len, e);
    snprintf(from, sizeof(from), "%.*s/" COMPILE_OBJECT, n, directory);
    snprintf(to, sizeof(to), "%s/%s", q->directory, c->object);
    if (!code)
        code = publish(from, to, e);
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
static int open_or_build(struct cache *c, int *ret_fd, bool *ret_fresh, struct error *e)
{
    int fd = c->request->anew ? -1 : open_object(c);
    if (fd < 0) {
        sweep(c->request->directory);
        name_object(c);
        int code = build(c, e);
        if (code)
            return code;
        fd = open_object(c);
        *ret_fresh = true;
    }
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot open the compiled module '%s/%s'",
                         c->request->directory, c->object);
    *ret_fd = fd;
    return 0;
}

static int no_object(const struct cache *c, struct error *e)
{
    return error_set(e, c->no_tools.code,
                     "module '%s' is not in the cache '%s' and cannot be compiled: %s",
                     c->request->name, c->request->directory, c->no_tools.text);
}

static int open_in(struct cache *c, int *ret_fd, bool *ret_fresh, struct error *e)
{
    int lock_fd, fd;
    find_tools(c);
    if (!c->request->anew && (fd = open_object(c)) >= 0) {
        *ret_fd = fd;
        return 0;
    }
    int code = compile_check(c->request->name, c->request->bytes, c->request->len, e);
    if (code)
        return code;
    if (!c->has_tools)
        return no_object(c, e);
    code = lock(c->request->directory, &lock_fd, e);
    if (code)
        return code;
    code = open_or_build(c, ret_fd, ret_fresh, e);
    close(lock_fd);
    return code;
}

int cache_open(const struct cache_request *request, struct cache_object *ret, struct error *e)
{
    struct cache c = {.request = request};
    struct cache_object object = {.fd = -1};
    int code = make_directories(request->directory, e);
    if (code)
        return code;
    name_content(&c);
    code = open_in(&c, &object.fd, &object.fresh, e);
    if (!code) {
        memcpy(object.module, c.module, sizeof(object.module));
        object.can_build = c.has_tools;
        snprintf(object.path, sizeof(object.path), "%s/%s", request->directory, c.object);
        *ret = object;
    }
    toolchain_fini(&c.tools);
    return code;
}
