/* A script of writes and of all that a store does beside them, by chance from a seed, with what was
 * acknowledged when. */
#ifndef BOBBIN_TESTS_CRASH_SCRIPT_H
#define BOBBIN_TESTS_CRASH_SCRIPT_H

#include "disk.h"
#include "model/random.h"
#include "model_state.h"

/* One state that the store was in, and what is known of it. */
struct moment {
    struct state state;
    uint64_t commit;
    uint64_t digest;
    size_t begun;        /* the disk's position before anything of it was done … */
    size_t acknowledged; /* … and when the store said that it is done; SIZE_MAX: not yet */
    int64_t time_ms;     /* of that */
    size_t durable;      /* when the store said that it is on the disk; SIZE_MAX: it never did */
    bool failed;         /* the store said that it is not done, when it was `acknowledged`: a disk that took it but neither its
                            sync nor its removal may show it until the next one is done */
    size_t gone;         /* of one that failed: when it had been taken back durably; SIZE_MAX: not known */
};

struct backup_file {
    char name[32];
    struct state state;
    uint64_t digest;
    size_t acknowledged;
};

enum { SCRIPT_BACKUPS = 4 };

struct script {
    struct moment *moments; /* in order; the first is how it began; owned */
    size_t count, cap;
    struct backup_file backups[SCRIPT_BACKUPS];
    unsigned backup_count;
    uint64_t batches;  /* acknowledged */
    uint64_t failures; /* of batches, and of what else there is */
    size_t opened;     /* the disk's position when the store had been opened first */
};

enum script_kind {
    SCRIPT_FULL,   /* all that there is */
    SCRIPT_SHORT,  /* a few batches, as after an accident */
    SCRIPT_FAULTY, /* some twenty steps, of which any may fail; it opens anew what cannot go on */
};

/* Begin with that state. */
void script_init(struct script *s, const struct state *state, uint64_t commit);
void script_fini(struct script *s);
/* Run it in the app directory `path`, whose disk is being recorded. Ends the program with a reason
 * if the store fails, or does what it should not. */
void script_run(struct script *s, const struct disk *disk, const char *path, enum script_kind kind,
                uint64_t seed);
/* What may be found after a cut at that position: moments[*ret_first … *ret_last]. */
void script_allowed(const struct script *s, size_t position, int64_t time_ms, size_t *ret_first,
                    size_t *ret_last);

#endif
