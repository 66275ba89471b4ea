/* What a word of a command line may become: commands, options, apps, stores, keys, by the same
 * tables that the commands are checked against. For the shells' completions and for `bobbin shell`.
 */
#ifndef BOBBIN_CLI_COMPLETE_H
#define BOBBIN_CLI_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "client/cli/command.h"

/* What the words do not say. */
struct complete_context {
    bobbin *lent;                /* an attached connection to ask; NULL: one is made */
    const char *store;           /* without --store */
    const struct command *extra; /* commands beside those of the table … */
    size_t extra_count;          /* … and how many they are */
};

enum complete_kind {
    COMPLETE_WORDS,       /* one of `words`, or nothing */
    COMPLETE_FILES,       /* a file */
    COMPLETE_DIRECTORIES, /* a directory */
};

struct completions {
    enum complete_kind kind;
    char **words; /* owned, each; all begin with what is there already; sorted, none twice */
    size_t count;
    size_t cap;
};

/* Complete the last of the words behind "bobbin". Where the daemon does not answer, or memory runs
 * out, there is just less. Free with completions_fini. */
void complete(const struct complete_context *c, const char *const *words, size_t count,
              struct completions *ret);
void completions_fini(struct completions *c);

/* The hidden command that the scripts for bash and zsh call: see complete_command.c. */
command_fn complete_run;

#endif
