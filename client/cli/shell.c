/* shell: commands one after another, over one connection. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/complete.h"
#include "client/cli/help.h"
#include "client/cli/interrupt.h"
#include "client/cli/lexer.h"
#include "client/cli/line_editor.h"
#include "client/cli/session.h"

/* The longest command, its lines put together. */
#define COMMAND_MOST (4u << 20)

struct shell {
    const struct options *o;
    struct output *out;
    const char *app; /* as it was given; NULL: the current directory */
    bobbin *b;
    char *store; /* owned */
    char *prompt;
    struct line_editor *editor;
    bool terminal;
    bool leaving;
    int exit_status; /* of the last command that did not exit with 0 */
};

static command_fn refused;

/* What there is only here. They are run by run_own, which knows the shell. */
static const struct command own_table[] = {
    {"use", "LABEL", 1, 1, 0, refused, "go on with another store", "", "use cache\n"},
    {"stores", "", 0, 0, 0, refused, "list the stores of the app", "", "stores\n"},
    {"exit", "", 0, 0, 0, refused, "leave the shell", "As Ctrl-D does.\n", "exit\n"},
};
#define OWN_COUNT (sizeof(own_table) / sizeof(own_table[0]))

static int refused(const struct options *o, struct output *out)
{
    return output_error(out, "usage", "'%s' is not for use here", o->command);
}

static const struct command *own_find(const char *name)
{
    for (size_t i = 0; i < OWN_COUNT; i++) {
        if (strcmp(own_table[i].name, name) == 0)
            return &own_table[i];
    }
    return NULL;
}

static int set_prompt(struct shell *sh)
{
    const char *app = bobbin_app(sh->b);

    free(sh->prompt);
    sh->prompt = NULL;
    return asprintf(&sh->prompt, "%s/%s> ", app ? app : "", sh->store) < 0 ? -1 : 0;
}

/* Stores are there or not; asking for one tells. */
static int use_store(struct shell *sh, const char *store, struct output *out)
{
    bool exists;
    bobbin_status status = bobbin_exists(sh->b, store, "", 0, &exists);
    char *copy;

    if (status != BOBBIN_OK)
        return session_error(out, sh->b, status, "cannot use '%s'", store);
    copy = strdup(store);
    if (!copy)
        return output_error(out, "no-memory", "cannot use '%s': out of memory", store);
    free(sh->store);
    sh->store = copy;
    if (set_prompt(sh))
        return output_error(out, "no-memory", "cannot use '%s': out of memory", store);
    return EXIT_DONE;
}

static int list_stores(struct shell *sh, struct output *out)
{
    json_t *stores = json_array();

    for (const char *const *store = bobbin_stores(sh->b); *store; store++) {
        if (out->json)
            json_array_append_new(stores, json_string(*store));
        else
            output_print(out, "%s\n", *store);
    }
    if (out->json)
        output_json(out, json_pack("{s:O}", "stores", stores));
    json_decref(stores);
    return EXIT_DONE;
}

static int run_own(struct shell *sh, const struct command *c, const struct options *o,
                   struct output *out)
{
    if (options_has(o, OPTION_HELP))
        return help_print_shell(out, c, own_table, OWN_COUNT);
    if (o->error[0])
        return output_error(out, "usage", "%s", o->error);
    if (o->arg_count < c->min_args || o->arg_count > c->max_args)
        return output_error(out, "usage", "too %s arguments; usage: %s %s",
                            o->arg_count < c->min_args ? "few" : "many", c->name, c->args);
    if (strcmp(c->name, "use") == 0)
        return use_store(sh, o->args[0], out);
    if (strcmp(c->name, "stores") == 0)
        return list_stores(sh, out);
    sh->leaving = true;
    return EXIT_DONE;
}

static int run_help(const struct options *o, struct output *out)
{
    const struct command *c = NULL;

    if (o->arg_count > 0 && !(c = own_find(o->args[0])))
        c = command_find(o->args[0]);
    if (o->arg_count > 0 && !c)
        return output_error(out, "usage", "unknown command '%s'; see: help", o->args[0]);
    return help_print_shell(out, c, own_table, OWN_COUNT);
}

/* What the command does not say is that of the shell. */
static void fill_in(const struct shell *sh, struct options *o)
{
    const struct command *c = command_find(o->command);

    o->in_shell = true;
    if (!o->socket)
        o->socket = sh->o->socket;
    else
        return;
    if (!options_has(o, OPTION_STORE))
        o->store = sh->store;
    if (o->app || !c || !(c->options & OPTION_BIT(APP)))
        return;
    if (command_takes_app(c) && o->arg_count > 0)
        return;
    o->app = sh->app ? sh->app : ".";
    if (!command_takes_app(c))
        o->lent = sh->b;
}

static int run_command(struct shell *sh, struct options *o, struct output *out)
{
    const struct command *own = o->command ? own_find(o->command) : NULL;

    if (own)
        return run_own(sh, own, o, out);
    if (o->command && strcmp(o->command, "help") == 0 && !o->error[0] && o->arg_count < 2)
        return run_help(o, out);
    if (o->command && (strcmp(o->command, "shell") == 0 || strcmp(o->command, "up") == 0) &&
        !options_has(o, OPTION_HELP))
        return output_error(out, "usage", "'%s' is not for use within a shell", o->command);
    if (o->command)
        fill_in(sh, o);
    return command_dispatch(o, out);
}

/* A connection that has ended meanwhile is made anew; nothing that was sent over it is repeated. */
static int reconnect_if_gone(struct shell *sh)
{
    struct pollfd fd = {.fd = bobbin_fd(sh->b), .events = POLLIN};
    bobbin_status status;

    if (fd.fd >= 0 && poll(&fd, 1, 0) == 0)
        return EXIT_DONE;
    if (fd.fd >= 0 && bobbin_process(sh->b, fd.revents) == BOBBIN_OK)
        return EXIT_DONE;
    status = bobbin_reconnect(sh->b);
    if (status != BOBBIN_OK)
        return session_error(sh->out, sh->b, status, "the connection has ended");
    output_note(sh->out, "connected again");
    return EXIT_DONE;
}

static void run_words(struct shell *sh, char **words, size_t count)
{
    char **argv = calloc(count + 2, sizeof(*argv));
    struct output out;
    struct options o;
    int exit_status;

    if (!argv) {
        sh->exit_status = output_error(sh->out, "no-memory", "out of memory");
        return;
    }
    argv[0] = (char *)"bobbin";
    memcpy(argv + 1, words, count * sizeof(*argv));
    options_parse((int)count + 1, argv, &o);
    output_init(&out, sh->out->json || options_has(&o, OPTION_JSON));
    exit_status = reconnect_if_gone(sh);
    if (exit_status == EXIT_DONE)
        exit_status = output_finish(&out, run_command(sh, &o, &out));
    sh->exit_status = exit_status != EXIT_DONE ? exit_status : sh->exit_status;
    if (out.error)
        sh->leaving = true;
    options_fini(&o);
    free(argv);
}

static void on_complete(void *arg, const char *const *words, size_t count, struct completions *ret)
{
    struct shell *sh = arg;
    const struct complete_context context = {
        .lent = sh->b, .store = sh->store, .extra = own_table, .extra_count = OWN_COUNT};

    complete(&context, words, count, ret);
}

/* Put the next line behind those of a command that is not at its end. False when there is none. */
static bool read_more(struct shell *sh, char **text, enum line_result *ret)
{
    const char *prompt = *text ? "> " : sh->prompt;
    char *line = NULL, *joined = NULL;

    *ret = line_editor_read(sh->editor, prompt, &line);
    if (*ret != LINE_READ)
        return false;
    if (!*text) {
        *text = line;
        return true;
    }
    if (strlen(*text) + strlen(line) < COMMAND_MOST && asprintf(&joined, "%s\n%s", *text, line) < 0)
        joined = NULL;
    free(line);
    free(*text);
    *text = joined;
    return joined != NULL;
}

/* One command: a line, or several where a quote goes on. */
static enum line_result read_command(struct shell *sh, struct lexer *l)
{
    enum line_result result = LINE_READ;
    char *text = NULL;
    bool more;

    do {
        lexer_fini(l);
        more = read_more(sh, &text, &result);
        if (!more && result == LINE_END && text) {
            sh->exit_status = output_error(sh->out, "usage", "the end of a quoted word is missing");
        }
        if (more && lexer_split(l, text, strlen(text), false)) {
            sh->exit_status = output_error(sh->out, "no-memory", "out of memory");
            break;
        }
    } while (more && l->open);
    if (!more) {
        lexer_fini(l);
    } else if (l->count > 0 && text[0] != ' ' && text[0] != '\t') {
        line_editor_remember(sh->editor, text);
    }
    free(text);
    return result;
}

static void run(struct shell *sh)
{
    struct lexer l = {0};

    while (!sh->leaving) {
        enum line_result result = read_command(sh, &l);

        if (result == LINE_END)
            break;
        interrupt_forget();
        if (result == LINE_READ && l.count > 0)
            run_words(sh, l.words, l.count);
        lexer_fini(&l);
    }
    lexer_fini(&l);
}

int shell_run(const struct options *o, struct output *out)
{
    struct shell sh = {.o = o, .out = out, .app = o->arg_count ? o->args[0] : o->app};
    struct options own = *o;
    int exit_status;

    own.app = sh.app;
    exit_status = session_open_attached(&own, out, &sh.b);
    if (exit_status != EXIT_DONE)
        return exit_status;
    sh.terminal = isatty(STDIN_FILENO) && out->terminal;
    sh.editor = line_editor_new(sh.terminal, on_complete, &sh);
    if (!sh.editor)
        exit_status = output_error(out, "no-memory", "cannot read lines: out of memory");
    else
        exit_status = use_store(&sh, o->store, out);
    if (exit_status == EXIT_DONE) {
        if (sh.terminal)
            interrupt_catch();
        run(&sh);
        exit_status = sh.terminal ? EXIT_DONE : sh.exit_status;
    }
    line_editor_free(sh.editor);
    free(sh.store);
    free(sh.prompt);
    bobbin_close(sh.b);
    return exit_status;
}
