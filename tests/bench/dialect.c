#include "dialect.h"

#include <stdarg.h>
#include <stdio.h>

int template_init(struct template *t, const struct dialect *d, enum op op,
                  const struct shape *shape, struct error *e)
{
    *t = (struct template){0};
    buffer_init(&t->bytes);
    d->build(t, op, shape);
    if (!t->bytes.failed)
        return 0;
    template_fini(t);
    return error_set(e, ERR_OTHER, "out of memory");
}

void template_fini(struct template *t)
{
    buffer_fini(&t->bytes);
}

void template_text(struct template *t, const char *format, ...)
{
    char text[256];
    va_list args;
    int n;
    va_start(args, format);
    n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_append(&t->bytes, text, (size_t)n);
}

static void template_hole(struct template *t, size_t len)
{
    if (buffer_reserve(&t->bytes, len))
        return;
    memset(t->bytes.data + t->bytes.len, 'x', len);
    t->bytes.len += len;
}

void template_key(struct template *t)
{
    t->key_at = t->bytes.len;
    template_hole(t, KEY_LEN);
}

void template_value(struct template *t, size_t len)
{
    t->value_at = t->bytes.len;
    t->value_len = len;
    template_hole(t, len);
}
