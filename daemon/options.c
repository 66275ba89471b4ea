#include "daemon/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: bobbind [OPTION]...\n"
    "Serve the key/value stores of WebAssembly apps and supervise their processes.\n"
    "\n"
    "  --socket PATH      listen there (root: /run/bobbin/bobbin.sock,\n"
    "                     else $XDG_RUNTIME_DIR/bobbin/bobbin.sock)\n"
    "  --state-dir DIR    keep the registrations there (root: /var/lib/bobbin,\n"
    "                     else $XDG_STATE_HOME/bobbin)\n"
    "  --config FILE      read settings from a TOML file\n"
    "  --metrics-listen ADDRESS\n"
    "                     tell metrics at a Unix socket's path or 127.0.0.1:PORT; may be repeated\n"
    "  --log-level LEVEL  error, warning, info or debug (info)\n"
    "  --log-format FORMAT\n"
    "                     text, or json: a document a line (text)\n"
    "  --check DIR        only say whether DIR would do as an app, and its store is whole\n"
    "  --recover DIR      only get out of the damaged store of DIR what can be got\n"
    "  --build DIR        only compile the modules of the app in DIR\n"
    "  --handover-version only say which daemon it could take over from\n"
    "  --version          print the version\n"
    "  --help             print this\n";

struct options_given {
    const char *socket;
    const char *state_dir;
    const char *config;
    const char *log_level;
    const char *log_format;
    const char *metrics_listen[LIMIT_METRICS_LISTENERS + 1]; /* one too many, to be refused */
    unsigned metrics_listen_count;
    const char *directory; /* of --check and --build */
};

static int options_parse(int argc, char **argv, struct options_given *given,
                         enum options_action *action, struct error *e)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},    {"state-dir", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'},    {"log-level", required_argument, NULL, 'l'},
        {"check", required_argument, NULL, 'k'},     {"build", required_argument, NULL, 'b'},
        {"recover", required_argument, NULL, 'r'},
        {"metrics-listen", required_argument, NULL, 'm'},
        {"log-format", required_argument, NULL, 'f'},
        {"version", no_argument, NULL, 'v'},         {"help", no_argument, NULL, 'h'},
        {"handover-version", no_argument, NULL, 'o'},
        {0},
    };
    int option;
    *action = OPTIONS_RUN;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (option) {
        case 's':
            given->socket = optarg;
            break;
        case 'd':
            given->state_dir = optarg;
            break;
        case 'c':
            given->config = optarg;
            break;
        case 'k':
        case 'r':
        case 'b':
            given->directory = optarg;
            *action = option == 'k'   ? OPTIONS_CHECK
                      : option == 'r' ? OPTIONS_RECOVER
                                      : OPTIONS_BUILD;
            break;
        case 'm':
            if (given->metrics_listen_count <= LIMIT_METRICS_LISTENERS)
                given->metrics_listen[given->metrics_listen_count++] = optarg;
            break;
        case 'o':
            *action = OPTIONS_HANDOVER;
            break;
        case 'l':
            given->log_level = optarg;
            break;
        case 'f':
            given->log_format = optarg;
            break;
        case 'v':
            printf("bobbind %s\n", BOBBIN_VERSION);
            *action = OPTIONS_SHOWN;
            return 0;
        case 'h':
            fputs(help, stdout);
            *action = OPTIONS_SHOWN;
            return 0;
        case ':':
            return error_set(e, ERR_INVALID_REQUEST, "option '%s' needs a value; try --help",
                             argv[optind - 1]);
        default:
            return error_set(e, ERR_INVALID_REQUEST, "unknown option '%s'; try --help",
                             argv[optind - 1]);
        }
    }
    if (optind < argc)
        return error_set(e, ERR_INVALID_REQUEST, "unexpected argument '%s'; try --help",
                         argv[optind]);
    return 0;
}

/* Put a new string in the place of an old one. */
static int replace(char **text, struct error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int replace(char **text, struct error *e, const char *format, ...)
{
    char *made = NULL;
    va_list args;
    int n;
    va_start(args, format);
    n = vasprintf(&made, format, args);
    va_end(args);
    if (n < 0)
        return error_set(e, ERR_OTHER, "out of memory");
    free(*text);
    *text = made;
    return 0;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value == '/' ? value : NULL;
}

static int options_default_socket(struct config *config, struct error *e)
{
    const char *runtime = environment("XDG_RUNTIME_DIR");
    if (geteuid() == 0)
        return replace(&config->socket, e, "/run/bobbin/bobbin.sock");
    if (runtime)
        return replace(&config->socket, e, "%s/bobbin/bobbin.sock", runtime);
    return replace(&config->socket, e, "/tmp/bobbin-%u/bobbin.sock", (unsigned)geteuid());
}

static int options_default_state_dir(struct config *config, struct error *e)
{
    const char *state = environment("XDG_STATE_HOME");
    const char *home = environment("HOME");
    if (geteuid() == 0)
        return replace(&config->state_dir, e, "/var/lib/bobbin");
    if (state)
        return replace(&config->state_dir, e, "%s/bobbin", state);
    if (home)
        return replace(&config->state_dir, e, "%s/.local/state/bobbin", home);
    return error_set(e, ERR_OTHER, "no state directory: neither --state-dir nor $HOME is set");
}

/* The runner stands beside the daemon in a build tree, in ../bin when installed. */
static int options_default_runner(struct config *config, struct error *e)
{
    static const char *const places[] = {"bobbin-run", "../bin/bobbin-run"};
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t dir_len;
    if (len < 0)
        return error_set(e, ERR_OTHER, "cannot read /proc/self/exe: %m");
    self[len] = '\0';
    dir_len = (size_t)(strrchr(self, '/') - self);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int rc = replace(&config->runner, e, "%.*s/%s", (int)dir_len, self, places[i]);
        if (rc || !access(config->runner, X_OK))
            return rc;
    }
    return 0;
}

/* Those of the command line are in the place of those of the file. */
static int options_fill_metrics(struct config *config, const struct options_given *given,
                                struct error *e)
{
    int rc = 0;
    if (!given->metrics_listen_count)
        return 0;
    config_clear_metrics_listen(config);
    for (unsigned i = 0; i < given->metrics_listen_count && !rc; i++)
        rc = config_add_metrics_listen(config, given->metrics_listen[i], e);
    return rc;
}

static int options_fill(struct config *config, const struct options_given *given, struct error *e)
{
    int rc = 0;
    if (given->socket)
        rc = replace(&config->socket, e, "%s", given->socket);
    if (!rc && given->state_dir)
        rc = replace(&config->state_dir, e, "%s", given->state_dir);
    if (!rc && given->log_level && !log_level_parse(given->log_level, &config->log_level))
        rc = error_set(e, ERR_INVALID_REQUEST,
                       "--log-level '%s': must be error, warning, info or debug",
                       given->log_level);
    if (!rc && given->log_format && !config_set_log_format(config, given->log_format))
        rc = error_set(e, ERR_INVALID_REQUEST, "--log-format '%s': must be text or json",
                       given->log_format);
    if (!rc)
        rc = options_fill_metrics(config, given, e);
    if (!rc && !config->socket)
        rc = options_default_socket(config, e);
    if (!rc && !config->state_dir)
        rc = options_default_state_dir(config, e);
    if (!rc && !config->runner)
        rc = options_default_runner(config, e);
    return rc;
}

int options_read(int argc, char **argv, struct config *config, enum options_action *ret,
                 const char **ret_directory, struct error *e)
{
    struct options_given given = {0};
    int rc = options_parse(argc, argv, &given, ret, e);
    *ret_directory = given.directory;
    if (rc || *ret == OPTIONS_CHECK || *ret == OPTIONS_RECOVER || *ret == OPTIONS_SHOWN)
        return rc;
    config_init(config);
    rc = given.config ? config_load(config, given.config, e) : 0;
    if (!rc)
        rc = options_fill(config, &given, e);
    if (rc)
        config_fini(config);
    return rc;
}
