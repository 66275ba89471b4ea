/* A command line in one string, split into words as in a unit's ExecStart=. */
#ifndef BOBBIN_DAEMON_MANIFEST_WORDS_HH
#define BOBBIN_DAEMON_MANIFEST_WORDS_HH

#include <string>
#include <string_view>
#include <vector>

/* Words are separated by white space. Single and double quotes hold together what is between them
 * and go; a backslash, also within quotes, begins one of \\ \" \' \a \b \f \n \r \t \v \s (a
 * space), \xNN and \NNN (octal). No shell: no variables, patterns or redirections.
 *
 * Returns "" or what is wrong with the text. */
std::string manifest_words(std::string_view text, std::vector<std::string> *ret);

#endif
