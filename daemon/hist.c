#include "daemon/hist.h"

#include <assert.h>

#define X_MOST(most, word) most,
#define X_WORD(most, word) word,
#define X_ONE(most, word) +1

static_assert((0 HIST_TIME_LIST(X_ONE)) == HIST_BOUNDS, "as many bounds as there is room for");
static_assert((0 HIST_SIZE_LIST(X_ONE)) == HIST_BOUNDS, "as many bounds as there is room for");

const struct hist_bounds hist_time = {
    {HIST_TIME_LIST(X_MOST)},
    {HIST_TIME_LIST(X_WORD)},
};

const struct hist_bounds hist_size = {
    {HIST_SIZE_LIST(X_MOST)},
    {HIST_SIZE_LIST(X_WORD)},
};
