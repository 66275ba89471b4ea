/* From a command line that was taken apart to the command: what the table allows is checked here.
 */
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/complete.h"
#include "client/cli/help.h"
#include "client/include/bobbin.h"

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    }
    return NULL;
}

bool command_takes_app(const struct command *c)
{
    return strcmp(c->args, "[APP]") == 0 || strcmp(c->args, "[DIR]") == 0;
}

static int unknown_command(struct output *out, const char *name)
{
    return output_error(out, "usage", "unknown command '%s'; see: bobbin help", name);
}

int help_run(const struct options *o, struct output *out)
{
    const struct command *c = o->arg_count > 0 ? command_find(o->args[0]) : NULL;

    if (o->arg_count > 0 && !c)
        return unknown_command(out, o->args[0]);
    return help_print(out, c);
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
    uint64_t foreign = o->given & ~(OPTIONS_COMMON | c->options);

    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        if (foreign >> i & 1u)
            return output_error(out, "usage", "'bobbin %s' takes no %s; see: bobbin help %s",
                                c->name, option_table[i].name, c->name);
    }
    return EXIT_DONE;
}

static int check_arguments(const struct options *o, const struct command *c, struct output *out)
{
    if (o->arg_count < c->min_args || o->arg_count > c->max_args)
        return output_error(out, "usage", "too %s arguments; usage: bobbin %s%s%s",
                            o->arg_count < c->min_args ? "few" : "many", c->name,
                            c->args[0] ? " " : "", c->args);
    if (!command_takes_app(c) || o->arg_count == 0)
        return EXIT_DONE;
    if (o->app)
        return output_error(out, "usage", "the app is given twice: '%s' and --app '%s'", o->args[0],
                            o->app);
    if (!o->args[0][0])
        return output_error(out, "usage", "an empty argument; usage: bobbin %s %s", c->name,
                            c->args);
    return EXIT_DONE;
}

int command_dispatch(const struct options *o, struct output *out)
{
    const struct command *c = o->command ? command_find(o->command) : NULL;
    int status;

    /* Not in the table: nobody types it. */
    if (o->command && strcmp(o->command, "__complete") == 0)
        return complete_run(o, out);
    if (options_has(o, OPTION_VERSION))
        return print_version(out);
    if (options_has(o, OPTION_HELP) && (c || !o->command))
        return help_print(out, c);
    if (o->error[0])
        return output_error(out, "usage", "%s", o->error);
    if (!o->command)
        return output_error(out, "usage", "no command; see: bobbin help");
    if (!c)
        return unknown_command(out, o->command);
    status = check_options(o, c, out);
    if (status == EXIT_DONE)
        status = check_arguments(o, c, out);
    return status == EXIT_DONE ? c->run(o, out) : status;
}
