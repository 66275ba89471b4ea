/* UTF-8 as Unicode defines it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef BOBBIN_PROTOCOL_UTF8_H
#define BOBBIN_PROTOCOL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are well-formed UTF-8. No bytes are. */
bool utf8_valid(const char *bytes, size_t len);

/* The bytes of the well-formed character at the front, 1 to 4; 0 if there is none. */
size_t utf8_character(const char *bytes, size_t len);

#endif
