/* LD_PRELOAD for a daemon under test: there is no memory for blocks of one size, that which is in
 * the shared file $BOBBIN_TEST_NO_BLOCK, eight bytes; 0: for all there is. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_calloc(size_t n, size_t size);

static _Atomic uint64_t *missing;

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("BOBBIN_TEST_NO_BLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *map = MAP_FAILED;
    if (fd >= 0)
        map = mmap(NULL, sizeof *missing, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    missing = map;
    close(fd);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
    if (missing && n == 1 && size && size == atomic_load(missing)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(n, size);
}
