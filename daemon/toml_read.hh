/* Reading TOML with errors that name file, line and column: shared by manifest and configuration.
 *
 * Throws toml_failure (and std::bad_alloc); the C interfaces above catch at their border. Strings
 * handed out never contain a NUL byte, so that they can become C strings. */
#ifndef BOBBIN_DAEMON_TOML_READ_HH
#define BOBBIN_DAEMON_TOML_READ_HH

#include <cstdint>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

/* The text is for people, complete: "/srv/x/spin.toml:7:3: expected …". */
struct toml_failure {
    std::string text;
};

/* A file's contents, parsed. */
struct toml_document {
    std::string path; /* for messages */
    toml::table root;
};

toml_document toml_parse(const std::string &path, const std::string &bytes);

/* The failure at a place in the document. Control characters in the message become '?'. */
[[noreturn]] void toml_fail(const toml_document &doc, const toml::source_region &where,
                            const std::string &message);
/* "expected WHAT for 'KEY'" at the node. */
[[noreturn]] void toml_fail_type(const toml_document &doc, const toml::node &node,
                                 std::string_view key, const char *what);

/* What an exception that is not toml_failure says to people. */
const char *toml_reason(const std::exception &exception);

/* Fails on the first key that is not in the list, naming the one that may have been meant. */
void toml_check_keys(const toml_document &doc, const toml::table &table,
                     const std::vector<std::string_view> &known);

/* The typed getters return false and leave *ret alone when the key is not there. */
bool toml_string(const toml_document &doc, const toml::table &table, std::string_view key,
                 std::string *ret);
bool toml_strings(const toml_document &doc, const toml::table &table, std::string_view key,
                  std::vector<std::string> *ret);
bool toml_integer(const toml_document &doc, const toml::table &table, std::string_view key,
                  std::uint32_t min, std::uint32_t max, std::uint32_t *ret);
/* A number of seconds, or a string as systemd writes times: "100ms", "5s", "2min", "1min 30s". */
bool toml_duration_ms(const toml_document &doc, const toml::table &table, std::string_view key,
                      std::uint32_t *ret);
/* A number of bytes, or a string with a unit of 1024s: "64M", "1.5G", "512 KiB". */
bool toml_bytes(const toml_document &doc, const toml::table &table, std::string_view key,
                std::uint64_t *ret);
/* One of the words, as its number in the list. */
bool toml_choice(const toml_document &doc, const toml::table &table, std::string_view key,
                 std::initializer_list<std::string_view> words, unsigned *ret);
/* Milliseconds as toml_duration_ms reads them from a string; negative for what is no time. */
double toml_parse_duration(std::string_view text);
/* NULL when the key is not there. */
const toml::table *toml_table(const toml_document &doc, const toml::table &table,
                              std::string_view key);
/* A string without NUL, at a node that may be an array's element; `key` is for the message. */
std::string toml_string_at(const toml_document &doc, const toml::node &node, std::string_view key,
                           const char *what);

/* "line:column" of the key itself, where toml++ knows it. */
const toml::source_region &toml_key_region(const toml::key &key, const toml::node &value);

/* Copies as malloc makes them, for structures of C. */
char *toml_cstr(const std::string &s);
char **toml_cstrs(const std::vector<std::string> &v);

#endif
