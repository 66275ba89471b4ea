/* The files of the page, built into the program. */
#ifndef BOBBIN_CLI_EXPLORE_ASSETS_H
#define BOBBIN_CLI_EXPLORE_ASSETS_H

#include <stddef.h>

struct asset {
    const char *path; /* as in a URL, "/app.js" */
    const char *type;
    const unsigned char *bytes;
    size_t len;
};

/* NULL: there is none. */
const struct asset *asset_find(const char *path);

#endif
