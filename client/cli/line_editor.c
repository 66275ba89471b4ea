#include "client/cli/line_editor.h"

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "client/cli/bytes.h"
#include "client/cli/history.h"
#include "client/cli/lexer.h"

#define REMEMBERED 1000

struct line_editor {
    EditLine *edit; /* NULL: a script */
    History *lines; /* of libedit */
    struct history *file;
    const char *prompt;
    bool cancelled;
    line_complete_fn *on_complete;
    void *arg;
};

static struct line_editor *self(EditLine *edit)
{
    void *data = NULL;

    el_get(edit, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt_of(EditLine *edit)
{
    return (char *)self(edit)->prompt;
}

/* Ctrl-C comes as a character, see line_editor_new. */
static unsigned char on_cancel(EditLine *edit, wint_t c)
{
    (void)c;
    self(edit)->cancelled = true;
    return CC_EOF;
}

/* The bytes that all of them begin with. */
static size_t common_len(const struct completions *c)
{
    size_t len = strlen(c->words[0]);

    for (size_t i = 1; i < c->count; i++) {
        size_t k = 0;

        while (k < len && c->words[i][k] == c->words[0][k])
            k++;
        len = k;
    }
    /* No character is cut in two. */
    while (len > 0 && ((unsigned char)c->words[0][len] & 0xc0) == 0x80)
        len--;
    return len;
}

static int terminal_columns(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* In columns, as many as fit. */
static void print_choices(const struct completions *c)
{
    size_t width = 1, per_line;

    for (size_t i = 0; i < c->count; i++) {
        size_t columns = bytes_columns(c->words[i]) + 2;

        width = columns > width ? columns : width;
    }
    per_line = (size_t)terminal_columns() / width;
    per_line = per_line ? per_line : 1;
    fputs("\n", stdout);
    for (size_t i = 0; i < c->count; i++) {
        bool last = i + 1 == c->count || (i + 1) % per_line == 0;
        size_t columns = bytes_columns(c->words[i]);

        printf("%s%*s%s", c->words[i], last ? 0 : (int)(width - columns), "", last ? "\n" : "");
    }
    fflush(stdout);
}

/* Put what is known now in the place of the last word, of which `raw` is typed. */
static bool replace_word(EditLine *edit, const struct completions *c, const char *raw)
{
    char *known = strndup(c->words[0], common_len(c)), *quoted = known ? lexer_quote(known) : NULL;
    bool whole = c->count == 1, changed = quoted && (whole || strcmp(quoted, raw) != 0);

    if (changed && known[0]) {
        el_deletestr(edit, (int)bytes_columns(raw));
        el_insertstr(edit, quoted);
        if (whole && known[strlen(known) - 1] != '=')
            el_insertstr(edit, " ");
    }
    changed = changed && known[0];
    free(known);
    free(quoted);
    return changed;
}

static unsigned char on_tab(EditLine *edit, wint_t ch)
{
    struct line_editor *e = self(edit);
    const LineInfo *line = el_line(edit);
    size_t len = (size_t)(line->cursor - line->buffer);
    unsigned char result = CC_REFRESH_BEEP;
    struct completions c = {0};
    struct lexer l;
    char *raw;

    (void)ch;
    if (lexer_split(&l, line->buffer, len, true) || l.count == 0) {
        lexer_fini(&l);
        return CC_ERROR;
    }
    raw = strndup(line->buffer + l.last_at, len - l.last_at);
    e->on_complete(e->arg, (const char *const *)l.words, l.count, &c);
    if (raw && c.count > 0) {
        if (replace_word(edit, &c, raw)) {
            result = CC_REFRESH;
        } else {
            print_choices(&c);
            result = CC_REDISPLAY;
        }
    }
    free(raw);
    completions_fini(&c);
    lexer_fini(&l);
    return result;
}

static void on_history_line(void *arg, const char *line)
{
    struct line_editor *e = arg;
    HistEvent event;

    history(e->lines, &event, H_ENTER, line);
}

static int init_edit(struct line_editor *e)
{
    HistEvent event;

    setlocale(LC_CTYPE, "");
    e->edit = el_init("bobbin", stdin, stdout, stderr);
    e->lines = history_init();
    if (!e->edit || !e->lines)
        return -1;
    history(e->lines, &event, H_SETSIZE, REMEMBERED);
    el_set(e->edit, EL_CLIENTDATA, e);
    el_set(e->edit, EL_PROMPT, prompt_of);
    el_set(e->edit, EL_EDITOR, "emacs");
    el_set(e->edit, EL_HIST, history, e->lines);
    /* Of names that are not wide libedit makes copies that it never frees. */
    el_wset(e->edit, EL_ADDFN, L"bobbin-complete", L"complete a word", on_tab);
    el_wset(e->edit, EL_ADDFN, L"bobbin-cancel", L"give up the line", on_cancel);
    el_set(e->edit, EL_BIND, "^I", "bobbin-complete", NULL);
    /* While a line is edited Ctrl-C is a key like others; while a command runs, a signal. */
    el_set(e->edit, EL_SETTY, "-d", "-isig", NULL);
    el_set(e->edit, EL_BIND, "^C", "bobbin-cancel", NULL);
    el_source(e->edit, NULL);
    e->file = history_open(on_history_line, e);
    return 0;
}

struct line_editor *line_editor_new(bool terminal, line_complete_fn *on_complete, void *arg)
{
    struct line_editor *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    e->on_complete = on_complete;
    e->arg = arg;
    if (!terminal || init_edit(e) == 0)
        return e;
    line_editor_free(e);
    return NULL;
}

void line_editor_free(struct line_editor *e)
{
    if (!e)
        return;
    if (e->lines)
        history_end(e->lines);
    if (e->edit)
        el_end(e->edit);
    history_close(e->file);
    free(e);
}

static enum line_result read_script(char **ret)
{
    size_t cap = 0;
    char *line = NULL;
    ssize_t len = getline(&line, &cap, stdin);

    if (len < 0) {
        free(line);
        return LINE_END;
    }
    if (len > 0 && line[len - 1] == '\n')
        line[len - 1] = '\0';
    *ret = line;
    return LINE_READ;
}

enum line_result line_editor_read(struct line_editor *e, const char *prompt, char **ret)
{
    const char *line;
    int len = 0;

    if (!e->edit)
        return read_script(ret);
    e->prompt = prompt;
    e->cancelled = false;
    /* Before the prompt is there: what is typed at once must not be echoed by the terminal, nor a
     * Ctrl-D be taken by it. */
    el_set(e->edit, EL_PREP_TERM, 1);
    line = el_gets(e->edit, &len);
    if (e->cancelled || !line || len <= 0) {
        fputs(e->cancelled ? "^C\n" : "\n", stdout);
        fflush(stdout);
        el_reset(e->edit);
        return e->cancelled ? LINE_CANCELLED : LINE_END;
    }
    *ret = strndup(line, (size_t)len - (line[len - 1] == '\n'));
    return *ret ? LINE_READ : LINE_END;
}

void line_editor_remember(struct line_editor *e, const char *line)
{
    HistEvent event;

    if (!e->edit)
        return;
    history(e->lines, &event, H_ENTER, line);
    history_add(e->file, line);
}
