#include "daemon/machine.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cgroup.h"

/* "max" or a number of bytes. False: there is no such file, as above the topmost group. */
static bool read_limit(const char *group, uint64_t *ret)
{
    char path[PATH_MAX], text[32] = "";
    FILE *file;

    if (snprintf(path, sizeof(path), "%s/memory.max", group) >= (int)sizeof(path))
        return false;
    file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(text, sizeof(text), file) || sscanf(text, "%" SCNu64, ret) != 1)
        *ret = UINT64_MAX;
    fclose(file);
    return true;
}

uint64_t machine_group_memory(const char *path)
{
    char group[PATH_MAX];
    uint64_t least = UINT64_MAX, limit;
    char *slash = group;

    if (snprintf(group, sizeof(group), "%s", path) >= (int)sizeof(group))
        return least;
    while (slash && read_limit(group, &limit)) {
        if (limit < least)
            least = limit;
        slash = strrchr(group, '/');
        if (slash)
            *slash = '\0';
    }
    return least;
}

uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long size = sysconf(_SC_PAGESIZE);
    char *own = cgroup_own_path();
    uint64_t limit = own ? machine_group_memory(own) : UINT64_MAX;
    uint64_t all = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;

    free(own);
    return limit < all ? limit : all;
}
