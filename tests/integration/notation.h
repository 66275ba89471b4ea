/* MessagePack values as short texts, so that tests of the wire can be read: nil, true, 5, 'a str',
 * b'a bin', ['an', 'array'], {'a': 'map'}. \xHH in quotes is a byte. */
#ifndef BOBBIN_TESTS_NOTATION_H
#define BOBBIN_TESTS_NOTATION_H

#include <msgpack/pack.h>

#include "protocol/buffer.h"
#include "protocol/reader.h"

/* Pack the one value that the text is; the test fails where it is none. */
void notation_pack(msgpack_packer *pk, const char *text);

/* Append the next value as text, bytes that are not printable as \xHH. */
void notation_show(struct reader *r, struct buffer *ret);

#endif
