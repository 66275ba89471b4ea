#include "client/cli/lexer.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"

enum state {
    BLANK,   /* between words */
    WORD,    /* in one */
    SINGLE,  /* in '…' */
    DOUBLE,  /* in "…" */
    COMMENT, /* behind # */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int add_word(struct lexer *l, struct buffer *word)
{
    char **more = realloc(l->words, (l->count + 2) * sizeof(*more));

    if (!more)
        return -1;
    l->words = more;
    buffer_append(word, "", 1);
    l->words[l->count] = word->failed ? NULL : strdup((const char *)word->data);
    if (!l->words[l->count])
        return -1;
    l->words[++l->count] = NULL;
    buffer_clear(word);
    return 0;
}

/* What a \ takes its meaning from: behind it in "…" only these. */
static bool is_escapable(enum state state, char c)
{
    return state != DOUBLE || c == '"' || c == '\\' || c == '$' || c == '`' || c == '\n';
}

/* The state behind a character that is not escaped; what it adds goes to the word. */
static enum state step(enum state state, char c, struct buffer *word)
{
    switch (state) {
    case COMMENT:
        return c == '\n' ? BLANK : COMMENT;
    case SINGLE:
        if (c == '\'')
            return WORD;
        break;
    case DOUBLE:
        if (c == '"')
            return WORD;
        break;
    case BLANK:
        if (c == '#')
            return COMMENT;
        __attribute__((fallthrough));
    case WORD:
        if (is_blank(c))
            return BLANK;
        if (c == '\'')
            return SINGLE;
        if (c == '"')
            return DOUBLE;
        state = WORD;
        break;
    }
    buffer_append(word, &c, 1);
    return state;
}

static bool in_word(enum state state)
{
    return state == WORD || state == SINGLE || state == DOUBLE;
}

int lexer_split(struct lexer *l, const char *text, size_t len, bool complete)
{
    enum state state = BLANK, before;
    struct buffer word;
    int rc = 0;

    *l = (struct lexer){.last_at = len};
    buffer_init(&word);
    for (size_t i = 0; i < len && rc == 0; i++) {
        size_t at = i;

        before = state;
        if (text[i] == '\\' && state != SINGLE && state != COMMENT) {
            l->open = i + 1 == len;
            if (!l->open && is_escapable(state, text[i + 1])) {
                i++;
                if (text[i] != '\n')
                    buffer_append(&word, &text[i], 1);
            } else if (!l->open) {
                buffer_append(&word, &text[i], 1);
            }
            state = state == BLANK ? WORD : state;
        } else {
            state = step(state, text[i], &word);
        }
        if (before == BLANK && in_word(state))
            l->last_at = at;
        if (before == WORD && state == BLANK) {
            rc = add_word(l, &word);
            l->last_at = len;
        }
    }
    if (rc == 0 && (in_word(state) || (complete && state == BLANK)))
        rc = add_word(l, &word);
    l->open = l->open || state == SINGLE || state == DOUBLE;
    l->comment = state == COMMENT;
    buffer_fini(&word);
    return rc;
}

void lexer_fini(struct lexer *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->words[i]);
    free(l->words);
    *l = (struct lexer){0};
}

static bool is_safe(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           c >= 0x80 || strchr("-_./:,+@%=", c);
}

char *lexer_quote(const char *word)
{
    char *quoted = malloc(2 * strlen(word) + 3), *out = quoted;

    if (!quoted)
        return NULL;
    if (!word[0])
        return strcpy(quoted, "''");
    for (; *word; word++) {
        if (!is_safe((unsigned char)*word))
            *out++ = '\\';
        *out++ = *word;
    }
    *out = '\0';
    return quoted;
}
