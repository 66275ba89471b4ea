#include "machine.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hist.h"

#define SYNCS 200
#define BLOCK 4096

static void read_processor(struct machine *m)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(m->processor, sizeof m->processor, "unknown processor");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (colon && !strncmp(line, "model name", 10)) {
            colon[1 + strcspn(colon + 1, "\n")] = '\0';
            snprintf(m->processor, sizeof m->processor, "%.100s", colon + 2);
            break;
        }
    }
    if (f)
        fclose(f);
}

static void read_filesystem(struct machine *m, const char *dir)
{
    static const struct {
        long magic;
        const char *name;
    } known[] = {{EXT4_SUPER_MAGIC, "ext4"},
                 {XFS_SUPER_MAGIC, "xfs"},
                 {BTRFS_SUPER_MAGIC, "btrfs"},
                 {TMPFS_MAGIC, "tmpfs"},
                 {OVERLAYFS_SUPER_MAGIC, "overlayfs"}};
    struct statfs fs = {0};
    snprintf(m->filesystem, sizeof m->filesystem, "unknown file system");
    if (statfs(dir, &fs))
        return;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if ((long)fs.f_type == known[i].magic)
            snprintf(m->filesystem, sizeof m->filesystem, "%s", known[i].name);
}

/* Write and sync block by block; the median in µs. */
static int time_syncs(int fd, double *ret, struct error *e)
{
    static struct hist hist;
    char block[BLOCK];
    hist_clear(&hist);
    for (unsigned i = 0; i < SYNCS; i++) {
        uint64_t began = bench_now();
        memset(block, (int)(began & 0xff), sizeof block);
        if (pwrite(fd, block, sizeof block, (off_t)i * BLOCK) != BLOCK || fdatasync(fd))
            return error_set(e, ERR_OTHER, "cannot write to the disk: %m");
        hist_record(&hist, bench_now() - began);
    }
    *ret = (double)hist_percentile(&hist, 50) / 1e3;
    return 0;
}

static int read_disk(struct machine *m, const char *dir, struct error *e)
{
    char path[4096];
    int fd, rc;
    snprintf(path, sizeof path, "%s/sync", dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, ERR_OTHER, "cannot make '%s': %m", path);
    rc = time_syncs(fd, &m->extend_us, e);
    if (!rc)
        rc = time_syncs(fd, &m->sync_us, e);
    close(fd);
    unlink(path);
    return rc;
}

int machine_read(struct machine *m, const char *dir, struct error *e)
{
    struct utsname name;
    *m = (struct machine){.processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    m->memory_mib =
        (unsigned)(((uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE)) >> 20);
    uname(&name);
    snprintf(m->kernel, sizeof m->kernel, "%.40s %.80s", name.sysname, name.release);
    read_processor(m);
    read_filesystem(m, dir);
    return read_disk(m, dir, e);
}

void machine_text(const struct machine *m, char *ret, size_t size)
{
    snprintf(ret, size,
             "%u × %s, %u GiB, %s, %s, fdatasync of 4 KiB: %.0f µs overwriting, %.0f µs extending",
             m->processors, m->processor, (m->memory_mib + 512) / 1024, m->kernel, m->filesystem,
             m->sync_us, m->extend_us);
}
