#include "run.h"

/* Who is written to in the background: the target itself if it is Bobbin, else one beside it. */
static int open_background(const struct options *o, const struct workspace *w, struct bed *target,
                           struct bed *own, struct bed **ret, struct error *e)
{
    struct options setup = *o;
    *ret = target;
    if (!o->background || o->target == TARGET_BOBBIN)
        return 0;
    setup.target = TARGET_BOBBIN;
    setup.socket = NULL;
    setup.op = OP_SET;
    *ret = own;
    return bed_open(own, &setup, w, "background", e);
}

static int measure(const struct options *o, const struct workspace *w, struct bed *b,
                   struct error *e)
{
    struct bed own = {0}, *background;
    struct bed_result result;
    int rc = open_background(o, w, b, &own, &background, e);
    if (!rc) {
        bench_say("measuring for %g seconds", o->seconds);
        rc = bed_run(b, o, background, NULL, &result, e);
    }
    bed_close(&own);
    if (rc)
        return rc;
    if (o->json)
        return run_print_json(o, b, &result, e);
    run_print(o, b, &result);
    return 0;
}

int run(const struct options *o, struct error *e)
{
    struct workspace w;
    struct bed b;
    int rc = workspace_init(&w, o->dir, e);
    if (rc)
        return rc;
    rc = bed_open(&b, o, &w, "target", e);
    if (!rc) {
        rc = measure(o, &w, &b, e);
        bed_close(&b);
    }
    workspace_fini(&w);
    return rc;
}
