/* Limits of the protocol: everything that a peer can make grow has a name here. */
#ifndef BOBBIN_PROTOCOL_LIMITS_H
#define BOBBIN_PROTOCOL_LIMITS_H

#define PROTOCOL_VERSION 1

/* A request or notification as a whole, in bytes. */
#define LIMIT_MESSAGE (32u << 20)
/* A response as a whole. Larger than a request: a file may hold values that were written before
 * Bobbin's own limits applied to it, and those stay readable. */
#define LIMIT_RESULT (128u << 20)
#define LIMIT_RESPONSE (LIMIT_RESULT + (1u << 20))
/* Nesting of arrays and maps inside one message, the message's own array included. */
#define LIMIT_DEPTH 16
/* The name of a method, in bytes. */
#define LIMIT_METHOD 64
/* A key and a value to be written, in bytes. */
#define LIMIT_KEY 2048u
#define LIMIT_VALUE (16u << 20)
/* A store's label and an app's name, in bytes. */
#define LIMIT_LABEL 256u
#define LIMIT_NAME 128u
/* The keys on one page of a listing: when not asked for, and at most. */
#define LIMIT_PAGE_DEFAULT 1000u
#define LIMIT_PAGE 10000u
/* The bytes of keys on one page: a page may end before `limit` keys. */
#define LIMIT_PAGE_BYTES (4u << 20)
/* Requests of one connection that are not answered yet; the bytes they hold; the bytes of answers
 * that the peer has not read yet. Beyond any of them the daemon stops reading that connection. */
#define LIMIT_INFLIGHT 1024u
#define LIMIT_INFLIGHT_BYTES (64u << 20)
#define LIMIT_UNREAD_BYTES (16u << 20)
/* Connections of the whole daemon, and apps that can be registered. */
#define LIMIT_CONNECTIONS 10000u
#define LIMIT_APPS 10000u

#endif
