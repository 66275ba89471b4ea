#include "daemon/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "daemon/machine.h"
#include "daemon/metrics_address.h"
#include "daemon/toml_read.hh"

const char *config_origin_name(enum config_origin origin)
{
    static const char *const names[] = {"default", "file", "environment", "option", "systemd"};

    return names[origin];
}

void config_init(struct config *c)
{
    *c = {};
    for (const struct setting &setting : setting_table)
        setting_reset(&setting, c);
    c->cache_bytes = std::max(machine_memory() / CONFIG_CACHE_PART, CONFIG_CACHE_BYTES);
}

static bool is_text(const struct setting &setting)
{
    return setting.type == SETTING_PATH || setting.type == SETTING_WORD;
}

static void clear(struct config_addresses *addresses)
{
    for (unsigned i = 0; i < addresses->count; i++)
        std::free(addresses->items[i]);
    addresses->count = 0;
}

void config_fini(struct config *c)
{
    clear(&c->metrics_listen);
    for (const struct setting &setting : setting_table)
        if (is_text(setting))
            std::free(*static_cast<char **>(setting_field(&setting, c)));
    std::free(c->file);
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

static void replace(char **field, const std::string &text)
{
    char *copy = toml_cstr(text);

    std::free(*field);
    *field = copy;
}

static void read_text(const toml_document &doc, const struct setting &setting, void *field)
{
    std::string text;

    toml_string(doc, doc.root, setting.key, &text);
    if (setting.type == SETTING_PATH && text[0] != '/')
        toml_fail_type(doc, *doc.root.get(setting.key), setting.key, "an absolute path");
    if (text.empty())
        toml_fail_type(doc, *doc.root.get(setting.key), setting.key, "a name");
    replace(static_cast<char **>(field), text);
}

/* "one", "two" or "three". */
static std::string listed(const char *const *words)
{
    std::string list;

    for (unsigned n = 0; words[n]; n++)
        list += std::string(n == 0 ? "" : words[n + 1] ? ", " : " or ") + '"' + words[n] + '"';
    return list;
}

static void read_choice(const toml_document &doc, const struct setting &setting, void *field)
{
    const char *const *words = setting_words(&setting);
    std::string word;

    toml_string(doc, doc.root, setting.key, &word);
    for (std::uint32_t n = 0; words[n]; n++) {
        if (word == words[n]) {
            std::memcpy(field, &n, sizeof(n));
            return;
        }
    }
    toml_fail_type(doc, *doc.root.get(setting.key), setting.key, listed(words).c_str());
}

/* toml_integer holds 32 bits, and a disk more. */
static void read_large(const toml_document &doc, const struct setting &setting, void *field)
{
    const toml::node *node = doc.root.get(setting.key);
    const toml::value<std::int64_t> *number = node->as_integer();

    if (!number || number->get() < 0)
        toml_fail_type(doc, *node, setting.key, "an integer from 0");
    auto value = static_cast<std::uint64_t>(number->get());
    if (value > setting.most)
        toml_fail_type(doc, *node, setting.key, ("at most " + std::to_string(setting.most)).c_str());
    std::memcpy(field, &value, sizeof(value));
}

/* One address, or an array of them. */
static void read_addresses(const toml_document &doc, const struct setting &setting, void *field)
{
    auto *addresses = static_cast<struct config_addresses *>(field);
    const toml::node *node = doc.root.get(setting.key);
    std::vector<std::string> texts;
    struct error e;

    if (node->is_string())
        texts.push_back(toml_string_at(doc, *node, setting.key, "a string"));
    else
        toml_strings(doc, doc.root, setting.key, &texts);
    if (texts.empty() || texts.size() > LIMIT_METRICS_LISTENERS)
        toml_fail_type(doc, *node, setting.key,
                       ("1 to " + std::to_string(LIMIT_METRICS_LISTENERS) + " addresses").c_str());
    for (const std::string &text : texts) {
        if (metrics_address_check(text.c_str(), &e))
            toml_fail_type(doc, *node, setting.key,
                           "an absolute path, 127.0.0.1:PORT, [::1]:PORT or localhost:PORT");
        addresses->items[addresses->count] = toml_cstr(text);
        addresses->count++;
    }
}

/* What the document says of one key, if anything. */
static void read_setting(const toml_document &doc, const struct setting &setting, struct config *c,
                         enum config_origin origin)
{
    void *field = setting_field(&setting, c);

    if (!doc.root.contains(setting.key))
        return;
    switch (setting.type) {
    case SETTING_PATH:
    case SETTING_WORD:
        read_text(doc, setting, field);
        break;
    case SETTING_CHOICE:
        read_choice(doc, setting, field);
        break;
    case SETTING_TIME:
        toml_duration_ms(doc, doc.root, setting.key, static_cast<std::uint32_t *>(field));
        break;
    case SETTING_UINT32:
        toml_integer(doc, doc.root, setting.key, static_cast<std::uint32_t>(setting.least),
                     static_cast<std::uint32_t>(setting.most), static_cast<std::uint32_t *>(field));
        break;
    case SETTING_UINT64:
        read_large(doc, setting, field);
        break;
    case SETTING_ADDRESSES:
        read_addresses(doc, setting, field);
        break;
    }
    c->origin[&setting - setting_table] = origin;
}

static void check_keys(const toml_document &doc)
{
    std::vector<std::string_view> known;

    for (const struct setting &setting : setting_table)
        known.push_back(setting.key);
    toml_check_keys(doc, doc.root, known);
}

/* All that the document says, or nothing. */
static void read_all(const toml_document &doc, struct config *c, enum config_origin origin)
{
    struct config read;

    config_init(&read);
    std::unique_ptr<struct config, void (*)(struct config *)> owner(&read, &config_fini);
    check_keys(doc);
    for (const struct setting &setting : setting_table)
        read_setting(doc, setting, &read, origin);
    for (const struct setting &setting : setting_table)
        if (doc.root.contains(setting.key))
            setting_swap(&setting, c, &read);
}

static const struct setting *find_setting(const char *key)
{
    for (const struct setting &setting : setting_table)
        if (!std::strcmp(setting.key, key))
            return &setting;
    return nullptr;
}

static toml::array split(const char *text)
{
    toml::array words;

    while (*text) {
        std::size_t len = std::strcspn(text, ",");
        words.push_back(std::string(text, len));
        text += len + (text[len] ? 1 : 0);
    }
    return words;
}

/* What a person writes outside of a file: a text without quotes, an integer, or a list with commas. */
static toml_document document_of(const char *key, const char *text, const char *where)
{
    const struct setting *setting = find_setting(key);
    toml_document doc{where, {}};
    char *end;

    errno = 0;
    std::int64_t number = std::strtoll(text, &end, 10);
    if (setting && setting->type == SETTING_ADDRESSES)
        doc.root.insert(key, split(text));
    else if (setting && !is_text(*setting) && end != text && !*end && !errno)
        doc.root.insert(key, number);
    else
        doc.root.insert(key, std::string(text));
    return doc;
}

static void set_one(struct config *c, const char *key, const char *text, enum config_origin origin,
                    const char *where)
{
    read_all(document_of(key, text, where), c, origin);
}

/* Nothing that is thrown passes the border to C. */
template <typename F> static int guarded(struct error *e, const char *where, F &&run)
{
    try {
        run();
        return 0;
    } catch (const toml_failure &failure) {
        return error_set(e, ERR_INVALID_REQUEST, "%s", failure.text.c_str());
    } catch (const std::exception &exception) {
        return error_set(e, ERR_OTHER, "cannot read '%s': %s", where, toml_reason(exception));
    }
}

int config_load(struct config *c, const char *path, struct error *e)
{
    return guarded(e, path, [&] {
        read_all(toml_parse(path, read_file(path)), c, CONFIG_FILE);
        replace(&c->file, path);
    });
}

int config_set(struct config *c, const char *key, const char *text, enum config_origin origin,
               const char *where, struct error *e)
{
    return guarded(e, where, [&] { set_one(c, key, text, origin, where); });
}

static void set_variable(struct config *c, const std::string &variable)
{
    std::size_t equals = variable.find('=');
    std::string name = variable.substr(0, equals), key;

    if (equals == std::string::npos || name == CONFIG_FILE_VARIABLE)
        return;
    for (char letter : name.substr(std::strlen(CONFIG_VARIABLE)))
        key += static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    set_one(c, key.c_str(), variable.c_str() + equals + 1, CONFIG_ENVIRONMENT, name.c_str());
}

int config_set_environment(struct config *c, char **environment, struct error *e)
{
    return guarded(e, "the environment", [&] {
        for (char **variable = environment; *variable; variable++)
            if (!std::strncmp(*variable, CONFIG_VARIABLE, std::strlen(CONFIG_VARIABLE)))
                set_variable(c, *variable);
    });
}
