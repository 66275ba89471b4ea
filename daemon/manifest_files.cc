#include "daemon/manifest_files.hh"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <glob.h>
#include <memory>
#include <sys/stat.h>

std::string manifest_real_path(const std::string &path)
{
    std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
    return real ? std::string(real.get()) : std::string();
}

/* The canonical path of `name`, which must be within the app directory.
 * `what` begins the error: "source 'x.wasm'". */
static std::string within(const manifest_context &c, const toml::source_region &where,
                          const std::string &what, const std::string &name)
{
    std::string path = manifest_real_path(name[0] == '/' ? name : c.directory + "/" + name);

    if (path.empty())
        toml_fail(c.doc, where, what + ": " + std::strerror(errno));
    if (path.compare(0, c.real.size() + 1, c.real + "/") != 0)
        toml_fail(c.doc, where, what + " is not within the app directory");
    return path;
}

struct source_mark manifest_mark(const struct stat &st)
{
    return {static_cast<std::uint64_t>(st.st_dev), static_cast<std::uint64_t>(st.st_ino),
            static_cast<std::int64_t>(st.st_size),
            static_cast<std::int64_t>(st.st_mtim.tv_sec) * 1000000000 + st.st_mtim.tv_nsec};
}

std::string manifest_source(const manifest_context &c, const toml::node &node,
                            struct source_mark *ret_mark)
{
    if (node.is_table())
        toml_fail(
            c.doc, node.source(),
            "'source' is remote: Bobbin runs local files only; download it and name the file");
    std::string source =
        toml_string_at(c.doc, node, "source", "a string (the path of a wasm file)");
    std::string what = "source '" + source + "'";
    std::string path = within(c, node.source(), what, source);
    struct stat st;

    if (stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode))
        toml_fail(c.doc, node.source(), what + " is not a regular file");
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        toml_fail(c.doc, node.source(),
                  what + " can be written by others than its owner; chmod go-w");
    *ret_mark = manifest_mark(st);
    return path;
}

// "DIR/*", "DIR/**" and "DIR/**/*" stand for the whole directory.
static std::string without_stars(std::string path)
{
    for (const char *end : {"/**/*", "/**", "/*"}) {
        std::size_t len = std::strlen(end);
        if (path.size() > len && path.compare(path.size() - len, len, end) == 0) {
            path.resize(path.size() - len);
            break;
        }
    }
    return path;
}

struct mounts {
    const manifest_context &c;
    const toml::node &node; /* of the element in hand */
    std::vector<std::string> list;
};

static void add(mounts *m, const std::string &source, std::string destination)
{
    const manifest_context &c = m->c;

    if (destination.empty() || destination[0] != '/')
        destination = "/" + destination;
    std::string path = within(c, m->node.source(), "files: '" + source + "'", source);
    for (const std::string &text : {path, destination})
        if (text.find_first_of("\t\n") != std::string::npos)
            toml_fail(c.doc, m->node.source(), "'files': a path contains a tab or a new line");
    if (m->list.size() == MANIFEST_MOUNTS_MAX)
        toml_fail(c.doc, m->node.source(),
                  "'files' names more than " + std::to_string(MANIFEST_MOUNTS_MAX) +
                      " files and directories");
    m->list.push_back(path + "\t" + destination);
}

/* Whatever matches now, in order. */
static void add_pattern(mounts *m, const std::string &pattern)
{
    std::string prefix = m->c.real + "/";
    glob_t found = {};

    if (glob((prefix + pattern).c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < found.gl_pathc && i <= MANIFEST_MOUNTS_MAX; i++)
            names.push_back(std::string(found.gl_pathv[i]).substr(prefix.size()));
        globfree(&found);
        std::sort(names.begin(), names.end());
        for (const std::string &name : names)
            add(m, name, name);
    }
}

static void add_element(mounts *m, const toml::node &node)
{
    const toml_document &doc = m->c.doc;
    std::string source, destination;

    if (const toml::table *table = node.as_table()) {
        toml_check_keys(doc, *table, {"source", "destination"});
        if (!toml_string(doc, *table, "source", &source) ||
            !toml_string(doc, *table, "destination", &destination))
            toml_fail(doc, node.source(), "'files': expected both 'source' and 'destination'");
        add(m, source, destination);
        return;
    }
    source = without_stars(toml_string_at(doc, node, "files", "an array of strings and tables"));
    if (source.find_first_of("*?[") != std::string::npos)
        add_pattern(m, source);
    else
        add(m, source, source);
}

/* A guest that could write these could write itself another manifest, or past its store. */
static void check_writable(const manifest_context &c, const toml::node &node,
                           const std::string &path)
{
    const std::string state = c.real + "/.spin", manifest = c.real + "/spin.toml";

    if (path == manifest || path == state || path.compare(0, state.size() + 1, state + "/") == 0)
        toml_fail(c.doc, node.source(), "'writable': spin.toml and .spin cannot be");
}

/* Marks the mount with that path in the guest. */
static void make_writable(const manifest_context &c, const toml::node &node,
                          std::vector<std::string> *list)
{
    std::string destination = toml_string_at(c.doc, node, "writable", "an array of strings");
    bool found = false;

    if (destination.empty() || destination[0] != '/')
        destination = "/" + destination;
    for (std::string &mount : *list) {
        std::size_t tab = mount.find('\t');
        if (mount.compare(tab + 1, std::string::npos, destination) != 0)
            continue;
        check_writable(c, node, mount.substr(0, tab));
        mount += "\trw";
        found = true;
    }
    if (!found)
        toml_fail(c.doc, node.source(),
                  "'writable': no entry of 'files' is '" + destination +
                      "' in the guest, or it is there twice");
}

static void read_writable(const manifest_context &c, const toml::table &component,
                          std::vector<std::string> *list)
{
    const toml::table *tools = toml_table(c.doc, component, "tool");
    const toml::table *tool = tools ? toml_table(c.doc, *tools, "bobbin") : nullptr;
    const toml::node *node = tool ? tool->get("writable") : nullptr;

    if (!node)
        return;
    if (!node->is_array())
        toml_fail_type(c.doc, *node, "writable", "an array of strings");
    for (const toml::node &element : *node->as_array())
        make_writable(c, element, list);
}

char **manifest_files(const manifest_context &c, const toml::table &component, bool optional)
{
    const toml::node *node = component.get("files");
    std::vector<std::string> list;

    static const toml::array none;
    if (node && !node->is_array())
        toml_fail_type(c.doc, *node, "files", "an array of strings and tables");
    for (const toml::node &element : node ? *node->as_array() : none) {
        mounts m{c, element, std::move(list)};
        try {
            add_element(&m, element);
        } catch (const toml_failure &) {
            if (!optional)
                throw;
        }
        list = std::move(m.list);
    }
    read_writable(c, component, &list);
    return toml_cstrs(list);
}

/* The module at `source` belongs to somebody's grants: no guest may write it. */
static bool holds(const std::string &mount, const std::string &source)
{
    std::string path = mount.substr(0, mount.find('\t'));
    std::size_t end = mount.size() >= 3 ? mount.size() - 3 : 0;

    return mount.compare(end, std::string::npos, "\trw") == 0 &&
           (source == path || source.compare(0, path.size() + 1, path + "/") == 0);
}

void manifest_check_writable(const toml_document &doc, const struct manifest *m)
{
    for (std::size_t i = 0; i < m->component_count; i++)
        for (char **mount = m->components[i]->files; mount && *mount; mount++)
            for (std::size_t k = 0; k < m->component_count; k++)
                if (m->components[k]->source && holds(*mount, m->components[k]->source))
                    toml_fail(doc, doc.root.source(),
                              std::string("component '") + m->components[i]->id +
                                  "': what is 'writable' holds the module of component '" +
                                  m->components[k]->id + "'");
}
