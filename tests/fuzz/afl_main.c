/* A target under AFL++, many inputs to a process ("persistent mode"), handed over in shared memory. */
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

__AFL_FUZZ_INIT();

int main(void)
{
    __AFL_INIT();
    const uint8_t *bytes = __AFL_FUZZ_TESTCASE_BUF;
    while (__AFL_LOOP(10000)) {
        size_t len = (size_t)__AFL_FUZZ_TESTCASE_LEN;
        uint8_t *exact = fuzz_exact(bytes, len);
        LLVMFuzzerTestOneInput(exact, len);
        free(exact);
    }
    return 0;
}
