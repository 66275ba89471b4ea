#include "daemon/ahead.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/launch_plan.h"

/* The runner's own name and options, before the modules, and the NULL behind them. */
enum { ARGS_BEFORE = 4, ARGS_MORE = ARGS_BEFORE + 1 };

static int become_owner(const struct directory *directory, struct error *e)
{
    struct launch_plan plan = {0};
    int rc = launch_user(&plan, directory, e);

    if (!rc && plan.switch_user &&
        (setgroups(plan.group_count, plan.groups) != 0 ||
         setresgid(plan.gid, plan.gid, plan.gid) != 0 ||
         setresuid(plan.uid, plan.uid, plan.uid) != 0))
        rc = error_set(e, ERR_OTHER, "cannot become user %u: %s", (unsigned)plan.uid,
                       strerror(errno));
    free(plan.groups);
    return rc;
}

/* The modules behind args[ARGS_BEFORE]; how many there are. */
static size_t add_modules(char **args, const struct manifest *manifest)
{
    size_t count = 0;

    for (size_t i = 0; i < manifest->component_count; i++) {
        const struct component_spec *spec = manifest->components[i];
        if (!spec->command)
            args[ARGS_BEFORE + count++] = spec->source;
    }
    return count;
}

static int run(const struct directory *directory, const struct manifest *manifest,
               const char *runner, struct error *e)
{
    char cache[PATH_MAX];
    char **args = calloc(manifest->component_count + ARGS_MORE, sizeof(*args));
    int rc = args ? 0 : error_set(e, ERR_OTHER, "out of memory");

    if (!rc && add_modules(args, manifest) == 0) {
        printf("app '%s' has no modules to build\n", manifest->name);
        free(args);
        return 0;
    }
    if (!rc && snprintf(cache, sizeof(cache), "%s/.spin/cache", directory->path) >= PATH_MAX)
        rc = error_set(e, ERR_OTHER, "the path of '%s' is too long", directory->path);
    if (!rc)
        rc = become_owner(directory, e);
    if (!rc) {
        char *const before[ARGS_BEFORE] = {(char *)(uintptr_t)runner, "--build", "--cache-dir",
                                           cache};
        memcpy(args, before, sizeof(before));
        umask(077);
        execv(runner, args);
        rc = error_set(e, ERR_OTHER, "cannot run '%s': %s", runner, strerror(errno));
    }
    free(args);
    return rc;
}

int ahead_build(const char *path, const char *runner, struct error *e)
{
    struct directory directory;
    struct manifest *manifest = NULL;
    int rc = directory_init(&directory, path, e);

    if (rc)
        return rc;
    rc = directory_check_private(&directory, e);
    if (!rc)
        rc = manifest_load(directory.path, &manifest, e);
    if (!rc)
        rc = run(&directory, manifest, runner, e);
    if (manifest)
        manifest_free(manifest);
    directory_fini(&directory);
    return rc;
}
