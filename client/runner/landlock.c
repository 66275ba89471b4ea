#include "client/runner/landlock.h"

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the kernel's interface what is used here, in its own numbers: headers that are older than the
 * kernel do not have all of it. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif
enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };

struct ruleset {
    uint64_t files;
    uint64_t network; /* since version 4 */
};
struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

/* Rights by version, as bits: 13 at first, then refer (2), truncate (3), ioctl (5). */
static uint64_t all_rights(long version)
{
    return version >= 5 ? 0xffff : version >= 3 ? 0x7fff : version == 2 ? 0x3fff : 0x1fff;
}
enum { EXECUTE = 1 << 0, READ_FILE = 1 << 2, READ_DIR = 1 << 3, IOCTL = 1 << 15 };
enum { MAKE_CHAR = 1 << 6, MAKE_SOCKET = 1 << 9, MAKE_FIFO = 1 << 10, MAKE_BLOCK = 1 << 11 };
#define NEVER (EXECUTE | MAKE_CHAR | MAKE_SOCKET | MAKE_FIFO | MAKE_BLOCK | IOCTL)

static void add_rules(int ruleset, const struct wasi_fds *fds, uint64_t rights)
{
    const struct wasi_fd *fd;
    for (uint32_t i = 0; (fd = wasi_fds_given(fds, &i)) != NULL; i++) {
        struct path_beneath rule = {.allowed = fd->read_only ? READ_FILE | READ_DIR
                                                             : rights & ~(uint64_t)NEVER,
                                    .parent = fd->host};
        syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
    }
}

long landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
}

void landlock_enter(const struct wasi_fds *fds)
{
    long version = landlock_version();
    if (version < 1)
        return;
    struct ruleset rules = {.files = all_rights(version), .network = version >= 4 ? 3 : 0};
    size_t size = version >= 4 ? sizeof(rules) : sizeof(rules.files);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (ruleset < 0)
        return;
    add_rules(ruleset, fds, rules.files);
    syscall(SYS_landlock_restrict_self, ruleset, 0);
    close(ruleset);
}
