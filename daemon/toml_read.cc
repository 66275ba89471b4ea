#include "daemon/toml_read.hh"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

static std::string printable(std::string text)
{
    for (char &c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return text;
}

void toml_fail(const toml_document &doc, const toml::source_region &where,
               const std::string &message)
{
    std::string text = doc.path;

    if (where.begin.line > 0)
        text += ":" + std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column);
    throw toml_failure{printable(text + ": " + message)};
}

void toml_fail_type(const toml_document &doc, const toml::node &node, std::string_view key,
                    const char *what)
{
    toml_fail(doc, node.source(),
              std::string("expected ") + what + " for '" + std::string(key) + "'");
}

const char *toml_reason(const std::exception &exception)
{
    return dynamic_cast<const std::bad_alloc *>(&exception) ? "out of memory" : exception.what();
}

toml_document toml_parse(const std::string &path, const std::string &bytes)
{
    toml_document doc{path, {}};

    try {
        doc.root = toml::parse(bytes);
    } catch (const toml::parse_error &error) {
        toml_fail(doc, error.source(), std::string(error.description()));
    }
    return doc;
}

const toml::source_region &toml_key_region(const toml::key &key, const toml::node &value)
{
    return key.source().begin.line > 0 ? key.source() : value.source();
}

/* Levenshtein's distance, with two rows of the matrix. */
static std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);

    for (std::size_t j = 0; j <= b.size(); j++)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); i++) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); j++) {
            std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row[b.size()];
}

/* The known name that is nearest, or an empty one when none is near. */
static std::string_view nearest(std::string_view name,
                                const std::vector<std::string_view> &known)
{
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;

    if (name.size() > 64)
        return best;
    for (std::string_view k : known) {
        std::size_t d = distance(name, k);
        if (d < best_distance) {
            best_distance = d;
            best = k;
        }
    }
    return best;
}

void toml_check_keys(const toml_document &doc, const toml::table &table,
                     const std::vector<std::string_view> &known)
{
    for (const auto &[key, value] : table) {
        if (std::find(known.begin(), known.end(), key.str()) != known.end())
            continue;
        std::string message = "unknown key '" + std::string(key.str()) + "'";
        std::string_view meant = nearest(key.str(), known);
        if (!meant.empty())
            message += "; did you mean '" + std::string(meant) + "'?";
        toml_fail(doc, toml_key_region(key, value), message);
    }
}

std::string toml_string_at(const toml_document &doc, const toml::node &node, std::string_view key,
                           const char *what)
{
    const auto *value = node.as_string();

    if (!value)
        toml_fail_type(doc, node, key, what);
    if (value->get().find('\0') != std::string::npos)
        toml_fail(doc, node.source(), "'" + std::string(key) + "' contains a NUL character");
    return value->get();
}

bool toml_string(const toml_document &doc, const toml::table &table, std::string_view key,
                 std::string *ret)
{
    const toml::node *node = table.get(key);

    if (!node)
        return false;
    *ret = toml_string_at(doc, *node, key, "a string");
    return true;
}

bool toml_strings(const toml_document &doc, const toml::table &table, std::string_view key,
                  std::vector<std::string> *ret)
{
    const toml::node *node = table.get(key);
    std::vector<std::string> strings;

    if (!node)
        return false;
    if (!node->is_array())
        toml_fail_type(doc, *node, key, "an array of strings");
    for (const toml::node &element : *node->as_array())
        strings.push_back(toml_string_at(doc, element, key, "an array of strings"));
    *ret = std::move(strings);
    return true;
}

bool toml_integer(const toml_document &doc, const toml::table &table, std::string_view key,
                  std::uint32_t min, std::uint32_t max, std::uint32_t *ret)
{
    const toml::node *node = table.get(key);

    if (!node)
        return false;
    const auto *value = node->as_integer();
    if (!value || value->get() < min || value->get() > max) {
        std::string what = "an integer from " + std::to_string(min) + " to " + std::to_string(max);
        toml_fail_type(doc, *node, key, what.c_str());
    }
    *ret = static_cast<std::uint32_t>(value->get());
    return true;
}

static const struct {
    std::string_view name;
    double ms;
} units[] = {
    {"ms", 1},         {"msec", 1},        {"", 1000},         {"s", 1000},
    {"sec", 1000},     {"second", 1000},   {"seconds", 1000},  {"m", 60000},
    {"min", 60000},    {"minute", 60000},  {"minutes", 60000}, {"h", 3600000},
    {"hr", 3600000},   {"hour", 3600000},  {"hours", 3600000}, {"d", 86400000},
    {"day", 86400000}, {"days", 86400000},
};

static std::string_view take(std::string_view *text, const char *set)
{
    std::size_t n = std::min(text->find_first_not_of(set), text->size());
    std::string_view taken = text->substr(0, n);

    text->remove_prefix(n);
    return taken;
}

double toml_parse_duration(std::string_view text)
{
    double sum = 0;

    take(&text, " ");
    if (text.empty())
        return -1;
    while (!text.empty()) {
        std::string number(take(&text, "0123456789."));
        take(&text, " ");
        std::string_view name = take(&text, "abcdefghijklmnopqrstuvwxyz");
        take(&text, " ");
        auto unit = std::find_if(std::begin(units), std::end(units),
                                 [&](const auto &u) { return u.name == name; });
        /* At most one point, and a digit before it; the daemon never changes its locale. */
        if (number.empty() || number[0] == '.' || unit == std::end(units) ||
            std::count(number.begin(), number.end(), '.') > 1)
            return -1;
        sum += std::strtod(number.c_str(), nullptr) * unit->ms;
    }
    return sum;
}

bool toml_duration_ms(const toml_document &doc, const toml::table &table, std::string_view key,
                      std::uint32_t *ret)
{
    const toml::node *node = table.get(key);
    double ms = -1;

    if (!node)
        return false;
    if (const auto *seconds = node->as_integer())
        ms = static_cast<double>(seconds->get()) * 1000;
    else if (const auto *fraction = node->as_floating_point())
        ms = fraction->get() * 1000;
    else if (const auto *text = node->as_string())
        ms = toml_parse_duration(text->get());
    if (!(ms >= 0 && ms <= UINT32_MAX)) /* in this form also for NaN */
        toml_fail_type(
            doc, *node, key,
            "a time (a number of seconds, or a string such as \"100ms\", \"5s\", \"2min\")");
    *ret = static_cast<std::uint32_t>(std::lround(ms));
    return true;
}

/* Bytes, or a negative number for what is not a size. */
static double parse_bytes(std::string_view text)
{
    static const std::string_view letters = "KMGT";
    std::string number(take(&text, "0123456789."));
    double unit = 1;

    take(&text, " ");
    if (number.empty() || number[0] == '.' || std::count(number.begin(), number.end(), '.') > 1)
        return -1;
    std::size_t power = text.empty() ? letters.npos : letters.find(text[0]);
    if (power != letters.npos) {
        text.remove_prefix(1);
        for (std::size_t i = 0; i <= power; i++)
            unit *= 1024;
        if (!text.empty() && text[0] == 'i')
            text.remove_prefix(1);
    }
    if (!text.empty() && text != "B")
        return -1;
    return std::strtod(number.c_str(), nullptr) * unit;
}

bool toml_bytes(const toml_document &doc, const toml::table &table, std::string_view key,
                std::uint64_t *ret)
{
    const toml::node *node = table.get(key);
    double bytes = -1;

    if (!node)
        return false;
    if (const auto *number = node->as_integer())
        bytes = static_cast<double>(number->get());
    else if (const auto *text = node->as_string())
        bytes = parse_bytes(text->get());
    if (!(bytes >= 0 && bytes <= 9e15)) /* as far as a double counts in ones */
        toml_fail_type(doc, *node, key,
                       "a size (a number of bytes, or a string such as \"64M\", \"1G\")");
    *ret = static_cast<std::uint64_t>(bytes);
    return true;
}

bool toml_choice(const toml_document &doc, const toml::table &table, std::string_view key,
                 std::initializer_list<std::string_view> words, unsigned *ret)
{
    std::string word, list;
    unsigned n = 0;

    if (!toml_string(doc, table, key, &word))
        return false;
    for (std::string_view known : words) {
        if (word == known) {
            *ret = n;
            return true;
        }
        list += std::string(n == 0 ? "" : n + 1 == words.size() ? " or " : ", ") + '"' +
                std::string(known) + '"';
        n++;
    }
    toml_fail_type(doc, *table.get(key), key, list.c_str());
}

const toml::table *toml_table(const toml_document &doc, const toml::table &table,
                              std::string_view key)
{
    const toml::node *node = table.get(key);

    if (!node)
        return nullptr;
    if (!node->is_table())
        toml_fail_type(doc, *node, key, "a table");
    return node->as_table();
}

char *toml_cstr(const std::string &s)
{
    char *copy = strdup(s.c_str());

    if (!copy)
        throw std::bad_alloc();
    return copy;
}

char **toml_cstrs(const std::vector<std::string> &v)
{
    auto **copy = static_cast<char **>(std::calloc(v.size() + 1, sizeof(char *)));

    if (!copy)
        throw std::bad_alloc();
    for (std::size_t i = 0; i < v.size(); i++) {
        copy[i] = strdup(v[i].c_str());
        if (copy[i])
            continue;
        while (i-- > 0)
            std::free(copy[i]);
        std::free(copy);
        throw std::bad_alloc();
    }
    return copy;
}
