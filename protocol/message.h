/* MessagePack-RPC envelopes: [0, id, method, params], [1, id, error, result], [2, method, params].
 */
#ifndef BOBBIN_PROTOCOL_MESSAGE_H
#define BOBBIN_PROTOCOL_MESSAGE_H

#include <msgpack/pack.h>

#include "protocol/buffer.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

enum message_kind { MESSAGE_REQUEST = 0, MESSAGE_RESPONSE = 1, MESSAGE_NOTIFICATION = 2 };

struct message {
    enum message_kind kind;
    uint32_t id;          /* request and response */
    struct slice method;  /* request and notification */
    uint32_t param_count; /* request and notification: elements of the params array */
    struct reader params; /* request and notification: at the first element of params */
    bool is_error;        /* response: error is not nil */
    struct slice code;    /* response with an error: its wire name … */
    struct slice text;    /* … and its text */
    struct reader result; /* response without error: at the result */
};

/* Take one whole message apart, strictly: nothing missing, nothing of another type, nothing behind
 * it. 0, or ERR_INVALID_REQUEST with the reason in *e. In either case *ret_has_id says whether this
 * is a request (or the beginning of one) with an id, which is then in *ret_id. */
int message_read(const void *bytes, size_t len, struct message *ret, uint32_t *ret_id,
                 bool *ret_has_id, struct error *e);

/* The id of a request from the first bytes of a message that may be incomplete or broken behind it
 * ([0, id, …), so that it can be answered all the same. False when there is none. */
bool message_peek_id(const void *bytes, size_t len, uint32_t *ret_id);

/* The writers append to `b`; allocation failures stick in it. */

/* Begin a request: the caller packs an array of params next. */
void message_write_request(struct buffer *b, uint32_t id, const char *method);
/* Begin a response without error: the caller packs the result next. */
void message_write_result(struct buffer *b, uint32_t id);
/* Whole responses without error. */
void message_write_nil(struct buffer *b, uint32_t id);
void message_write_bool(struct buffer *b, uint32_t id, bool result);
void message_write_bin(struct buffer *b, uint32_t id, struct slice result);
/* A whole response with an error; text NULL or "" means the code's general text. What is not UTF-8
 * in the text (a name from a peer, say) is replaced, because MessagePack strings have to be. */
void message_write_error(struct buffer *b, uint32_t id, int code, const char *text);
/* Begin a notification: the caller packs an array of params next. */
void message_write_notification(struct buffer *b, const char *method);

/* msgpack-c's packer over a buffer; the packer holds the address of `b`. */
void pack_init(msgpack_packer *pk, struct buffer *b);
/* These need a packer of pack_init. More bytes than MessagePack can express fail the buffer. */
void pack_cstr(msgpack_packer *pk, const char *text);
void pack_slice_str(msgpack_packer *pk, struct slice s);
void pack_slice_bin(msgpack_packer *pk, struct slice s);

#endif
