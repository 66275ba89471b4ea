#include "client/cli/help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void print_overview(FILE *f)
{
    char left[60];

    fputs("usage: bobbin [OPTIONS] COMMAND [ARGUMENTS]\n\n"
          "Key/value stores of WebAssembly apps, and the apps themselves.\n\ncommands:\n",
          f);
    for (size_t i = 0; i < command_count; i++) {
        snprintf(left, sizeof(left), "%s %s", command_table[i].name, command_table[i].args);
        fprintf(f, "  %-27s %s\n", left, command_table[i].summary);
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

static void print_command(FILE *f, const struct command *c)
{
    fprintf(f, "usage: bobbin %s%s%s [OPTIONS]\n\n%s.\n%s\noptions:\n", c->name,
            c->args[0] ? " " : "", c->args, c->summary, c->text);
    print_options(f, OPTIONS_COMMON | c->options);
    fputs("\nexamples:\n", f);
    print_lines(f, c->examples);
}

int help_print(struct output *out, const struct command *c)
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
