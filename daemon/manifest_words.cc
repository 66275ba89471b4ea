#include "daemon/manifest_words.hh"

#include <cstring>

/* The digits at the front as a number; false unless there are `count` of them. */
static bool take_number(std::string_view *text, std::size_t count, unsigned base, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    unsigned value = 0;

    if (text->size() < count)
        return false;
    for (std::size_t i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c >= 'A' && c <= 'F')
            c = static_cast<char>(c - 'A' + 'a');
        const void *at = std::memchr(digits, c, base);
        if (!at)
            return false;
        value = value * base + static_cast<unsigned>(static_cast<const char *>(at) - digits);
    }
    if (value == 0 || value > 0xff)
        return false;
    text->remove_prefix(count);
    *ret = static_cast<char>(value);
    return true;
}

/* The character that the escape behind a backslash stands for. */
static bool take_escape(std::string_view *text, char *ret)
{
    static const char names[] = "\\\"'abfnrtvs", values[] = "\\\"'\a\b\f\n\r\t\v ";

    if (text->empty())
        return false;
    char c = text->front();
    if (c >= '0' && c <= '7')
        return take_number(text, 3, 8, ret);
    text->remove_prefix(1);
    if (c == 'x')
        return take_number(text, 2, 16, ret);
    const void *at = std::memchr(names, c, sizeof(names) - 1);
    if (!at)
        return false;
    *ret = values[static_cast<const char *>(at) - names];
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string manifest_words(std::string_view text, std::vector<std::string> *ret)
{
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = 0;

    while (!text.empty()) {
        char c = text.front();
        text.remove_prefix(1);
        if (!quote && is_space(c)) {
            if (in_word)
                words.push_back(std::move(word));
            word.clear();
            in_word = false;
            continue;
        }
        in_word = true; /* also by an empty pair of quotes */
        if (c == '\\') {
            if (!take_escape(&text, &c))
                return "unknown escape sequence behind a backslash (a backslash itself is \\\\)";
            word += c;
        } else if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? static_cast<char>(0) : c;
        } else {
            word += c;
        }
    }
    if (quote)
        return std::string("a quote (") + quote + ") is not closed";
    if (in_word)
        words.push_back(std::move(word));
    *ret = std::move(words);
    return "";
}
