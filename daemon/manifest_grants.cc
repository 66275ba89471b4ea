#include "daemon/manifest_grants.hh"

#include <cstdlib>
#include <grp.h>
#include <new>
#include <pwd.h>

/* A name service's entry is no larger. */
static constexpr std::size_t entry_max = 1u << 16;

static bool find_user(const char *name, uid_t *ret)
{
    std::vector<char> buffer(entry_max);
    struct passwd entry, *found = nullptr;

    if (getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return false;
    *ret = entry.pw_uid;
    return true;
}

static bool find_group(const char *name, gid_t *ret)
{
    std::vector<char> buffer(entry_max);
    struct group entry, *found = nullptr;

    if (getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return false;
    *ret = entry.gr_gid;
    return true;
}

/* The last number stands for "none". */
static uid_t read_one(const toml_document &doc, const toml::node &node, const char *key,
                      const char *what, bool (*find)(const char *name, uid_t *ret))
{
    uid_t id;

    if (const auto *number = node.as_integer()) {
        if (number->get() < 0 || number->get() >= UINT32_MAX)
            toml_fail_type(doc, node, key, "an array of names and numbers");
        return static_cast<uid_t>(number->get());
    }
    std::string name = toml_string_at(doc, node, key, "an array of names and numbers");
    if (!find(name.c_str(), &id))
        toml_fail(doc, node.source(), std::string("there is no ") + what + " '" + name + "'");
    return id;
}

static void read_ids(const toml_document &doc, const toml::table &tool, const char *key,
                     const char *what, bool (*find)(const char *name, uid_t *ret), uid_t **ret,
                     std::size_t *ret_count)
{
    const toml::node *node = tool.get(key);

    if (!node)
        return;
    const toml::array *list = node->as_array();
    if (!list)
        toml_fail_type(doc, *node, key, "an array of names and numbers");
    if (list->size() > MANIFEST_ALLOW_MAX)
        toml_fail(doc, node->source(),
                  std::string("'") + key + "' has more than " + std::to_string(MANIFEST_ALLOW_MAX) +
                      " elements");
    *ret = static_cast<uid_t *>(std::calloc(list->size() + 1, sizeof(uid_t)));
    if (!*ret)
        throw std::bad_alloc();
    for (const toml::node &element : *list)
        (*ret)[(*ret_count)++] = read_one(doc, element, key, what, find);
}

void manifest_grants(const toml_document &doc, const toml::table &tool, struct manifest *m)
{
    static_assert(sizeof(uid_t) == sizeof(gid_t), "one reader serves both");
    read_ids(doc, tool, "allow_users", "user", find_user, &m->allow_users, &m->allow_user_count);
    read_ids(doc, tool, "allow_groups", "group", find_group, &m->allow_groups,
             &m->allow_group_count);
}
