#include "daemon/manifest.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/manifest_files.hh"
#include "daemon/manifest_tool.hh"
#include "daemon/toml_read.hh"
#include "protocol/limits.h"

namespace
{

const char file_name[] = "spin.toml";

struct manifest_deleter {
    void operator()(struct manifest *m) const
    {
        manifest_free(m);
    }
};
using manifest_ptr = std::unique_ptr<struct manifest, manifest_deleter>;

struct descriptor {
    int fd;
    explicit descriptor(int number) : fd(number)
    {
    }
    descriptor(const descriptor &) = delete;
    descriptor &operator=(const descriptor &) = delete;
    ~descriptor()
    {
        if (fd >= 0)
            close(fd);
    }
};

[[noreturn]] void fail_errno(const std::string &path, int errnum)
{
    throw toml_failure{"cannot read '" + path + "': " + std::strerror(errnum)};
}

/* A daemon that runs as root must not read (and quote in errors) what its user cannot: a link that
 * leads out of the directory is refused by the kernel itself. */
int open_beneath(int directory, const char *name)
{
    struct open_how how = {};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    long fd = syscall(SYS_openat2, directory, name, &how, sizeof(how));

    if (fd < 0 && errno == ENOSYS) /* before Linux 5.6: no links at all */
        return openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    return static_cast<int>(fd);
}

/* The file's bytes; false when there is no such file. */
bool read_file(const std::string &directory, const std::string &path, std::string *ret,
               struct source_mark *ret_mark)
{
    descriptor dir(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat st;

    if (dir.fd < 0)
        fail_errno(directory, errno);
    descriptor file(open_beneath(dir.fd, file_name));
    if (file.fd < 0 && errno == ENOENT)
        return false;
    if (file.fd < 0 && (errno == EXDEV || errno == ELOOP))
        throw toml_failure{"cannot read '" + path + "': it leads out of the app directory"};
    if (file.fd < 0 || fstat(file.fd, &st) != 0)
        fail_errno(path, errno);
    if (!S_ISREG(st.st_mode))
        throw toml_failure{"cannot read '" + path + "': not a regular file"};
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        throw toml_failure{"'" + path + "' can be written by others than its owner; chmod go-w"};
    *ret_mark = manifest_mark(st);
    for (char chunk[16384];;) {
        ssize_t n = read(file.fd, chunk, sizeof(chunk));
        if (n < 0)
            fail_errno(path, errno);
        if (n == 0)
            return true;
        ret->append(chunk, static_cast<std::size_t>(n));
        if (ret->size() > MANIFEST_SIZE_MAX)
            throw toml_failure{"'" + path + "' is larger than " +
                               std::to_string(MANIFEST_SIZE_MAX) + " bytes"};
    }
}

/* "" or why it cannot be an app's name. */
std::string wrong_name(const std::string &name)
{
    if (name.empty() || name.size() > LIMIT_NAME)
        return "the app's name must have 1 to " + std::to_string(LIMIT_NAME) + " bytes";
    for (char c : name)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/')
            return "the app's name must not contain '/' or control characters";
    return "";
}

using context = manifest_context;

void read_name(const context &c, const toml::table &table, std::string *name)
{
    if (!toml_string(c.doc, table, "name", name))
        return;
    std::string wrong = wrong_name(*name);
    if (!wrong.empty())
        toml_fail(c.doc, table.get("name")->source(), wrong);
}

void check_id(const context &c, const toml::source_region &where, const std::string &id)
{
    bool valid = !id.empty() && id.size() <= MANIFEST_ID_MAX && id[0] != '.';

    for (char ch : id)
        valid = valid && ch &&
                std::strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "0123456789-_.",
                            ch);
    if (!valid)
        toml_fail(c.doc, where,
                  "component id '" + id + "': expected 1 to " + std::to_string(MANIFEST_ID_MAX) +
                      " letters, digits, '-', '_' and '.', not beginning with '.'");
}

void read_source(const context &c, const toml::table &table, struct component_spec *spec)
{
    const toml::node *node = table.get("source");

    if (!node && spec->command)
        return;
    if (!node)
        toml_fail(c.doc, table.source(),
                  std::string("component '") + spec->id + "' has no 'source' (and no 'command')");
    try {
        spec->source = toml_cstr(manifest_source(c, *node, &spec->source_mark));
    } catch (const toml_failure &) {
        if (!spec->command) /* which then does without */
            throw;
    }
}

void read_environment(const context &c, const toml::table &table, struct component_spec *spec)
{
    const toml::table *variables = toml_table(c.doc, table, "environment");
    std::vector<std::string> environment;

    if (variables) {
        for (const auto &[key, value] : *variables) {
            std::string name(key.str());
            if (name.empty() || name.find('=') != std::string::npos ||
                name.find('\0') != std::string::npos)
                toml_fail(c.doc, toml_key_region(key, value),
                          "'" + name + "' cannot be an environment variable's name");
            if (name.compare(0, 7, "BOBBIN_") == 0)
                toml_fail(c.doc, toml_key_region(key, value),
                          "environment variable '" + name + "': names with BOBBIN_ are the daemon's");
            environment.push_back(name + "=" + toml_string_at(c.doc, value, name, "a string"));
        }
    }
    spec->environment = toml_cstrs(environment);
}

void read_stores(const context &c, const toml::table &table, struct component_spec *spec)
{
    std::vector<std::string> stores;

    toml_strings(c.doc, table, "key_value_stores", &stores);
    for (const std::string &label : stores)
        if (label.empty() || label.size() > LIMIT_LABEL)
            toml_fail(c.doc, table.get("key_value_stores")->source(),
                      "a label in 'key_value_stores' must have 1 to " +
                          std::to_string(LIMIT_LABEL) + " bytes");
    spec->stores = toml_cstrs(stores);
}

/* Add a component; `where` is its id's place. */
void read_component(const context &c, const std::string &id, const toml::source_region &where,
                    const toml::table &table, struct manifest *m)
{
    check_id(c, where, id);
    for (std::size_t i = 0; i < m->component_count; i++)
        if (id == m->components[i]->id)
            toml_fail(c.doc, where, "there are two components '" + id + "'");
    auto *spec = static_cast<struct component_spec *>(std::calloc(1, sizeof(struct component_spec)));
    if (!spec)
        throw std::bad_alloc();
    spec->refs = 1;
    m->components[m->component_count++] = spec;
    spec->id = toml_cstr(id);
    manifest_tool_read(c.doc, table, spec);
    read_source(c, table, spec);
    read_environment(c, table, spec);
    read_stores(c, table, spec);
    spec->files = manifest_files(c, table, spec->command != nullptr);
}

void make_room(const context &c, const toml::node &list, std::size_t count, struct manifest *m)
{
    if (count > MANIFEST_COMPONENTS_MAX)
        toml_fail(c.doc, list.source(),
                  "there are more than " + std::to_string(MANIFEST_COMPONENTS_MAX) + " components");
    m->components = static_cast<struct component_spec **>(
        std::calloc(count ? count : 1, sizeof(struct component_spec *)));
    if (!m->components)
        throw std::bad_alloc();
}

/* [component.ID] */
void read_components_2(const context &c, struct manifest *m)
{
    const toml::table *list = toml_table(c.doc, c.doc.root, "component");

    if (!list)
        return;
    make_room(c, *list, list->size(), m);
    for (const auto &[key, value] : *list) {
        if (!value.is_table())
            toml_fail_type(c.doc, value, key.str(), "a table");
        read_component(c, std::string(key.str()), toml_key_region(key, value), *value.as_table(),
                       m);
    }
}

/* [[component]] with an id of its own */
void read_components_1(const context &c, struct manifest *m)
{
    const toml::node *node = c.doc.root.get("component");

    if (!node)
        return;
    if (!node->is_array())
        toml_fail_type(c.doc, *node, "component", "an array of tables ([[component]])");
    make_room(c, *node, node->as_array()->size(), m);
    for (const toml::node &element : *node->as_array()) {
        std::string id;
        if (!element.is_table())
            toml_fail_type(c.doc, element, "component", "an array of tables ([[component]])");
        const toml::table &table = *element.as_table();
        if (!toml_string(c.doc, table, "id", &id))
            toml_fail(c.doc, table.source(), "a component without 'id'");
        read_component(c, id, table.get("id")->source(), table, m);
    }
}

int find_version(const toml_document &doc)
{
    const char *key =
        doc.root.contains("spin_manifest_version") ? "spin_manifest_version" : "spin_version";
    const toml::node *node = doc.root.get(key);

    if (!node)
        throw toml_failure{doc.path +
                           ":1:1: 'spin_manifest_version' is missing; expected 2 or \"1\""};
    if (const auto *number = node->as_integer())
        if (number->get() == 1 || number->get() == 2)
            return static_cast<int>(number->get());
    if (const auto *text = node->as_string())
        if (text->get() == "1")
            return 1;
    toml_fail_type(doc, *node, key, "2 or \"1\"");
}

std::string base_name(const std::string &path)
{
    return path.substr(path.rfind('/') + 1);
}

manifest_ptr load(const std::string &directory, bool read_it)
{
    manifest_ptr m(static_cast<struct manifest *>(std::calloc(1, sizeof(struct manifest))));
    std::string real = manifest_real_path(directory);
    std::string path = directory + "/" + file_name, name, bytes;

    if (!m)
        throw std::bad_alloc();
    if (real.empty())
        fail_errno(directory, errno);
    name = base_name(real);
    if (read_it && read_file(directory, path, &bytes, &m->mark)) {
        toml_document doc = toml_parse(path, bytes);
        context c{doc, directory, real};
        if (find_version(doc) == 2) {
            if (const toml::table *application = toml_table(doc, doc.root, "application")) {
                read_name(c, *application, &name);
                manifest_tool_read_app(doc, *application, m.get());
            }
            read_components_2(c, m.get());
        } else {
            read_name(c, doc.root, &name);
            manifest_tool_read_app(doc, doc.root, m.get());
            read_components_1(c, m.get());
        }
        manifest_check_writable(doc, m.get());
    }
    std::string wrong = wrong_name(name);
    if (!wrong.empty())
        throw toml_failure{"directory '" + directory + "': " + wrong};
    m->name = toml_cstr(name);
    return m;
}

} // namespace

static int load_or_fail(const char *directory, bool read_it, struct manifest **ret, struct error *e)
{
    try {
        *ret = load(directory, read_it).release();
        return 0;
    } catch (const toml_failure &failure) {
        return error_set(e, ERR_INVALID_REQUEST, "%s", failure.text.c_str());
    } catch (const std::exception &exception) {
        return error_set(e, ERR_OTHER, "cannot read '%s/%s': %s", directory, file_name,
                         toml_reason(exception));
    }
}

int manifest_load(const char *directory, struct manifest **ret, struct error *e)
{
    return load_or_fail(directory, true, ret, e);
}

int manifest_empty(const char *directory, struct manifest **ret, struct error *e)
{
    return load_or_fail(directory, false, ret, e);
}
