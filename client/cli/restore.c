/* restore: a backup in the place of an app's store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/answer.h"
#include "client/cli/command.h"
#include "client/cli/path.h"
#include "client/cli/session.h"

/* Where the file that was replaced is; to be freed, NULL without memory or directory. */
static char *kept_path(const bobbin_app_status *app, uint64_t commit)
{
    char *path;

    if (!app || asprintf(&path, "%s/.spin/sqlite_key_value.before-%llu.db", app->directory,
                         (unsigned long long)commit) < 0)
        return NULL;
    return path;
}

static void print_info(const struct options *o, struct output *out, const char *path,
                       const bobbin_backup_info *info, const char *kept)
{
    json_t *object;

    if (!out->json) {
        output_print(out, "restored from '");
        output_clean(out, path, strlen(path));
        output_print(out, "': %llu bytes, commit %llu\n", (unsigned long long)info->bytes,
                     (unsigned long long)info->commit);
        if (options_has(o, OPTION_KEEP) && kept) {
            output_print(out, "the file before is '");
            output_clean(out, kept, strlen(kept));
            output_print(out, "'\n");
        }
        return;
    }
    object = json_object();
    answer_set_bytes(&object, "file", path, strlen(path));
    answer_set(&object, "bytes", json_integer((json_int_t)info->bytes));
    answer_set(&object, "pages", json_integer((json_int_t)info->pages));
    answer_set(&object, "commit", json_integer((json_int_t)info->commit));
    if (options_has(o, OPTION_KEEP) && kept)
        answer_set_bytes(&object, "kept", kept, strlen(kept));
    output_json(out, object);
}

static bool is_wanted(const bobbin_app_status *app)
{
    return app && strcmp(app->wanted, "running") == 0;
}

/* Stop it if that was asked for, restore, and start what was wanted again, whatever came of it. */
static int restore(const struct options *o, struct output *out, bobbin *b, const char *path)
{
    bobbin_app_status *app = NULL;
    bobbin_backup_info info;
    bobbin_status status = bobbin_app_status_get(b, bobbin_app(b), &app);
    bool again = options_has(o, OPTION_STOP) && is_wanted(app);
    int exit_status = EXIT_DONE;
    char *kept = NULL;

    if (status == BOBBIN_OK && options_has(o, OPTION_STOP))
        status = bobbin_app_stop(b, app->directory, NULL, NULL);
    if (status != BOBBIN_OK) {
        exit_status = session_error(out, b, status, "cannot stop the app");
        goto out;
    }
    status = bobbin_restore(b, path, options_has(o, OPTION_KEEP), &info);
    if (status != BOBBIN_OK) {
        exit_status = session_error(out, b, status, "cannot restore from '%s'", path);
    } else {
        kept = kept_path(app, info.commit);
        print_info(o, out, path, &info, kept);
    }
    if (again && (status = bobbin_app_start(b, app->directory, NULL, NULL)) != BOBBIN_OK)
        exit_status = session_error(out, b, status, "cannot start the app again");

out:
    free(kept);
    bobbin_app_status_free(app);
    return exit_status;
}

int restore_run(const struct options *o, struct output *out)
{
    bobbin *b;
    char *path = path_absolute(o->args[0], out);
    int exit_status = path ? session_open_attached(o, out, &b) : EXIT_TROUBLE;

    if (exit_status == EXIT_DONE) {
        exit_status = restore(o, out, b, path);
        session_close(o, b);
    }
    free(path);
    return exit_status;
}
