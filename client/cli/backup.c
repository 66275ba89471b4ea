/* backup: a consistent copy of an app's file. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/command.h"
#include "client/cli/path.h"
#include "client/cli/session.h"

static void print_info(struct output *out, const char *path, const bobbin_backup_info *info)
{
    json_t *object;

    if (!out->json) {
        output_print(out, "backed up to '");
        output_clean(out, path, strlen(path));
        output_print(out, "': %llu bytes, commit %llu\n", (unsigned long long)info->bytes,
                     (unsigned long long)info->commit);
        return;
    }
    object = json_object();
    answer_set_bytes(&object, "file", path, strlen(path));
    answer_set(&object, "bytes", json_integer((json_int_t)info->bytes));
    answer_set(&object, "pages", json_integer((json_int_t)info->pages));
    answer_set(&object, "commit", json_integer((json_int_t)info->commit));
    output_json(out, object);
}

int backup_run(const struct options *o, struct output *out)
{
    bobbin_backup_info info;
    bobbin *b;
    bobbin_status status;
    char *path = path_absolute(o->args[0], out);
    int exit_status = path ? session_open_attached(o, out, &b) : EXIT_TROUBLE;

    if (exit_status == EXIT_DONE) {
        status = bobbin_backup(b, path, &info);
        if (status != BOBBIN_OK)
            exit_status = session_error(out, b, status, "cannot back up to '%s'", path);
        else
            print_info(out, path, &info);
        session_close(o, b);
    }
    free(path);
    return exit_status;
}
