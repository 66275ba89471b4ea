/* Increments one number as fast as it is answered, and writes each sum that was acknowledged, until it is
 * told to stop by an entry. */
#include <stdbool.h>
#include <stdio.h>

#include "wasi_keyvalue.h"

static int fail(const char *doing)
{
    fprintf(stderr, "ticker: cannot %s: %s\n", doing, wkv_error());
    return 1;
}

int main(void)
{
    wkv_bucket bucket;
    bool enough = false;
    int64_t sum;
    if (wkv_open("default", &bucket))
        return fail("open the store");
    while (!enough) {
        if (wkv_increment(bucket, "ticks", 1, &sum))
            return fail("increment");
        printf("%lld\n", (long long)sum);
        fflush(stdout);
        if (sum % 16 == 0 && wkv_exists(bucket, "enough", &enough))
            return fail("look for 'enough'");
    }
    puts("enough");
    return 0;
}
