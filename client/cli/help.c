#include "client/cli/help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct help {
    const struct command *command; /* NULL: the overview */
    const struct command *extra;   /* commands of the shell; NULL: not in one */
    size_t extra_count;
    bool is_extra; /* the command is one of those */
};

static void print_options(FILE *f, uint64_t mask)
{
    char left[60];

    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        const struct option_info *info = &option_table[i];

        if (!(mask >> i & 1u))
            continue;
        snprintf(left, sizeof(left), "%s %s", info->name, info->value ? info->value : "");
        fprintf(f, "  %-22s %s\n", left, info->text);
    }
}

static void print_commands(FILE *f, const struct command *table, size_t count)
{
    char left[60];

    for (size_t i = 0; i < count; i++) {
        snprintf(left, sizeof(left), "%s %s", table[i].name, table[i].args);
        fprintf(f, "  %-27s %s\n", left, table[i].summary);
    }
}

static void print_overview(FILE *f, const struct help *h)
{
    fputs("usage: bobbin [OPTIONS] COMMAND [ARGUMENTS]\n\n"
          "Key/value stores of WebAssembly apps, and the apps themselves.\n\ncommands:\n",
          f);
    print_commands(f, command_table, command_count);
    if (h->extra) {
        fputs("\nin the shell:\n", f);
        print_commands(f, h->extra, h->extra_count);
    }
    fputs("\noptions, before or behind the command (\"--\" ends them):\n", f);
    print_options(f, OPTIONS_COMMON | OPTION_BIT(APP) | OPTION_BIT(STORE));
    fputs("\nAn app is named by its name or its directory. Exit status: 0 done, 1 no such key or\n"
          "false, 2 wrong usage, 3 anything else. See \"bobbin help COMMAND\" and bobbin(1).\n",
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

static void print_command(FILE *f, const struct help *h)
{
    const struct command *c = h->command;

    fprintf(f, "usage: %s%s%s%s%s\n\n%s.\n%s", h->is_extra ? "" : "bobbin ", c->name,
            c->args[0] ? " " : "", c->args, h->is_extra ? "" : " [OPTIONS]", c->summary, c->text);
    if (!h->is_extra) {
        fputs("\noptions:\n", f);
        print_options(f, OPTIONS_COMMON | c->options);
    }
    fputs("\nexamples:\n", f);
    print_lines(f, c->examples);
}

static int print(struct output *out, const struct help *h)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (!f)
        return output_error(out, "no-memory", "cannot print the help: %s", strerror(errno));
    if (h->command)
        print_command(f, h);
    else
        print_overview(f, h);
    if (fclose(f) == 0) {
        if (out->json)
            output_json(out, json_pack("{s:s}", "help", text));
        else
            output_bytes(out, text, len);
    }
    free(text);
    return EXIT_DONE;
}

int help_print(struct output *out, const struct command *c)
{
    return print(out, &(struct help){.command = c});
}

int help_print_shell(struct output *out, const struct command *c, const struct command *extra,
                     size_t extra_count)
{
    struct help h = {.command = c, .extra = extra, .extra_count = extra_count};

    h.is_extra = c >= extra && c < extra + extra_count;
    return print(out, &h);
}
