/* libmicrohttpd, loaded when the first listener needs it: with what it brings along it takes two megabytes
 * of memory, which a daemon without metrics need not have. */
#ifndef BOBBIN_DAEMON_HTTP_LIBRARY_H
#define BOBBIN_DAEMON_HTTP_LIBRARY_H

#include <microhttpd.h>

#include "protocol/errors.h"

/* What is used of it: X(function) */
#define HTTP_LIBRARY_LIST(X)                                                                       \
    X(MHD_start_daemon)                                                                            \
    X(MHD_stop_daemon)                                                                             \
    X(MHD_get_daemon_info)                                                                         \
    X(MHD_lookup_connection_value)                                                                 \
    X(MHD_create_response_from_buffer)                                                             \
    X(MHD_add_response_header)                                                                     \
    X(MHD_queue_response)                                                                          \
    X(MHD_destroy_response)

/* Pointers to its functions, by their names. */
struct http_library {
#define X(name) __typeof__(&name) name;
    HTTP_LIBRARY_LIST(X)
#undef X
};

/* It stays loaded until the process ends. ERR_OTHER with the loader's reason. */
int http_library_load(struct http_library *ret, struct error *e);

#endif
