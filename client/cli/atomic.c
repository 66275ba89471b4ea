/* atomic: operations that are done if all checks hold. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/command.h"
#include "client/cli/input.h"
#include "client/cli/script.h"
#include "client/cli/session.h"
#include "protocol/limits.h"

static int print_applied(const struct options *o, struct output *out, const bobbin *b)
{
    if (out->json) {
        answer_print(o, out, b, json_pack("{s:b}", "applied", 1));
    } else {
        output_print(out, "true\n");
        answer_commit(o, out, b, false);
    }
    return EXIT_DONE;
}

static int print_failed(const struct options *o, struct output *out, const bobbin *b,
                        const struct script *s, size_t failed)
{
    const bobbin_string *key = &s->checks[failed].key;
    json_t *object;

    if (out->json) {
        object = json_pack("{s:b, s:I}", "applied", 0, "failed_check", (json_int_t)failed);
        answer_set_bytes(&object, "key", key->data, key->len);
        answer_print(o, out, b, object);
    } else {
        output_print(out, "false\n");
        answer_commit(o, out, b, false);
    }
    output_note(out, "check %zu, of '%.*s', does not hold", failed, (int)key->len, key->data);
    return EXIT_NO;
}

static int run_script(const struct options *o, struct output *out, const struct script *s)
{
    bool applied = false;
    size_t failed = 0;
    bobbin *b;
    bobbin_status status;
    int exit_status = session_open_attached(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    status = bobbin_atomic(b, o->store, s->checks, s->check_count, s->ops, s->op_count, &applied,
                           &failed);
    if (status != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot do it");
    else if (applied)
        exit_status = print_applied(o, out, b);
    else if (failed < s->check_count)
        exit_status = print_failed(o, out, b, s, failed);
    else
        exit_status = output_error(out, "bad-response", "the daemon names a check that is none");
    session_close(o, b);
    return exit_status;
}

static int read_script(const struct options *o, struct output *out, const char *path,
                       struct script *s)
{
    size_t len;
    char *text = input_read(o, out, path, "the document", 6u * LIMIT_MESSAGE, &len);
    int rc;

    *s = (struct script){0};
    if (!text)
        return EXIT_TROUBLE;
    rc = script_from_json(s, text, len);
    free(text);
    if (rc)
        return output_error(out, "invalid-request", "%s: %s",
                            strcmp(path, "-") == 0 ? "standard input" : path, s->error);
    return EXIT_DONE;
}

static int take_script(const struct options *o, struct output *out, struct script *s)
{
    if (o->arg_count == 1 && options_is_stdin(o, 0))
        return read_script(o, out, "-", s);
    *s = (struct script){0};
    if (o->arg_count > 0 && o->file)
        return output_error(out, "usage", "the operations are given twice: '%s' and --file '%s'",
                            o->args[0], o->file);
    if (o->file)
        return read_script(o, out, o->file, s);
    if (o->arg_count == 0)
        return output_error(out, "usage", "no operations; see: bobbin help atomic");
    if (script_from_words(s, o->args, o->arg_count))
        return output_error(out, "usage", "%s; see: bobbin help atomic", s->error);
    return EXIT_DONE;
}

int atomic_run(const struct options *o, struct output *out)
{
    struct script s;
    int exit_status = take_script(o, out, &s);

    if (exit_status == EXIT_DONE)
        exit_status = run_script(o, out, &s);
    script_fini(&s);
    return exit_status;
}
