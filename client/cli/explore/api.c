#include "client/cli/explore/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/bytes.h"

static const struct {
    const char *name;
    api_fn *run;
} calls[] = {
    {"overview", api_overview}, {"app", api_app},       {"action", api_action},
    {"logs", api_logs},         {"events", api_events}, {"trace", api_trace},
    {"stores", api_stores},     {"entries", api_entries}, {"entry", api_entry},
    {"put", api_put},           {"delete", api_delete}, {"expire", api_expire},
    {"download", api_download},
};

void api_answer(struct api_call *call, json_t *document)
{
    json_decref(call->out);
    call->out = document;
    call->status = document ? 200 : 500;
}

void api_error(struct api_call *call, int status, const char *code, const char *format, ...)
{
    char text[600];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    json_decref(call->out);
    call->out = bytes_error_document(code, text);
    call->status = status;
}

static int http_status(bobbin_status status)
{
    switch (status) {
    case BOBBIN_NO_SUCH_APP:
    case BOBBIN_NO_SUCH_STORE:
        return 404;
    case BOBBIN_ACCESS_DENIED:
        return 403;
    case BOBBIN_STALE:
        return 409;
    case BOBBIN_TOO_LARGE:
        return 413;
    case BOBBIN_BUSY:
    case BOBBIN_SHUTTING_DOWN:
        return 503;
    case BOBBIN_CANNOT_CONNECT:
    case BOBBIN_DISCONNECTED:
    case BOBBIN_TIMED_OUT:
        return 502;
    case BOBBIN_INVALID_REQUEST:
    case BOBBIN_WRONG_TYPE:
    case BOBBIN_QUOTA_EXCEEDED:
    case BOBBIN_MISUSE:
        return 422;
    default:
        return 500;
    }
}

void api_failed(struct api_call *call, bobbin_status status)
{
    const char *reason = call->b ? bobbin_error(call->b) : "";

    api_error(call, http_status(status), bobbin_status_name(status), "%s",
              reason[0] ? reason : bobbin_status_name(status));
}

const char *api_text(const struct api_call *call, const char *name)
{
    const json_t *value = json_object_get(call->in, name);
    const char *text = json_string_value(value);

    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

int64_t api_number(const struct api_call *call, const char *name)
{
    return json_integer_value(json_object_get(call->in, name));
}

bool api_bytes(struct api_call *call, const char *name, bobbin_string *ret)
{
    char reason[200];
    const char *wrong =
        bytes_json_get(call->in, name, &call->arena, ret, reason, sizeof(reason));

    if (!wrong && ret->data)
        return true;
    api_error(call, 422, "invalid-request", "%s: %s", name, wrong ? wrong : "it is missing");
    return false;
}

bool api_attach(struct api_call *call)
{
    const char *app = api_text(call, "app");
    bobbin_status status;

    if (!app) {
        api_error(call, 422, "invalid-request", "app: it is missing");
        return false;
    }
    status = bobbin_attach(call->b, app);
    if (status != BOBBIN_OK)
        api_failed(call, status);
    return status == BOBBIN_OK;
}

static void run(struct api_call *call, api_fn *fn, const char *socket)
{
    bobbin_status status = bobbin_connect_within(socket, API_PATIENCE_MS, &call->b);

    if (status == BOBBIN_OK)
        status = bobbin_set_timeout(call->b, API_PATIENCE_MS);
    if (status == BOBBIN_OK)
        fn(call);
    else
        api_failed(call, status);
}

static api_fn *find(const char *name)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (strcmp(calls[i].name, name) == 0)
            return calls[i].run;
    return NULL;
}

void api_run(struct api_call *call, const char *socket, const char *name, const char *body,
             size_t len)
{
    api_fn *fn = find(name);
    json_t *in = json_loadb(body, len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);

    memset(call, 0, sizeof(*call));
    call->in = in;
    if (!fn)
        api_error(call, 404, "unknown-method", "there is no call '%s'", name);
    else if (!json_is_object(in))
        api_error(call, 422, "invalid-request", "the body is not a JSON object");
    else
        run(call, fn, socket);
    json_decref(in);
    call->in = NULL;
}

void api_fini(struct api_call *call)
{
    json_decref(call->out);
    arena_fini(&call->arena);
    bobbin_free(call->bytes);
    bobbin_close(call->b);
}
