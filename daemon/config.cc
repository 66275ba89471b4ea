#include "daemon/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "daemon/machine.h"
#include "daemon/metrics_address.h"
#include "daemon/toml_read.hh"

void config_init(struct config *c)
{
    *c = {};
    c->log_level = LOG_LEVEL_INFO;
    c->store_idle_ms = CONFIG_STORE_IDLE_MS;
    c->stall_ms = LIMIT_STALL_MS;
    c->threads = CONFIG_THREADS;
    c->store_memory = CONFIG_STORE_MEMORY;
    c->commit_log_size = CONFIG_COMMIT_LOG_SIZE;
    c->fold_changes = CONFIG_FOLD_CHANGES;
    c->wal_pages = CONFIG_WAL_PAGES;
#define X(name, standard, least, most) c->limits.name = standard;
    LIMIT_SETTABLE_LIST(X)
#undef X
    c->cache_bytes = std::max(machine_memory() / CONFIG_CACHE_PART, CONFIG_CACHE_BYTES);
}

bool config_set_log_format(struct config *c, const char *word)
{
    bool json = std::strcmp(word, "json") == 0;

    if (!json && std::strcmp(word, "text") != 0)
        return false;
    c->log_json = json;
    return true;
}

void config_clear_metrics_listen(struct config *c)
{
    while (c->metrics_listen_count)
        std::free(c->metrics_listen[--c->metrics_listen_count]);
}

void config_fini(struct config *c)
{
    config_clear_metrics_listen(c);
    std::free(c->socket);
    std::free(c->state_dir);
    std::free(c->runner);
    std::free(c->admin_group);
    std::free(c->cgroup);
    config_init(c);
}

static std::string read_file(const std::string &path)
{
    std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path.c_str(), "re"), &std::fclose);
    std::string bytes;
    char chunk[16384];

    while (file && bytes.size() <= CONFIG_SIZE_MAX) {
        std::size_t n = std::fread(chunk, 1, sizeof(chunk), file.get());
        bytes.append(chunk, n);
        if (n < sizeof(chunk))
            break;
    }
    if (!file || std::ferror(file.get()))
        throw toml_failure{"cannot read '" + path + "': " + std::strerror(errno)};
    if (bytes.size() > CONFIG_SIZE_MAX)
        throw toml_failure{"'" + path + "' is larger than " + std::to_string(CONFIG_SIZE_MAX) +
                           " bytes"};
    return bytes;
}

/* "" when it is not there. */
static std::string read_path(const toml_document &doc, const char *key)
{
    std::string path;

    if (toml_string(doc, doc.root, key, &path) && path[0] != '/')
        toml_fail_type(doc, *doc.root.get(key), key, "an absolute path");
    return path;
}

static void replace(char **field, const std::string &text)
{
    if (text.empty())
        return;
    char *copy = toml_cstr(text);
    std::free(*field);
    *field = copy;
}

/* toml_integer holds 32 bits, and a disk more. */
static void read_number(const toml_document &doc, const char *key, std::uint64_t most,
                        std::uint64_t *ret)
{
    const toml::node *node = doc.root.get(key);

    if (!node)
        return;
    const toml::value<std::int64_t> *number = node->as_integer();
    if (!number || number->get() < 0)
        toml_fail_type(doc, *node, key, "an integer from 0");
    if (static_cast<std::uint64_t>(number->get()) > most)
        toml_fail_type(doc, *node, key, ("at most " + std::to_string(most)).c_str());
    *ret = static_cast<std::uint64_t>(number->get());
}

static void read_limits(const toml_document &doc, struct config *c)
{
#define X(name, standard, least, most)                                                             \
    toml_integer(doc, doc.root, "max_" #name, least, most, &c->limits.name);
    LIMIT_SETTABLE_LIST(X)
#undef X
    read_number(doc, "quota_bytes", INT64_MAX, &c->quota_bytes);
    read_number(doc, "quota_entries", INT64_MAX, &c->quota_entries);
    read_number(doc, "cache_bytes", CONFIG_CACHE_BYTES_MAX, &c->cache_bytes);
}

static void read_store(const toml_document &doc, struct config *c)
{
    read_number(doc, "store_memory", INT64_MAX, &c->store_memory);
    toml_integer(doc, doc.root, "commit_log_size", 8192, 1u << 30, &c->commit_log_size);
    toml_integer(doc, doc.root, "fold_changes", 1, 1u << 24, &c->fold_changes);
    toml_integer(doc, doc.root, "wal_pages", 8, 1u << 20, &c->wal_pages);
}

int config_add_metrics_listen(struct config *c, const char *address, struct error *e)
{
    int rc = metrics_address_check(address, e);

    if (rc)
        return rc;
    if (c->metrics_listen_count == LIMIT_METRICS_LISTENERS)
        return error_set(e, ERR_INVALID_REQUEST, "more than %u addresses for metrics",
                         LIMIT_METRICS_LISTENERS);
    char *copy = strdup(address);
    if (!copy)
        return error_set(e, ERR_OTHER, "out of memory");
    c->metrics_listen[c->metrics_listen_count++] = copy;
    return 0;
}

/* One address, or an array of them; checked before anything of `c` is changed. */
static std::vector<std::string> read_metrics_listen(const toml_document &doc)
{
    const char *key = "metrics_listen";
    std::vector<std::string> addresses;
    const toml::node *node = doc.root.get(key);
    struct error e;

    if (node && node->is_string())
        addresses.push_back(node->as_string()->get());
    else
        toml_strings(doc, doc.root, key, &addresses);
    if (node && (addresses.empty() || addresses.size() > LIMIT_METRICS_LISTENERS))
        toml_fail_type(doc, *node, key,
                       ("1 to " + std::to_string(LIMIT_METRICS_LISTENERS) + " addresses").c_str());
    for (const std::string &address : addresses)
        if (metrics_address_check(address.c_str(), &e))
            toml_fail_type(doc, *node, key,
                           "an absolute path, 127.0.0.1:PORT, [::1]:PORT or localhost:PORT");
    return addresses;
}

static void load(struct config *c, const std::string &path)
{
    toml_document doc = toml_parse(path, read_file(path));
    struct config loaded = *c; /* its strings are still c's */
    std::string word;
    std::uint32_t number;

    toml_check_keys(doc, doc.root,
                    {
#define X(name, standard, least, most) "max_" #name,
                        LIMIT_SETTABLE_LIST(X)
#undef X
                            "socket",
                        "state_dir", "runner", "log_level", "store_idle", "stall_timeout", "threads", "quota_bytes",
                        "quota_entries", "store_memory", "commit_log_size", "fold_changes", "wal_pages",
                        "admin_group", "cgroup", "cache_bytes", "metrics_listen",
                        "log_format"});
    if (toml_string(doc, doc.root, "log_level", &word)) {
        loaded.log_level_set = true;
        if (!log_level_parse(word.c_str(), &loaded.log_level))
            toml_fail_type(doc, *doc.root.get("log_level"), "log_level",
                           "\"error\", \"warning\", \"info\" or \"debug\"");
    }
    if (toml_string(doc, doc.root, "log_format", &word) &&
        !config_set_log_format(&loaded, word.c_str()))
        toml_fail_type(doc, *doc.root.get("log_format"), "log_format", "\"text\" or \"json\"");
    if (toml_duration_ms(doc, doc.root, "store_idle", &number)) {
        loaded.store_idle_set = true;
        loaded.store_idle_ms = number;
    }
    if (toml_duration_ms(doc, doc.root, "stall_timeout", &number))
        loaded.stall_ms = number;
    if (toml_integer(doc, doc.root, "threads", 1, CONFIG_THREADS_MAX, &number)) {
        loaded.threads_set = true;
        loaded.threads = number;
    }
    read_store(doc, &loaded);
    read_limits(doc, &loaded);
    std::string socket = read_path(doc, "socket"), state_dir = read_path(doc, "state_dir");
    std::string runner = read_path(doc, "runner"), cgroup = read_path(doc, "cgroup");
    std::string admin_group;
    toml_string(doc, doc.root, "admin_group", &admin_group);
    std::vector<std::string> metrics_listen = read_metrics_listen(doc);

    *c = loaded;
    replace(&c->socket, socket);
    replace(&c->state_dir, state_dir);
    replace(&c->runner, runner);
    replace(&c->admin_group, admin_group);
    replace(&c->cgroup, cgroup);
    if (!metrics_listen.empty())
        config_clear_metrics_listen(c);
    for (const std::string &address : metrics_listen) {
        struct error e;
        if (config_add_metrics_listen(c, address.c_str(), &e))
            throw toml_failure{e.text};
    }
}

int config_load(struct config *c, const char *path, struct error *e)
{
    try {
        load(c, path);
        return 0;
    } catch (const toml_failure &failure) {
        return error_set(e, ERR_INVALID_REQUEST, "%s", failure.text.c_str());
    } catch (const std::exception &exception) {
        return error_set(e, ERR_OTHER, "cannot read '%s': %s", path, exception.what());
    }
}
