/* A disk in memory beneath a directory of real files: records what this process does to them, in
 * order, and then tells what a power cut at any moment may leave.
 *
 * The system calls of the program, of SQLite and of the C library's wrappers lead through here
 * (disk_calls.c), whoever makes them. A sync makes durable what was done to its file before it
 * began, and nothing else: not the file's name, which a sync of its directory makes durable. What
 * is not durable is there after the cut or not, sector by sector of 512 bytes, file by file, name
 * by name. What was written before a sync of a file that fails is not made durable by later ones: the
 * kernel tells of it once, and takes it for written. No real sync is made.
 *
 * Any thread may do the calls; one recording at a time; everything else from one thread. */
#ifndef BOBBIN_TESTS_CRASH_DISK_H
#define BOBBIN_TESTS_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;

/* What becomes of all that was not durable at the cut. */
enum disk_loss {
    DISK_LOSE_ALL,
    DISK_LOSE_NOTHING, /* as when only the process is killed */
    DISK_LOSE_SOME,    /* each sector, each change of size and each name on its own */
    DISK_LOSE_FILES,   /* some files all, some nothing, some as above */
    DISK_LOSE_LITTLE,  /* here and there a sector: what was torn is rare and lonely */
    DISK_LOSS_COUNT
};

/* What a sync does not do, to see that this is found: bits. */
enum disk_lie {
    DISK_LIE_SQLITE = 1,    /* of SQLite's files: PRAGMA synchronous=OFF */
    DISK_LIE_LOG = 2,       /* of the commit log */
    DISK_LIE_DIRECTORY = 4, /* of directories */
};

/* Record what happens to the files below `root`, an absolute path; those that are there are
 * durable. */
struct disk *disk_record(const char *root);
/* End the recording. Ends the program if the files are not what the recording makes of them. */
void disk_stop(struct disk *d);
/* NULL is fine. */
void disk_free(struct disk *d);
/* For recordings that begin later: bits of enum disk_lie. */
void disk_lie(unsigned lies);

/* Let the n-th call from now (1: the next) on the recorded files, and the `times` - 1 behind it,
 * fail with that errno; n 0: none. Of a write that finds the disk full a part is done. */
void disk_fail(size_t n, size_t times, int errnum);
/* How many have failed. */
size_t disk_failed(void);

/* How many events there have been so far. A cut at position n is before the event of that index. */
size_t disk_position(const struct disk *d);
/* When the event at the position happened, by clock_now_ms; behind the last one: the last one's. */
int64_t disk_time_ms(const struct disk *d, size_t position);
/* Put what a cut at `position` leaves into the directory `target`, made if need be and emptied. The
 * same arguments leave the same. */
void disk_cut(struct disk *d, size_t position, enum disk_loss loss, uint64_t seed,
              const char *target);
/* Whether a rollback journal of SQLite was told to be whole before all of it was on the disk: its
 * checksums are too weak to find out what is missing. A cut shows that only by rare chance. */
bool disk_has_hasty_journal(const struct disk *d);
/* What was done shortly before that position, to standard error, for people. */
void disk_print(const struct disk *d, size_t position);
/* Delete a directory and what is in it, if it is there. */
void disk_remove(const char *path);

#endif
