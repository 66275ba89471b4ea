/* Trials by power cut: something is done while its disk is recorded, and what a cut leaves is
 * looked at. What is found wrong ends the program with the reason and how to repeat it. */
#ifndef BOBBIN_TESTS_CRASH_TRIAL_H
#define BOBBIN_TESTS_CRASH_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "script.h"

struct trial {
    char directory[200]; /* to work in */
    uint64_t seed;
    bool lies;     /* some syncs do nothing */
    bool brief;    /* little more than opening and closing */
    unsigned cuts; /* how many of the script's positions are tried; 0: each */
};

/* What was tried. */
struct trial_counts {
    uint64_t scripts;
    uint64_t cuts;
    uint64_t recovery_cuts; /* of those, while what another had left was being mended */
    uint64_t acknowledged;  /* writes */
};

/* The store with its commit log, backups and restores. */
void trial_store(const struct trial *t, struct trial_counts *counts);
/* The registry of apps. */
void trial_registry(const struct trial *t, struct trial_counts *counts);

/* What is there in the directory `path` may be what a cut at `position` has left of the script:
 * open it twice, look at it, compare. Which moment it was. */
size_t trial_check_left(const char *path, const struct script *s, size_t position, int64_t time_ms);

/* The value of an option; what is no number, or less than that, ends the program: it would test nothing. */
uint64_t trial_number(const char *text, uint64_t least);
/* A fresh directory for all trials. */
void trial_make_base(char ret[64]);
/* End the program: a promise is broken. */
void trial_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Which trial is under way, for that message: a cut of that disk, which is borrowed; NULL: none. */
void trial_say(const struct disk *disk, size_t position, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
