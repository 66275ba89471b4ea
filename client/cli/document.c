#include "client/cli/document.h"

json_t *document_of_event(const bobbin_event *e)
{
    return json_pack("{s:I, s:I, s:s, s:s, s:s?, s:i, s:s, s:s}", "number", (json_int_t)e->number,
                     "time", (json_int_t)e->time_ms, "app", e->app, "directory", e->directory,
                     "component", e->component, "instance", (int)e->instance, "event", e->event,
                     "text", e->text);
}

json_t *document_of_traced(const bobbin_traced *t)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:s?, s:I, s:s, s:s, s:s, s:I, s:I, s:I, s:s?}", "number",
                     (json_int_t)t->number, "time", (json_int_t)t->time_ms, "connection",
                     (json_int_t)t->connection, "request", (json_int_t)t->request, "component",
                     t->component, "pid", (json_int_t)t->pid, "method", t->method, "store", t->store,
                     "key", t->key, "in", (json_int_t)t->in, "out", (json_int_t)t->out, "ns",
                     (json_int_t)t->ns, "error", t->error);
}
