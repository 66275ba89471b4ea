/* The hidden command that the completions of the shells call:
 *
 *     bobbin __complete bash CURSOR LINE WORD    the line, and what bash takes for the word
 *     bobbin __complete zsh WORD…                the words behind "bobbin", unquoted, to the cursor
 *
 * It prints "words", "files" or "directories", and then words, one a line: for bash quoted, and
 * without what stands before the part of the word that bash replaces. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/complete.h"
#include "client/cli/lexer.h"

static void print_kind(struct output *out, const struct completions *c)
{
    static const char *const names[] = {[COMPLETE_WORDS] = "words",
                                        [COMPLETE_FILES] = "files",
                                        [COMPLETE_DIRECTORIES] = "directories"};

    output_print(out, "%s\n", names[c->kind]);
}

static int for_zsh(const struct options *o, struct output *out)
{
    const struct complete_context context = {0};
    struct completions c;

    complete(&context, o->args + 1, o->arg_count - 1, &c);
    print_kind(out, &c);
    for (size_t i = 0; i < c.count; i++)
        output_print(out, "%s\n", c.words[i]);
    completions_fini(&c);
    return EXIT_DONE;
}

/* Within a quote that is open: bash has the quote already, and closes it. */
static void print_within(struct output *out, const struct completions *c, char quote)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!strchr(c->words[i], quote) && !strpbrk(c->words[i], quote == '"' ? "$`\\" : ""))
            output_print(out, "%s\n", c->words[i]);
    }
}

/* The word as it stands in the line begins with `kept` bytes that bash does not replace (it ends a
 * word at ':' and '='). */
static void print_quoted(struct output *out, const struct completions *c, const char *raw,
                         size_t kept)
{
    for (size_t i = 0; i < c->count; i++) {
        char *quoted = lexer_quote(c->words[i]);

        if (quoted && strncmp(quoted, raw, kept) == 0)
            output_print(out, "%s\n", quoted + kept);
        free(quoted);
    }
}

static int for_bash(const struct options *o, struct output *out)
{
    const struct complete_context context = {0};
    size_t cursor, len, raw_len, word_len;
    struct completions c;
    struct lexer l;

    if (o->arg_count != 4)
        return output_error(out, "usage", "__complete bash wants CURSOR LINE WORD");
    cursor = strtoull(o->args[1], NULL, 10);
    len = strlen(o->args[2]);
    len = cursor < len ? cursor : len;
    if (lexer_split(&l, o->args[2], len, true) == 0 && l.count > 1) {
        raw_len = len - l.last_at;
        /* Directly behind what ends a word for it, bash names that, but does not replace it. */
        word_len = strspn(o->args[3], ":=") == strlen(o->args[3]) ? 0 : strlen(o->args[3]);
        complete(&context, (const char *const *)l.words + 1, l.count - 1, &c);
        print_kind(out, &c);
        if (raw_len > 0 && strchr("'\"", o->args[2][l.last_at]))
            print_within(out, &c, o->args[2][l.last_at]);
        else if (word_len <= raw_len)
            print_quoted(out, &c, o->args[2] + l.last_at, raw_len - word_len);
        completions_fini(&c);
    }
    lexer_fini(&l);
    return EXIT_DONE;
}

int complete_run(const struct options *o, struct output *out)
{
    if (o->arg_count > 1 && strcmp(o->args[0], "zsh") == 0)
        return for_zsh(o, out);
    if (o->arg_count > 1 && strcmp(o->args[0], "bash") == 0)
        return for_bash(o, out);
    return output_error(out, "usage", "__complete is for the completions of bash and zsh");
}
