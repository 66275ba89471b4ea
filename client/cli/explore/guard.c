#include "client/cli/explore/guard.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int make_secret(char text[GUARD_SECRET])
{
    unsigned char bytes[(GUARD_SECRET - 1) / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -1;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

int guard_init(struct guard *g, uint16_t port)
{
    memset(g, 0, sizeof(*g));
    g->port = port;
    snprintf(g->cookie_name, sizeof(g->cookie_name), "bobbin_explore_%u", port);
    pthread_mutex_init(&g->mutex, NULL);
    return make_secret(g->cookie) || make_secret(g->key) ? -1 : 0;
}

void guard_fini(struct guard *g)
{
    pthread_mutex_destroy(&g->mutex);
    explicit_bzero(g, sizeof(*g));
}

int guard_renew(struct guard *g, int64_t now_ms)
{
    int rc;

    pthread_mutex_lock(&g->mutex);
    rc = make_secret(g->token);
    g->token_until_ms = now_ms + GUARD_TOKEN_MS;
    if (rc)
        g->token[0] = '\0';
    pthread_mutex_unlock(&g->mutex);
    return rc;
}

/* In a time that tells nothing of where they differ. */
static bool same(const char *secret, const char *text, size_t len)
{
    unsigned char difference = 0;

    if (len != GUARD_SECRET - 1)
        return false;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(secret[i] ^ text[i]);
    return difference == 0;
}

bool guard_take_token(struct guard *g, const char *text, int64_t now_ms)
{
    bool good;

    pthread_mutex_lock(&g->mutex);
    good = text && g->token[0] && now_ms < g->token_until_ms && same(g->token, text, strlen(text));
    if (good)
        explicit_bzero(g->token, sizeof(g->token));
    pthread_mutex_unlock(&g->mutex);
    return good;
}

/* "127.0.0.1:PORT" or "localhost:PORT". */
static bool is_ours(const struct guard *g, const char *host)
{
    char own[40];

    snprintf(own, sizeof(own), "127.0.0.1:%u", g->port);
    if (strcmp(host, own) == 0)
        return true;
    snprintf(own, sizeof(own), "localhost:%u", g->port);
    return strcmp(host, own) == 0;
}

bool guard_host(const struct guard *g, const struct guard_request *r)
{
    return r->host && is_ours(g, r->host);
}

bool guard_cookie(const struct guard *g, const struct guard_request *r)
{
    size_t name = strlen(g->cookie_name);

    /* Others of this host come along, and their order is anybody's. */
    for (const char *p = r->cookie; p && *p; p += strcspn(p, ";")) {
        p += strspn(p, "; ");
        if (strncmp(p, g->cookie_name, name) == 0 && p[name] == '=' &&
            same(g->cookie, p + name + 1, strcspn(p + name + 1, "; ")))
            return true;
    }
    return false;
}

bool guard_page(const struct guard *g, const struct guard_request *r)
{
    /* The page is reached by one name and asks by the same. */
    bool own_origin = r->origin && strncmp(r->origin, "http://", 7) == 0 && r->host &&
                      strcmp(r->origin + 7, r->host) == 0;
    bool own_site = !r->fetch_site || strcmp(r->fetch_site, "same-origin") == 0;

    return guard_host(g, r) && own_origin && own_site && guard_cookie(g, r) && r->key &&
           same(g->key, r->key, strlen(r->key));
}
