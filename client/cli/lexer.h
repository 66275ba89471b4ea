/* A line taken apart into words as sh does it: blanks, '…', "…" and \, and # for comments; nothing
 * is expanded. */
#ifndef BOBBIN_CLI_LEXER_H
#define BOBBIN_CLI_LEXER_H

#include <stdbool.h>
#include <stddef.h>

struct lexer {
    char **words; /* owned, as each of them; NULL-terminated */
    size_t count;
    size_t last_at; /* where the last word begins in the text; its length, behind a blank */
    bool open;      /* the text ends within a quote or behind a \ */
    bool comment;   /* the text ends within a comment */
};

/* Take the text apart. With `complete`, there is always a last word: the one that the text ends in,
 * or an empty one. 0, or -1 without memory; lexer_fini in either case. */
int lexer_split(struct lexer *l, const char *text, size_t len, bool complete);
void lexer_fini(struct lexer *l);

/* The word as it must be written to be one, to be freed; NULL without memory. */
char *lexer_quote(const char *word);

#endif
