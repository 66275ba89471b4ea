/* The directories of the peers. */
#include <errno.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bench.h"
#include "peer.h"

int workspace_init(struct workspace *w, const char *parent, struct error *e)
{
    struct statfs fs;
    char *real = realpath(parent, NULL);
    *w = (struct workspace){0};
    if (!real)
        return error_set(e, ERR_INVALID_REQUEST, "cannot use the directory '%s': %m", parent);
    if (strlen(real) + 32 > sizeof w->data) {
        free(real);
        return error_set(e, ERR_INVALID_REQUEST, "the path of '%s' is too long", parent);
    }
    sprintf(w->data, "%s/bobbin-bench-XXXXXX", real);
    free(real);
    if (!mkdtemp(w->data)) {
        w->data[0] = '\0';
        return error_set(e, ERR_OTHER, "cannot make a directory in '%s': %m", parent);
    }
    strcpy(w->run, "/tmp/bobbin-bench-XXXXXX");
    if (!mkdtemp(w->run)) {
        w->run[0] = '\0';
        workspace_fini(w);
        return error_set(e, ERR_OTHER, "cannot make a directory in /tmp: %m");
    }
    if (!statfs(w->data, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC))
        bench_say("bobbin-bench: '%s' is on %s: what is measured there about durable writes means "
                  "nothing; see --dir",
                  parent, fs.f_type == TMPFS_MAGIC ? "tmpfs" : "overlayfs");
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    remove(path);
    return 0;
}

static void remove_tree(char *path)
{
    if (path[0])
        nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    path[0] = '\0';
}

void workspace_fini(struct workspace *w)
{
    remove_tree(w->data);
    remove_tree(w->run);
}
