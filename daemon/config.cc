#include "daemon/config.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "daemon/toml_read.hh"

void config_init(struct config *c)
{
    *c = {};
    c->log_level = LOG_LEVEL_INFO;
    c->store_idle_ms = CONFIG_STORE_IDLE_MS;
    c->threads = CONFIG_THREADS;
    c->store_memory = CONFIG_STORE_MEMORY;
    c->commit_log_size = CONFIG_COMMIT_LOG_SIZE;
    c->fold_changes = CONFIG_FOLD_CHANGES;
    c->wal_pages = CONFIG_WAL_PAGES;
#define X(name, standard, least, most) c->limits.name = standard;
    LIMIT_SETTABLE_LIST(X)
#undef X
    c->cache_bytes = CONFIG_CACHE_BYTES;
}

void config_fini(struct config *c)
{
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
                        "state_dir", "runner", "log_level", "store_idle", "threads", "quota_bytes",
                        "quota_entries", "store_memory", "commit_log_size", "fold_changes", "wal_pages",
                        "admin_group", "cgroup", "cache_bytes"});
    if (toml_string(doc, doc.root, "log_level", &word)) {
        loaded.log_level_set = true;
        if (!log_level_parse(word.c_str(), &loaded.log_level))
            toml_fail_type(doc, *doc.root.get("log_level"), "log_level",
                           "\"error\", \"warning\", \"info\" or \"debug\"");
    }
    if (toml_duration_ms(doc, doc.root, "store_idle", &number)) {
        loaded.store_idle_set = true;
        loaded.store_idle_ms = number;
    }
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

    *c = loaded;
    replace(&c->socket, socket);
    replace(&c->state_dir, state_dir);
    replace(&c->runner, runner);
    replace(&c->admin_group, admin_group);
    replace(&c->cgroup, cgroup);
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
