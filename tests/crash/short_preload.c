/* LD_PRELOAD for a daemon under test: allocations are counted, and some of them fail, as the shared file
 * $BOBBIN_TEST_SHORT says: four numbers of eight bytes. Those of its libraries are among them, but not those
 * of the dynamic linker: without memory for a library's thread-local data it ends the process, whoever asks. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);

/* What is counted from 1 fails from `from` up to, not including, `to`. */
struct numbers {
    _Atomic uint64_t count, from, to, failed;
};

static struct numbers *numbers;
static uintptr_t linker_begin, linker_end;

static int find_linker(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    if (info->dlpi_addr != getauxval(AT_BASE))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > linker_end)
            linker_end = end;
    }
    linker_begin = info->dlpi_addr;
    return 1;
}

__attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("BOBBIN_TEST_SHORT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = MAP_FAILED;

    if (fd >= 0)
        map = mmap(NULL, sizeof *numbers, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    close(fd);
    dl_iterate_phdr(find_linker, NULL);
    numbers = map;
}

static int is_short(const void *caller)
{
    if (!numbers || ((uintptr_t)caller >= linker_begin && (uintptr_t)caller < linker_end))
        return 0;
    uint64_t n = atomic_fetch_add(&numbers->count, 1) + 1;
    if (n < atomic_load(&numbers->from) || n >= atomic_load(&numbers->to))
        return 0;
    atomic_fetch_add(&numbers->failed, 1);
    errno = ENOMEM;
    return 1;
}

EXPORT void *malloc(size_t size)
{
    return is_short(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
    return is_short(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *block, size_t size)
{
    return is_short(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}
