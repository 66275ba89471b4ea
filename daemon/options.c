#include "daemon/options.h"

#include <errno.h>
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
    "  --config FILE      read settings from a TOML file; with - in front it may be missing\n"
    "  --metrics-listen ADDRESS\n"
    "                     tell metrics at a Unix socket's path or 127.0.0.1:PORT; may be repeated\n"
    "  --log-level LEVEL  error, warning, info or debug (info)\n"
    "  --log-format FORMAT\n"
    "                     text, or json: a document a line (text)\n"
    "  --set KEY=VALUE    set any key of bobbin.toml(5); may be repeated\n"
    "  --check-config     only say what is configured, and where\n"
    "  --check DIR        only say whether DIR would do as an app, and its store is whole\n"
    "  --recover DIR      only get out of the damaged store of DIR what can be got\n"
    "  --build DIR        only compile the modules of the app in DIR\n"
    "  --handover-version only say which daemon it could take over from\n"
    "  --version          print the version\n"
    "  --help             print this\n";

/* Keys that one command line can set. */
enum { OPTIONS_SET_MAX = 64 };

struct options_set {
    const char *option; /* as it was written, for messages */
    const char *key;    /* NULL: "KEY=VALUE" is the text */
    const char *text;
};

struct options_given {
    struct options_set set[OPTIONS_SET_MAX];
    size_t set_count;
    const char *metrics_listen[LIMIT_METRICS_LISTENERS + 1]; /* one too many, to be refused */
    unsigned metrics_listen_count;
    const char *config;
    const char *directory; /* of --check and --build */
};

static int options_add(struct options_given *given, const char *option, const char *key,
                       const char *text, struct error *e)
{
    if (given->set_count == OPTIONS_SET_MAX)
        return error_set(e, ERR_INVALID_REQUEST, "more than %d settings on the command line",
                         OPTIONS_SET_MAX);
    given->set[given->set_count++] = (struct options_set){option, key, text};
    return 0;
}

/* One option; its action in *action. */
static int options_take(int option, struct options_given *given, enum options_action *action,
                        struct error *e)
{
    switch (option) {
    case 's':
        return options_add(given, "--socket", "socket", optarg, e);
    case 'd':
        return options_add(given, "--state-dir", "state_dir", optarg, e);
    case 'l':
        return options_add(given, "--log-level", "log_level", optarg, e);
    case 'f':
        return options_add(given, "--log-format", "log_format", optarg, e);
    case 'S':
        return options_add(given, "--set", NULL, optarg, e);
    case 'm':
        if (given->metrics_listen_count <= LIMIT_METRICS_LISTENERS)
            given->metrics_listen[given->metrics_listen_count++] = optarg;
        return 0;
    case 'c':
        given->config = optarg;
        return 0;
    case 'k':
    case 'r':
    case 'b':
        given->directory = optarg;
        *action = option == 'k'   ? OPTIONS_CHECK
                  : option == 'r' ? OPTIONS_RECOVER
                                  : OPTIONS_BUILD;
        return 0;
    case 'o':
        *action = OPTIONS_HANDOVER;
        return 0;
    case 'C':
        *action = OPTIONS_CHECK_CONFIG;
        return 0;
    case 'v':
        printf("bobbind %s\n", BOBBIN_VERSION);
        *action = OPTIONS_SHOWN;
        return 0;
    default:
        fputs(help, stdout);
        *action = OPTIONS_SHOWN;
        return 0;
    }
}

static int options_parse(int argc, char **argv, struct options_given *given,
                         enum options_action *action, struct error *e)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},    {"state-dir", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'},    {"log-level", required_argument, NULL, 'l'},
        {"recover", required_argument, NULL, 'r'},
        {"log-format", required_argument, NULL, 'f'},
        {"set", required_argument, NULL, 'S'},       {"check-config", no_argument, NULL, 'C'},
        {"metrics-listen", required_argument, NULL, 'm'},
        {"check", required_argument, NULL, 'k'},     {"build", required_argument, NULL, 'b'},
        {"version", no_argument, NULL, 'v'},         {"help", no_argument, NULL, 'h'},
        {"handover-version", no_argument, NULL, 'o'},
        {0},
    };
    int option;
    int rc = 0;
    *action = OPTIONS_RUN;
    opterr = 0;
    optind = 0; /* a reload reads it again */
    while (!rc && *action != OPTIONS_SHOWN &&
           (option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == ':')
            return error_set(e, ERR_INVALID_REQUEST, "option '%s' needs a value; try --help",
                             argv[optind - 1]);
        if (option == '?')
            return error_set(e, ERR_INVALID_REQUEST, "unknown option '%s'; try --help",
                             argv[optind - 1]);
        rc = options_take(option, given, action, e);
    }
    if (!rc && *action != OPTIONS_SHOWN && optind < argc)
        return error_set(e, ERR_INVALID_REQUEST, "unexpected argument '%s'; try --help",
                         argv[optind]);
    return rc;
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
    if (n < 0 || !made)
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

/* KEY=VALUE. */
static int options_set_pair(struct config *config, const char *pair, struct error *e)
{
    const char *equals = strchr(pair, '=');
    char *key;
    int rc;
    if (!equals)
        return error_set(e, ERR_INVALID_REQUEST, "--set '%s': expected KEY=VALUE", pair);
    key = strndup(pair, (size_t)(equals - pair));
    if (!key)
        return error_set(e, ERR_OTHER, "out of memory");
    rc = config_set(config, key, equals + 1, CONFIG_OPTION, "--set", e);
    free(key);
    return rc;
}

/* Those of the command line are in the place of those of the file. */
static int options_apply_metrics(struct config *config, const struct options_given *given,
                                 struct error *e)
{
    char *all = NULL;
    int rc = 0;
    for (unsigned i = 0; i < given->metrics_listen_count && !rc; i++)
        rc = replace(&all, e, "%s%s%s", all ? all : "", all ? "," : "", given->metrics_listen[i]);
    if (!rc && all)
        rc = config_set(config, "metrics_listen", all, CONFIG_OPTION, "--metrics-listen", e);
    free(all);
    return rc;
}

static int options_apply(struct config *config, const struct options_given *given, struct error *e)
{
    int rc = 0;
    for (size_t i = 0; i < given->set_count && !rc; i++) {
        const struct options_set *set = &given->set[i];
        rc = set->key ? config_set(config, set->key, set->text, CONFIG_OPTION, set->option, e)
                      : options_set_pair(config, set->text, e);
    }
    return rc ? rc : options_apply_metrics(config, given, e);
}

/* A file whose name has - in front may be missing, as in systemd's EnvironmentFile=. */
static int options_load(struct config *config, const char *path, struct error *e)
{
    if (*path == '-' && access(++path, F_OK) && errno == ENOENT)
        return 0;
    return config_load(config, path, e);
}

static int options_fill(struct config *config, struct error *e)
{
    int rc = 0;
    if (!config->socket)
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
    const char *file;
    int rc = options_parse(argc, argv, &given, ret, e);
    *ret_directory = given.directory;
    if (rc || *ret == OPTIONS_CHECK || *ret == OPTIONS_RECOVER || *ret == OPTIONS_SHOWN)
        return rc;
    config_init(config);
    file = given.config ? given.config : getenv(CONFIG_FILE_VARIABLE);
    rc = file ? options_load(config, file, e) : 0;
    if (!rc)
        rc = config_set_environment(config, environ, e);
    if (!rc)
        rc = options_apply(config, &given, e);
    if (!rc)
        rc = options_fill(config, e);
    if (rc)
        config_fini(config);
    return rc;
}
