#include "daemon/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/log.h"

#define CGROUP_MOUNT "/sys/fs/cgroup"
/* Where the daemon itself goes: a group that has limited children may have no processes. */
#define CGROUP_OWN "bobbind"
#define CPU_PERIOD_US 100000u

struct cgroup {
    int fd; /* of the subtree's directory */
};

/* 0, or -1 with errno. The files are the kernel's: one write takes it all. */
static int write_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = (ssize_t)strlen(text);

    if (fd < 0)
        return -1;
    ssize_t n = write(fd, text, (size_t)len);
    int saved = errno;
    close(fd);
    errno = saved;
    return n == len ? 0 : -1;
}

char *cgroup_own_path(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[4096], *path = NULL;

    while (file && !path && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0 && asprintf(&path, CGROUP_MOUNT "%s", line + 3) < 0)
            path = NULL;
    }
    if (file)
        fclose(file);
    return path;
}

/* systemd marks what it has delegated. */
static bool is_delegated(const char *path)
{
    char mark;

    return (getxattr(path, "trusted.delegate", &mark, 1) == 1 && mark == '1') ||
           (getxattr(path, "user.delegate", &mark, 1) == 1 && mark == '1');
}

/* A daemon that took another one's place, or that systemd started in the leaf (DelegateSubgroup=), is
 * below what was delegated. */
static void leave_leaf(char *path)
{
    char *slash = path ? strrchr(path, '/') : NULL;

    if (!slash || strcmp(slash + 1, CGROUP_OWN) != 0 || is_delegated(path))
        return;
    *slash = '\0';
    if (!is_delegated(path))
        *slash = '/';
}

/* Move ourselves out of the way and hand the controllers on to the children. */
static int settle(struct cgroup *cg)
{
    int own = -1, r;

    if (mkdirat(cg->fd, CGROUP_OWN, 0755) != 0 && errno != EEXIST)
        return -1;
    own = openat(cg->fd, CGROUP_OWN, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (own < 0)
        return -1;
    r = write_file(own, "cgroup.procs", "0");
    if (r == 0)
        r = write_file(cg->fd, "cgroup.subtree_control", "+memory +cpu");
    int saved = errno;
    close(own);
    errno = saved;
    return r;
}

int cgroup_open(const char *path, struct cgroup **ret, struct error *e)
{
    char *own = path ? NULL : cgroup_own_path();
    const char *at = path ? path : own;
    struct cgroup *cg = NULL;
    int code = 0;

    *ret = NULL;
    leave_leaf(own);
    if (!path && (!own || !is_delegated(own)))
        goto out;
    cg = malloc(sizeof(*cg));
    if (!cg) {
        code = error_set(e, ERR_OTHER, "out of memory");
        goto out;
    }
    cg->fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cg->fd < 0 || settle(cg) != 0) {
        code = error_set(e, ERR_OTHER, "cannot use control group '%s': %s", at, strerror(errno));
        cgroup_close(cg);
        goto out;
    }
    log_info("limits are set by control groups below '%s'", at);
    *ret = cg;
out:
    free(own);
    return code;
}

void cgroup_close(struct cgroup *cg)
{
    if (!cg)
        return;
    if (cg->fd >= 0)
        close(cg->fd);
    free(cg);
}

void cgroup_name(char name[CGROUP_NAME_MAX], const struct directory *directory, const char *app,
                 const char *component, unsigned instance)
{
    /* Names of apps are not unique, and have characters that a reader of /sys would not expect. */
    snprintf(name, CGROUP_NAME_MAX, "app-%.80s-%.64s-%u-%llx", app, component, instance,
             (unsigned long long)directory->ino);
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("-_", *p))
            *p = '_';
}

static int set_limits(int group, const struct component_spec *spec)
{
    char text[64];

    if (spec->memory_max)
        snprintf(text, sizeof(text), "%llu", (unsigned long long)spec->memory_max);
    else
        snprintf(text, sizeof(text), "max");
    if (write_file(group, "memory.max", text) != 0)
        return -1;
    /* What is over the limit is not to go to the swap space instead; not every kernel has one. */
    if (spec->memory_max && write_file(group, "memory.swap.max", "0") != 0 && errno != ENOENT)
        return -1;
    if (spec->cpu_max)
        snprintf(text, sizeof(text), "%llu %u",
                 (unsigned long long)spec->cpu_max * CPU_PERIOD_US / 100, CPU_PERIOD_US);
    else
        snprintf(text, sizeof(text), "max %u", CPU_PERIOD_US);
    return write_file(group, "cpu.max", text);
}

int cgroup_prepare(struct cgroup *cg, const char *name, const struct component_spec *spec,
                   struct error *e)
{
    int group = -1, procs = -1;

    if (mkdirat(cg->fd, name, 0755) == 0 || errno == EEXIST)
        group = openat(cg->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (group >= 0 && set_limits(group, spec) == 0)
        procs = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    int errnum = errno;
    if (group >= 0)
        close(group);
    if (procs >= 0)
        return procs;
    return error_set(e, ERR_OTHER, "cannot set limits by control group '%s': %s", name,
                     strerror(errnum));
}

/* The count in a line of memory.events: "oom_kill 1". */
static bool counts(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at && strtoull(at + strlen(name), NULL, 10) > 0;
}

bool cgroup_ran_out_of_memory(struct cgroup *cg, const char *name)
{
    char path[CGROUP_NAME_MAX + 16], text[512] = "\n";
    int fd;

    snprintf(path, sizeof(path), "%s/memory.events", name);
    fd = openat(cg->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text + 1, sizeof(text) - 2);
    close(fd);
    return n > 0 && counts(text, "\noom_kill ");
}

void cgroup_remove(struct cgroup *cg, const char *name)
{
    int group;

    if (!cg)
        return;
    group = openat(cg->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (group < 0)
        return;
    write_file(group, "cgroup.kill", "1");
    close(group);
    /* Those who were killed may not be gone yet: the next start finds the group and takes it. */
    unlinkat(cg->fd, name, AT_REMOVEDIR);
}
