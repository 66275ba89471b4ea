#include "daemon/gather.h"

static uint64_t longest(uint64_t took)
{
    uint64_t half = took / 2;

    return half < GATHER_NS ? GATHER_NS : half > GATHER_NS_MAX ? GATHER_NS_MAX : half;
}

void gather_after(struct gather *g, const struct gather_batch *batch)
{
    size_t all = batch->answered + batch->waiting;

    g->until = 0;
    g->want = 0;
    g->took = batch->took;
    g->most = longest(batch->took);
    /* Without writes there is no sync to save, and with company the loop does not go to sleep. */
    if (batch->answered == 0 || (all == 1 && batch->company))
        return;
    if (g->skip > 0)
        g->skip--;
    else
        g->want = all;
}

static void end_in_vain(struct gather *g)
{
    g->vain = g->vain == 0 ? 1 : g->vain * 2;
    if (g->vain > GATHER_SKIP_MAX)
        g->vain = GATHER_SKIP_MAX;
    g->skip = g->vain;
    g->want = 0;
    g->came = false;
}

bool gather_holds(struct gather *g, size_t waiting, uint64_t now)
{
    if (g->want == 0)
        return false;
    if (g->until == 0)
        g->until = now + g->most;
    if (waiting >= g->want) {
        g->came = true;
        g->want = 0;
        g->vain = 0;
        return false;
    }
    if (now < g->until)
        return true;
    end_in_vain(g);
    return false;
}

bool gather_wants_one(const struct gather *g)
{
    return g->want == 1;
}

bool gather_stays_awake(const struct gather *g)
{
    return g->came && g->took < GATHER_AWAKE_NS;
}
