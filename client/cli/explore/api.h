/* What the page asks for: POST /api/NAME with a JSON object, answered by one, over a connection to
 * the daemon of its own. Called on any thread. */
#ifndef BOBBIN_CLI_EXPLORE_API_H
#define BOBBIN_CLI_EXPLORE_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "client/cli/arena.h"
#include "client/include/bobbin.h"

/* Bytes of a value that are shown; the rest is there to be downloaded. */
#define API_SHOWN (256u << 10)
/* Of each value in a listing. */
#define API_PREVIEW 200u
/* The largest value that is handed out for a download. */
#define API_DOWNLOAD (64u << 20)
/* How long the daemon may take for an answer. */
#define API_PATIENCE_MS 20000u

/* One call under way. */
struct api_call {
    const json_t *in;   /* the question, an object */
    struct arena arena; /* bytes of the question; freed with the call */
    bobbin *b;          /* connected */
    json_t *out;        /* the answer, or an error document; owned */
    int status;         /* HTTP's */
    void *bytes;        /* of a download, in place of `out`; to be freed with bobbin_free */
    size_t len;
};

/* Take a question. Afterwards the answer is in `call`; free it with api_fini. `body` need not be
 * JSON. */
void api_run(struct api_call *call, const char *socket, const char *name, const char *body,
             size_t len);
void api_fini(struct api_call *call);

/* For the handlers, each of which sets an answer or an error. */
typedef void api_fn(struct api_call *call);
api_fn api_overview, api_app, api_action, api_logs, api_events, api_trace;
api_fn api_stores, api_entries, api_entry, api_put, api_delete, api_expire, api_download;

/* Takes over the document. */
void api_answer(struct api_call *call, json_t *document);
void api_error(struct api_call *call, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What the library said. */
void api_failed(struct api_call *call, bobbin_status status);
/* A text of the question without NUL; NULL: it is not there. */
const char *api_text(const struct api_call *call, const char *name);
/* A number of the question, or 0. */
int64_t api_number(const struct api_call *call, const char *name);
/* Bytes of the question, NAME or NAME_base64. False: an error was set. */
bool api_bytes(struct api_call *call, const char *name, bobbin_string *ret);
/* Attach to the question's app. False: an error was set. */
bool api_attach(struct api_call *call);

#endif
