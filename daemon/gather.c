#include "daemon/gather.h"

void gather_after(struct gather *g, size_t answered, size_t waiting)
{
    g->until = 0;
    g->want = 0;
    /* One writer has nobody to wait for, and without writes there is no sync to save. */
    if (answered == 0 || answered + waiting < 2)
        return;
    if (g->skip > 0)
        g->skip--;
    else
        g->want = answered + waiting;
}

static void end_in_vain(struct gather *g)
{
    g->vain = g->vain == 0 ? 1 : g->vain * 2;
    if (g->vain > GATHER_SKIP_MAX)
        g->vain = GATHER_SKIP_MAX;
    g->skip = g->vain;
    g->want = 0;
}

bool gather_holds(struct gather *g, size_t waiting, uint64_t now)
{
    if (g->want == 0)
        return false;
    if (g->until == 0)
        g->until = now + GATHER_NS;
    if (waiting >= g->want) {
        g->want = 0;
        g->vain = 0;
        return false;
    }
    if (now < g->until)
        return true;
    end_in_vain(g);
    return false;
}
