#include "place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static size_t first_of(const cpu_set_t *set)
{
    size_t cpu = 0;
    while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, set))
        cpu++;
    return cpu;
}

void place_client(struct place *p)
{
    cpu_set_t one;
    p->apart = 0;
    if (sched_getaffinity(0, sizeof p->all, &p->all) || CPU_COUNT(&p->all) < 2)
        return;
    CPU_ZERO(&one);
    CPU_SET(first_of(&p->all), &one);
    p->apart = !sched_setaffinity(0, sizeof one, &one);
}

/* A thread that has ended meanwhile is no matter. */
static void bind_threads(pid_t pid, const cpu_set_t *set)
{
    char path[64];
    struct dirent *entry;
    DIR *tasks;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    while (tasks && (entry = readdir(tasks)))
        if (entry->d_name[0] != '.')
            sched_setaffinity((pid_t)atoi(entry->d_name), sizeof *set, set);
    if (tasks)
        closedir(tasks);
}

void place_server(const struct place *p, pid_t pid)
{
    cpu_set_t others = p->all;
    if (!p->apart || !pid)
        return;
    CPU_CLR(first_of(&p->all), &others);
    bind_threads(pid, &others);
}

void place_free(const struct place *p, pid_t pid)
{
    if (p->apart && pid)
        bind_threads(pid, &p->all);
}

void place_restore(struct place *p)
{
    if (p->apart)
        sched_setaffinity(0, sizeof p->all, &p->all);
    p->apart = 0;
}
