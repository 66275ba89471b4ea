/* bobbin.toml: any text ends in a configuration within its limits, or in an error and no change.
 *
 * Input: the file. */
#include <string.h>

#include "daemon/config.h"
#include "tests/fuzz/fuzz.h"

static void check_path(const char *path)
{
    FUZZ_CHECK(!path || path[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config c, before;
    struct error e = {0};
    config_init(&c);
    before = c;
    fuzz_write(fuzz_path("bobbin.toml"), data, size);
    if (config_load(&c, fuzz_path("bobbin.toml"), &e)) {
        FUZZ_CHECK(e.text[0] && memcmp(&c, &before, sizeof c) == 0);
    } else {
        check_path(c.socket);
        check_path(c.state_dir);
        check_path(c.runner);
        check_path(c.cgroup);
        FUZZ_CHECK(c.threads >= 1 && c.threads <= CONFIG_THREADS_MAX);
        FUZZ_CHECK(c.cache_bytes <= CONFIG_CACHE_BYTES_MAX);
#define X(name, standard, least, most)                                                             \
    FUZZ_CHECK(c.limits.name >= (uint64_t)(least) && c.limits.name <= (uint64_t)(most));
        LIMIT_SETTABLE_LIST(X)
#undef X
    }
    config_fini(&c);
    return 0;
}
