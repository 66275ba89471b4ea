/* The batcher's round on the pool: a batch, a sweep, or a step of a task. Nobody else includes
 * this.
 *
 * A job belongs to the pool's thread from the moment it is queued there until it has come back,
 * else to the loop's. */
#ifndef BOBBIN_DAEMON_BATCHER_JOB_H
#define BOBBIN_DAEMON_BATCHER_JOB_H

#include <uv.h>

#include "daemon/batcher.h"

struct job {
    uv_work_t work;
    struct directory directory;
    struct store *store;  /* NULL: not open */
    struct list todo;     /* operations to be run … */
    struct list ran;      /* … and those that were, or failed without */
    struct list tasks;    /* under way, the next to make a step in front … */
    struct list finished; /* … and those that are done or cancelled */
    bool writes;          /* one of todo is a write */
    bool light;           /* all that is to be done is little */
    bool step;            /* let a task make a step */
    bool fold;            /* nobody waits: fold what has gathered into the database */
    bool unfolded;        /* after the round: there is more to fold, which need not wait */
    bool restless;        /* after the round: there will be something for `fold` to do */
    struct store_checkpoint *checkpoint; /* before the round: one that has run, or NULL; after it:
                                            one to be run beside the next rounds, or NULL */
    bool checkpointing;   /* one is under way: no other */
    struct store_options options;
    unsigned sweep;       /* remove up to so many expired entries; 0: none */
    uint64_t quota_bytes;
    uint64_t quota_entries;
    struct error refusal;     /* with a code: fail all of todo with it */
    struct error cancel;      /* with a code: cancel all tasks with it */
    struct error write_error; /* with a code: why this round's writes fail before they are tried */
    struct error sync_error;  /* with a code: what was answered already could not be synced */
    struct error sweep_error; /* with a code: the sweep failed */
    unsigned swept;           /* entries removed by this round's sweep */
    int64_t next_expiry;      /* as store_next_expiry, after this round; -1 without an open store */
    struct store_place place; /* of the store that was open last … */
    struct store_place was;   /* … and the one before it, if one was opened in this round; else all zero */
    uint64_t opened_at;       /* the commit that it was found with */
    uint64_t last_commit;     /* after this round, of the open store; 0: there is none */
    uint64_t commit;          /* the number of this round's batch if it changed something … */
    const struct store_change *changes; /* … and what it changed */
    size_t change_count;                /* 0: nothing */
    uint64_t commit_ns;                 /* how long this round's commit took; 0: it had none … */
    uint64_t sync_ns;                   /* … and how long it waited for syncs of the log */
    struct error trouble;               /* with a code: the store was not closed cleanly */
};

/* All run on the pool. Run todo, sweep, step and fold as the fields say. */
void job_run(struct job *job);
/* Close the store; tasks must be gone. */
void job_close(struct job *job);

#endif
