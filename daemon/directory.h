/* An app directory's identity: data lives as long as the directory, not as long as its name. */
#ifndef BOBBIN_DAEMON_DIRECTORY_H
#define BOBBIN_DAEMON_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/errors.h"

struct directory {
    char *path; /* canonical, absolute; owned */
    dev_t dev;  /* which directory was registered at that path; dev may change over a reboot */
    ino_t ino;
    int64_t born_ns; /* when it was made, since 1970; 0: not known. File systems hand out the
                        numbers of deleted directories again, so ino alone does not tell. */
    uid_t uid;       /* its owner */
    gid_t gid;
};

/* Look at the directory at `path` (any path to it). ERR_NO_SUCH_APP when there is none, ERR_OTHER
 * when it cannot be looked at. Touches the disk: pool or start-up only. */
int directory_init(struct directory *d, const char *path, struct error *e);
/* A copy of its own. */
int directory_copy(struct directory *d, const struct directory *from, struct error *e);
/* Frees the path. A directory that is all zeros is fine. */
void directory_fini(struct directory *d);
/* 0 while the path still leads to the same directory; ERR_NO_SUCH_APP with the reason when it is
 * gone or replaced. Touches the disk. */
int directory_check(const struct directory *d, struct error *e);

/* ERR_ACCESS_DENIED when others than the owner can write the directory: they could put anything in
 * the place of its files. Touches the disk. */
int directory_check_private(const struct directory *d, struct error *e);

/* Whether it can be used as it was when it was registered: the reason when the file system is
 * read-only, the daemon's permissions do not suffice any more, it has another owner, or others can
 * write it. Touches the disk. */
int directory_check_usable(const struct directory *d, struct error *e);
/* What the store's files take on disk; 0: there are none. Touches the disk. */
uint64_t directory_store_bytes(const struct directory *d);

/* Open `.spin` inside it, made (0700, owned by the directory's owner) when it is not there; refuses
 * a symlink in its place, and a directory that is not the registered one as directory_check does.
 * Returns a descriptor of its own, or an ERR_… code. Touches the disk. */
int directory_open_state(const struct directory *d, struct error *e);
/* Make durable that `.spin` is there, whoever made it. Waits for the disk. */
int directory_sync(const struct directory *d, struct error *e);

#endif
