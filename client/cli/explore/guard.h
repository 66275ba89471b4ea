/* Who may use the web view: the browser that opened the printed link, and no page but ours in it.
 *
 * The link holds a token that is good once and for a short time. What it is exchanged for are two
 * secrets: a cookie that scripts cannot read and other sites' pages do not cause to be sent, and a
 * key that our page keeps and sends in a header of its own. Cookies are shared by all ports of a
 * host, so that another server on this machine could be sent the first; it cannot get the second. */
#ifndef BOBBIN_CLI_EXPLORE_GUARD_H
#define BOBBIN_CLI_EXPLORE_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* How long a link is good. */
#define GUARD_TOKEN_MS (5 * 60 * 1000)
/* 32 bytes in hexadecimal digits. */
#define GUARD_SECRET 65

struct guard {
    uint16_t port;
    char cookie_name[32];
    char cookie[GUARD_SECRET];
    char key[GUARD_SECRET];
    pthread_mutex_t mutex;     /* over the two below */
    char token[GUARD_SECRET];  /* "": it has been used */
    int64_t token_until_ms;    /* by a clock that only goes forward */
};

/* What a browser sent along; NULL: it did not. */
struct guard_request {
    const char *host;
    const char *origin;
    const char *fetch_site; /* Sec-Fetch-Site */
    const char *cookie;     /* the header as a whole */
    const char *key;        /* X-Bobbin-Key */
};

/* New secrets, but no token yet. 0, or -1 with errno. */
int guard_init(struct guard *g, uint16_t port);
void guard_fini(struct guard *g);
/* Another token in the place of the one before. 0, or -1 with errno. */
int guard_renew(struct guard *g, int64_t now_ms);

/* Whether the text is the token, which is then used up. */
bool guard_take_token(struct guard *g, const char *text, int64_t now_ms);
/* Whether the Host header names this server, as our links do: others may lead here through a name
 * server that lies. */
bool guard_host(const struct guard *g, const struct guard_request *r);
/* Whether the cookie is there. For files that hold no secret. */
bool guard_cookie(const struct guard *g, const struct guard_request *r);
/* Whether it is our own page that asks. For everything else. */
bool guard_page(const struct guard *g, const struct guard_request *r);

#endif
