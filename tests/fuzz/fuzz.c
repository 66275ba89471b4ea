#include "tests/fuzz/fuzz.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t take(struct fuzz *f, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len && f->left > 0; i++, f->at++, f->left--)
        n |= (uint64_t)*f->at << (8 * i);
    return n;
}

uint8_t fuzz_u8(struct fuzz *f)
{
    return (uint8_t)take(f, 1);
}

uint16_t fuzz_u16(struct fuzz *f)
{
    return (uint16_t)take(f, 2);
}

uint32_t fuzz_u32(struct fuzz *f)
{
    return (uint32_t)take(f, 4);
}

uint64_t fuzz_u64(struct fuzz *f)
{
    return take(f, 8);
}

const uint8_t *fuzz_bytes(struct fuzz *f, size_t len, size_t *ret_len)
{
    const uint8_t *bytes = f->at;
    *ret_len = len < f->left ? len : f->left;
    f->at += *ret_len;
    f->left -= *ret_len;
    return bytes;
}

const uint8_t *fuzz_block(struct fuzz *f, size_t *ret_len)
{
    size_t len = fuzz_u16(f);
    return fuzz_bytes(f, len, ret_len);
}

static char directory[200];
static pid_t owner;

static void remove_directory(void)
{
    if (getpid() == owner)
        fuzz_remove(directory);
}

const char *fuzz_dir(void)
{
    const char *base = getenv("BOBBIN_FUZZ_DIR");
    if (directory[0])
        return directory;
    if (!base)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(directory, sizeof directory, "%s/bobbin-fuzz-XXXXXX", base);
    FUZZ_CHECK(mkdtemp(directory));
    owner = getpid();
    atexit(remove_directory);
    return directory;
}

const char *fuzz_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", fuzz_dir(), name);
    return path;
}

void fuzz_write(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "we");
    FUZZ_CHECK(file);
    FUZZ_CHECK(fwrite(bytes, 1, len, file) == len);
    FUZZ_CHECK(fclose(file) == 0);
}

uint8_t *fuzz_read(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    struct stat st;
    uint8_t *bytes;
    FUZZ_CHECK(file && fstat(fileno(file), &st) == 0);
    bytes = malloc((size_t)st.st_size + 1);
    FUZZ_CHECK(bytes);
    *ret_len = fread(bytes, 1, (size_t)st.st_size, file);
    fclose(file);
    return bytes;
}

static int remove_cb(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    remove(path);
    return 0;
}

void fuzz_remove(const char *path)
{
    nftw(path, remove_cb, 16, FTW_DEPTH | FTW_PHYS);
}

uint8_t *fuzz_exact(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    FUZZ_CHECK(copy);
    if (len)
        memcpy(copy, bytes, len);
    return copy;
}
