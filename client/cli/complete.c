#include "client/cli/complete.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/bytes.h"
#include "protocol/utf8.h"

/* A completion that takes longer is none. */
#define ANSWER_MS 2000
#define KEYS_MOST 500u

/* The command line as far as it goes. */
struct line {
    const struct complete_context *context;
    const struct command *command; /* NULL: not said yet, or unknown */
    bool has_command;
    size_t args; /* behind the command */
    bool literal;
    const char *pending; /* what stands for the value that an option wants next; NULL: none does */
    const char *app;
    const char *store;
    const char *socket;
    const char *word;   /* the one to be completed … */
    const char *prefix; /* … what of it is "--option=" … */
    size_t prefix_len;
    const char *rest; /* … and what is behind that */
    struct completions *ret;
};

static void add(struct line *l, const char *text, size_t len)
{
    struct completions *c = l->ret;
    char *word;

    if (len < strlen(l->rest) || memcmp(text, l->rest, strlen(l->rest)) != 0)
        return;
    if (c->count == c->cap) {
        char **more = realloc(c->words, (c->cap * 2 + 16) * sizeof(*more));
        if (!more)
            return;
        c->words = more;
        c->cap = c->cap * 2 + 16;
    }
    word = malloc(l->prefix_len + len + 1);
    if (!word)
        return;
    memcpy(word, l->prefix, l->prefix_len);
    memcpy(word + l->prefix_len, text, len);
    word[l->prefix_len + len] = '\0';
    c->words[c->count++] = word;
}

static void add_word(struct line *l, const char *word)
{
    add(l, word, strlen(word));
}

static const struct command *find_command(const struct complete_context *c, const char *name)
{
    for (size_t i = 0; i < c->extra_count; i++) {
        if (strcmp(c->extra[i].name, name) == 0)
            return &c->extra[i];
    }
    return command_find(name);
}

static void add_commands(struct line *l)
{
    for (size_t i = 0; i < command_count; i++)
        add_word(l, command_table[i].name);
    for (size_t i = 0; i < l->context->extra_count; i++)
        add_word(l, l->context->extra[i].name);
}

static void add_options(struct line *l)
{
    uint64_t mask = OPTIONS_COMMON;

    mask |= l->command ? l->command->options : OPTION_BIT(APP) | OPTION_BIT(STORE);
    for (size_t i = 0; i < OPTION_COUNT_ALL; i++) {
        if (mask >> i & 1u)
            add_word(l, option_table[i].name);
    }
}

/* By name, or by the directory that it is or that one stands in. */
static bobbin_status attach(bobbin *b, const char *app)
{
    bobbin_status status = BOBBIN_NO_SUCH_APP;
    char *directory;

    if (app && !strchr(app, '/'))
        status = bobbin_attach(b, app);
    if (status == BOBBIN_OK)
        return status;
    directory = realpath(app ? app : ".", NULL);
    if (directory)
        status = bobbin_attach(b, directory);
    free(directory);
    return status;
}

/* A connection, attached if that is wanted; NULL when there is none to be had. */
static bobbin *open_session(const struct line *l, bool attached)
{
    bobbin *b = NULL;

    if (l->context->lent && attached && !l->app && !l->socket)
        return l->context->lent;
    if (bobbin_connect_within(l->socket, ANSWER_MS, &b) == BOBBIN_OK &&
        bobbin_set_timeout(b, ANSWER_MS) == BOBBIN_OK &&
        (!attached || bobbin_app(b) || attach(b, l->app) == BOBBIN_OK))
        return b;
    bobbin_close(b);
    return NULL;
}

static void close_session(const struct line *l, bobbin *b)
{
    if (b != l->context->lent)
        bobbin_close(b);
}

static void add_apps(struct line *l)
{
    bobbin_app_list *list;
    bobbin *b = open_session(l, false);

    if (!b)
        return;
    if (bobbin_app_list_get(b, &list) == BOBBIN_OK) {
        for (size_t i = 0; i < list->count; i++)
            add_word(l, list->apps[i].name);
        bobbin_app_list_free(list);
    }
    close_session(l, b);
}

static void add_components(struct line *l)
{
    bobbin_app_status *status;
    bobbin *b = open_session(l, true);
    const char *app = b ? bobbin_app(b) : NULL;

    if (app && bobbin_app_status_get(b, app, &status) == BOBBIN_OK) {
        for (size_t i = 0; i < status->component_count; i++)
            add_word(l, status->components[i].id);
        bobbin_app_status_free(status);
    }
    if (b)
        close_session(l, b);
}

static void add_stores(struct line *l)
{
    bobbin *b = open_session(l, true);

    if (!b)
        return;
    for (const char *const *stores = bobbin_stores(b); *stores; stores++)
        add_word(l, *stores);
    close_session(l, b);
}

/* Keys that can be typed. */
static bool is_plain(const bobbin_string *key)
{
    for (size_t i = 0; i < key->len; i++) {
        if ((unsigned char)key->data[i] < 0x20 || key->data[i] == 0x7f)
            return false;
    }
    return key->len > 0 && utf8_valid(key->data, key->len);
}

static void add_keys(struct line *l)
{
    bobbin_keys_options options = {
        .prefix = l->rest, .prefix_len = strlen(l->rest), .limit = KEYS_MOST};
    bobbin_key_page *page;
    bobbin *b = open_session(l, true);

    if (!b)
        return;
    if (bobbin_keys(b, l->store, &options, &page) == BOBBIN_OK) {
        for (size_t i = 0; i < page->count; i++) {
            if (is_plain(&page->keys[i]))
                add(l, page->keys[i].data, page->keys[i].len);
        }
        bobbin_key_page_free(page);
    }
    close_session(l, b);
}

static void add_conflicts(struct line *l)
{
    add_word(l, "overwrite");
    add_word(l, "skip");
    add_word(l, "fail");
}

static void add_atomic(struct line *l)
{
    static const char *const words[] = {"check",    "absent", "since",    "set",
                                        "expiring", "delete", "increment"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        add_word(l, words[i]);
}

static void add_files(struct line *l)
{
    l->ret->kind = COMPLETE_FILES;
}

static void add_directories(struct line *l)
{
    l->ret->kind = COMPLETE_DIRECTORIES;
}

/* By what stands for an argument or a value in the help, as far as it goes. What is not in here, a
 * number, say, is nobody's to guess. */
static const struct {
    const char *name;
    void (*add)(struct line *l);
} kinds[] = {
    {"KEY=VALUE", NULL},    {"KEY", add_keys},         {"P", add_keys},
    {"APP", add_apps},      {"DIR", add_directories},  {"LABEL", add_stores},
    {"ID", add_components}, {"COMMAND", add_commands}, {"FILE", add_files},
    {"PATH", add_files},    {"WHAT", add_conflicts},   {"CHECK", add_atomic},
};

static void add_kind(struct line *l, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strlen(kinds[i].name) != len || memcmp(kinds[i].name, name, len) != 0)
            continue;
        if (kinds[i].add)
            kinds[i].add(l);
        return;
    }
}

/* The argument of that index in the help's "KEY [VALUE|-]": its first alternative. The last one
 * stands for all that follow if it has a "…". */
static void add_argument(struct line *l, const char *args, size_t index)
{
    const char *at = args, *end;
    size_t len;

    for (;; at = end + 1) {
        end = strchrnul(at, ' ');
        if (index == 0 || (!*end && strstr(at, "…")))
            break;
        if (!*end)
            return;
        index--;
    }
    at += *at == '[';
    len = strcspn(at, " ]|");
    /* "…" has three bytes. */
    if (len > 3 && memcmp(at + len - 3, "…", 3) == 0)
        len -= 3;
    add_kind(l, at, len);
}

static void set_value(struct line *l, enum option_id id, const char *value)
{
    if (id == OPTION_APP)
        l->app = value;
    else if (id == OPTION_STORE)
        l->store = value;
    else if (id == OPTION_SOCKET)
        l->socket = value;
}

static void take_word(struct line *l, const char *word, enum option_id *wants)
{
    const char *equals = strchr(word, '=');
    enum option_id id;

    if (l->pending) {
        set_value(l, *wants, word);
        l->pending = NULL;
    } else if (!l->literal && strcmp(word, "--") == 0) {
        l->literal = true;
    } else if (!l->literal && word[0] == '-' && word[1]) {
        id = option_find(word, equals ? (size_t)(equals - word) : strlen(word));
        if (id == OPTION_COUNT_ALL || !option_table[id].value)
            return;
        *wants = id;
        if (equals)
            set_value(l, id, equals + 1);
        else
            l->pending = option_table[id].value;
    } else if (!l->has_command) {
        l->has_command = true;
        l->command = find_command(l->context, word);
    } else {
        l->args++;
    }
}

/* "--option=" of the word, whose value is then what is completed. */
static bool take_prefix(struct line *l)
{
    const char *equals = strchr(l->word, '=');
    enum option_id id;

    if (l->literal || l->word[0] != '-' || !equals)
        return false;
    id = option_find(l->word, (size_t)(equals - l->word));
    if (id == OPTION_COUNT_ALL || !option_table[id].value)
        return false;
    l->prefix_len = (size_t)(equals - l->word) + 1;
    l->rest = equals + 1;
    l->pending = option_table[id].value;
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct completions *c)
{
    size_t kept = 0;

    if (c->count > 0)
        qsort(c->words, c->count, sizeof(*c->words), compare);
    for (size_t i = 0; i < c->count; i++) {
        if (kept > 0 && strcmp(c->words[kept - 1], c->words[i]) == 0)
            free(c->words[i]);
        else
            c->words[kept++] = c->words[i];
    }
    c->count = kept;
}

void complete(const struct complete_context *c, const char *const *words, size_t count,
              struct completions *ret)
{
    enum option_id wants = OPTION_COUNT_ALL;
    struct line l = {.context = c, .store = c->store ? c->store : "default", .ret = ret};

    *ret = (struct completions){.kind = COMPLETE_WORDS};
    if (count == 0)
        return;
    for (size_t i = 0; i + 1 < count; i++)
        take_word(&l, words[i], &wants);
    l.word = l.rest = l.prefix = words[count - 1];
    if (l.pending || take_prefix(&l))
        add_kind(&l, l.pending, strlen(l.pending));
    else if (!l.literal && l.word[0] == '-')
        add_options(&l);
    else if (!l.has_command)
        add_commands(&l);
    else if (l.command)
        add_argument(&l, l.command->args, l.args);
    sort(ret);
}

void completions_fini(struct completions *c)
{
    for (size_t i = 0; i < c->count; i++)
        free(c->words[i]);
    free(c->words);
    *c = (struct completions){0};
}
