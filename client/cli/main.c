/* bobbin: the command line. The table of commands, their help, and the way to one of them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/include/bobbin.h"

#define OPTIONS_APP OPTION_BIT(APP)
#define OPTIONS_KV (OPTION_BIT(APP) | OPTION_BIT(STORE))

static command_fn help_run;

static const struct command commands[] = {
    {"up", "[DIR]", 0, 1, OPTIONS_APP | OPTION_BIT(KEY_VALUE), up_run,
     "run an app and follow its output",
     "Registers and starts the app in DIR, then shows what its components write until all of\n"
     "them are at rest. Ctrl-C stops the app. Where no daemon answers, one runs for as long as\n"
     "the command does. The app stays registered if it was so before.\n"
     "With --json, the output goes to stderr and the last status to stdout.\n",
     "bobbin up\nbobbin up ./counter --key-value greeting=hello --key-value limit=5\n"},
    {"register", "[DIR]", 0, 1, OPTIONS_APP, apps_register, "make an app directory known",
     "The daemon reads DIR/spin.toml if there is one. Nothing is started.\n",
     "bobbin register ./counter\n"},
    {"unregister", "[APP]", 0, 1, OPTIONS_APP, apps_unregister, "stop an app and forget it",
     "The directory and its data stay as they are.\n", "bobbin unregister counter\n"},
    {"list", "", 0, 0, 0, apps_list, "list the registered apps", "",
     "bobbin list\nbobbin list --json\n"},
    {"status", "[APP]", 0, 1, OPTIONS_APP, apps_status, "show an app and its components",
     "Without APP: the app of the current directory if it is registered, else all apps.\n"
     "With --json, `since` is in milliseconds since 1970, and what there is not is null.\n",
     "bobbin status\nbobbin status counter --json\n"},
    {"start", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(COMPONENT), apps_start,
     "start an app's components", "Those that run already go on running.\n",
     "bobbin start counter\nbobbin start counter --component web\n"},
    {"stop", "[APP]", 0, 1, OPTIONS_APP | OPTION_BIT(COMPONENT), apps_stop,
     "stop an app's components", "Returns when the processes are gone.\n",
     "bobbin stop counter\nbobbin stop counter --component web\n"},
    {"get", "KEY", 1, 1, OPTIONS_KV, kv_get, "print the value of a key",
     "Writes exactly the bytes of the value; a newline follows only on a terminal.\n"
     "Exits with 1 when there is no such key.\n"
     "With --json, a value that is not UTF-8 is in `value_base64` instead of `value`.\n",
     "bobbin get greeting\nbobbin get picture --app /srv/counter > picture.png\n"},
    {"set", "KEY VALUE|-", 2, 2, OPTIONS_KV, kv_set, "set a key to a value",
     "With \"-\", the value is read from standard input to its end, whatever bytes it has.\n"
     "Behind \"--\" every argument is taken as it is, also \"-\".\n",
     "bobbin set greeting hello\nbobbin set picture - < picture.png\nbobbin set flag -- -v\n"},
    {"delete", "KEY", 1, 1, OPTIONS_KV, kv_delete, "delete a key",
     "It is no error when there is no such key.\n", "bobbin delete greeting\n"},
    {"exists", "KEY", 1, 1, OPTIONS_KV, kv_exists, "print whether a key is there",
     "Prints true or false, and exits with 1 for false.\n",
     "bobbin exists greeting\nif bobbin exists lock > /dev/null; then …; fi\n"},
    {"keys", "", 0, 0, OPTIONS_KV | OPTION_BIT(PREFIX) | OPTION_BIT(LIMIT), keys_run,
     "list the keys of a store",
     "In key order (bytewise), one a line. A key may have newlines in it; --json tells them "
     "apart.\n",
     "bobbin keys\nbobbin keys --prefix user: --limit 10\n"},
    {"ping", "", 0, 0, 0, ping_run, "ask the daemon for a sign of life", "", "bobbin ping\n"},
    {"help", "[COMMAND]", 0, 1, 0, help_run, "explain a command", "", "bobbin help set\n"},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static void print_options(FILE *f, unsigned mask)
{
    char left[40];

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *info = &option_table[i];

        if (!(mask >> i & 1u))
            continue;
        snprintf(left, sizeof(left), "%s %s", info->name, info->value ? info->value : "");
        fprintf(f, "  %-20s %s\n", left, info->text);
    }
}

static void print_overview(FILE *f)
{
    char left[40];

    fputs("usage: bobbin [OPTIONS] COMMAND [ARGUMENTS]\n\n"
          "Key/value stores of WebAssembly apps, and the apps themselves.\n\ncommands:\n",
          f);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
        fprintf(f, "  %-20s %s\n", left, commands[i].summary);
    }
    fputs("\noptions, before or behind the command (\"--\" ends them):\n", f);
    print_options(f, OPTIONS_COMMON | OPTIONS_KV);
    fputs("\nAn app is named by its name or its directory. Exit status: 0 done, 1 no such key or\n"
          "false, 2 wrong usage, 3 anything else. See \"bobbin help COMMAND\".\n",
          f);
}

/* Each of the lines in `text`, indented. */
static void print_lines(FILE *f, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n") + 1;

        fprintf(f, "  %.*s", (int)len, text);
        text += len;
    }
}

static void print_command(FILE *f, const struct command *c)
{
    fprintf(f, "usage: bobbin %s%s%s [OPTIONS]\n\n%s.\n%s\noptions:\n", c->name,
            c->args[0] ? " " : "", c->args, c->summary, c->text);
    print_options(f, OPTIONS_COMMON | c->options);
    fputs("\nexamples:\n", f);
    print_lines(f, c->examples);
}

/* The help of a command, or the overview when it is NULL; with --json as {"help": text}. */
static int print_help(struct output *out, const struct command *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (!f)
        return output_error(out, "no-memory", "cannot print the help: %s", strerror(errno));
    if (c)
        print_command(f, c);
    else
        print_overview(f);
    if (fclose(f) == 0) {
        if (out->json)
            output_json(out, json_pack("{s:s}", "help", text));
        else
            output_bytes(out, text, len);
    }
    free(text);
    return EXIT_DONE;
}

static int unknown_command(struct output *out, const char *name)
{
    return output_error(out, "usage", "unknown command '%s'; see: bobbin help", name);
}

static int help_run(const struct options *o, struct output *out)
{
    const struct command *c = o->arg_count > 0 ? command_find(o->args[0]) : NULL;

    if (o->arg_count > 0 && !c)
        return unknown_command(out, o->args[0]);
    return print_help(out, c);
}

static int print_version(struct output *out)
{
    if (out->json)
        output_json(out, json_pack("{s:s}", "version", bobbin_version()));
    else
        output_print(out, "bobbin %s\n", bobbin_version());
    return EXIT_DONE;
}

static int check_options(const struct options *o, const struct command *c, struct output *out)
{
    unsigned foreign = o->given & ~(OPTIONS_COMMON | c->options);

    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (foreign >> i & 1u)
            return output_error(out, "usage", "'bobbin %s' takes no %s; see: bobbin help %s",
                                c->name, option_table[i].name, c->name);
    }
    if (o->arg_count < c->min_args || o->arg_count > c->max_args)
        return output_error(out, "usage", "too %s arguments; usage: bobbin %s%s%s",
                            o->arg_count < c->min_args ? "few" : "many", c->name,
                            c->args[0] ? " " : "", c->args);
    if (o->app && o->arg_count > 0 && !(c->options & OPTION_BIT(STORE)))
        return output_error(out, "usage", "the app is given twice: '%s' and --app '%s'", o->args[0],
                            o->app);
    if (o->arg_count > 0 && !o->args[0][0] && !(c->options & OPTION_BIT(STORE)))
        return output_error(out, "usage", "an empty argument; usage: bobbin %s %s", c->name,
                            c->args);
    return EXIT_DONE;
}

static int dispatch(const struct options *o, struct output *out)
{
    const struct command *c = o->command ? command_find(o->command) : NULL;
    int status;

    if (options_has(o, OPTION_VERSION))
        return print_version(out);
    if (options_has(o, OPTION_HELP) && (c || !o->command))
        return print_help(out, c);
    if (o->error[0])
        return output_error(out, "usage", "%s", o->error);
    if (!o->command)
        return output_error(out, "usage", "no command; see: bobbin help");
    if (!c)
        return unknown_command(out, o->command);
    status = check_options(o, c, out);
    return status == EXIT_DONE ? c->run(o, out) : status;
}

/* A socket that got number 1 because standard output was closed would receive what is printed.
 * The stand-ins fail on use, as closed ones do. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct output out;
    int status;

    fill_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    options_parse(argc, argv, &options);
    output_init(&out, options_has(&options, OPTION_JSON));
    status = output_finish(&out, dispatch(&options, &out));
    options_fini(&options);
    return status;
}
