/* explore: the web view. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/appref.h"
#include "client/cli/command.h"
#include "client/cli/explore/web.h"
#include "client/cli/interrupt.h"
#include "client/cli/session.h"

static int print_link(struct output *out, struct web *w)
{
    const char *link = web_link(w);

    if (!link)
        return output_error(out, "other", "cannot make a link: %s", strerror(errno));
    if (out->json)
        output_json(out, json_pack("{s:s}", "url", link));
    else
        output_print(out, "Open this link, which is good once, within five minutes:\n\n  %s\n\n"
                          "Enter prints another one, Ctrl-C ends the view.\n",
                     link);
    output_flush(out);
    return EXIT_DONE;
}

/* Until a signal. Enter asks for another link; a standard input that ends is left alone. */
static int wait_for_end(struct output *out, struct web *w)
{
    struct pollfd fds[2] = {{.fd = interrupt_fd(), .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
    int exit_status = EXIT_DONE;
    char bytes[256];

    if (fds[0].fd < 0)
        return output_error(out, "other", "cannot wait for signals: %s", strerror(errno));
    while (exit_status == EXIT_DONE && !out->error) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            exit_status = output_error(out, "other", "cannot wait: %s", strerror(errno));
        if (fds[0].revents)
            break;
        if (!fds[1].revents)
            continue;
        if (read(STDIN_FILENO, bytes, sizeof(bytes)) > 0)
            exit_status = print_link(out, w);
        else
            fds[1].fd = -1;
    }
    close(fds[0].fd);
    return exit_status;
}

static bobbin_status look(bobbin *b, const char *app, void *arg)
{
    char **directory = arg;
    bobbin_app_status *found;
    bobbin_status status = bobbin_app_status_get(b, app, &found);

    if (status != BOBBIN_OK)
        return status;
    *directory = strdup(found->directory);
    bobbin_app_status_free(found);
    return *directory ? BOBBIN_OK : BOBBIN_NO_MEMORY;
}

/* Say now, not in the browser, when there is no daemon or no such app. The directory of the app that
 * was named, if one was, is to be freed. */
static int check(const struct options *o, struct output *out, char **ret_directory)
{
    bobbin *b;
    int exit_status = session_open(o, out, &b);

    if (exit_status != EXIT_DONE)
        return exit_status;
    if (appref_of(o))
        exit_status = appref_call(appref_of(o), b, out, look, ret_directory);
    bobbin_close(b);
    return exit_status;
}

int explore_run(const struct options *o, struct output *out)
{
    char reason[200], *directory = NULL;
    struct web *w;
    int exit_status = check(o, out, &directory);

    if (exit_status != EXIT_DONE)
        return exit_status;
    /* Before there are threads, which take over what is blocked. */
    interrupt_block();
    w = web_start(o->socket, directory, reason, sizeof(reason));
    if (w) {
        exit_status = print_link(out, w);
        if (exit_status == EXIT_DONE)
            exit_status = wait_for_end(out, w);
        web_stop(w);
    } else {
        exit_status = output_error(out, "other", "%s", reason);
    }
    interrupt_unblock();
    free(directory);
    return exit_status;
}
