#include <stdlib.h>
#include <string.h>

#include "client/runner/canonical.h"
#include "client/runner/wasi_kv.h"
#include "client/runner/wasi_kv_errors.h"
#include "protocol/limits.h"

/* "result<key-response, error>": the list of keys, then option<string>. */
static const struct kv_shape keys_shape = {24, 4, 4};
enum { CURSOR_TAG = 12, CURSOR = 16 };

void wasi_kv_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    kv_open(&c, STORE_WASI, label, len);
}

void wasi_kv_get(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    kv_get_option(&c, wasi_kv_label(h, bucket), canonical_string(h, key, len), len);
}

void wasi_kv_set(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t value,
                 uint32_t value_len, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    kv_set(&c, wasi_kv_label(h, bucket), (uint32_t[]){key, len}, (uint32_t[]){value, value_len});
}

void wasi_kv_delete(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    kv_delete(&c, wasi_kv_label(h, bucket), key, len);
}

void wasi_kv_exists(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    kv_exists(&c, wasi_kv_label(h, bucket), key, len);
}

void wasi_kv_bucket_drop(struct host *h, uint32_t bucket)
{
    wasi_kv_label(h, bucket);
    stores_close(h->stores, STORE_WASI, bucket);
}

static const char digits[] = "0123456789abcdef";

/* The daemon's cursor as text; NULL: out of memory. */
static char *cursor_text(const bobbin_string *cursor)
{
    char *text = malloc(2 * cursor->len + 1);
    for (size_t i = 0; text && i < cursor->len; i++) {
        text[2 * i] = digits[(unsigned char)cursor->data[i] >> 4];
        text[2 * i + 1] = digits[cursor->data[i] & 15];
    }
    return text;
}

/* And back, into memory to be freed; NULL for what was never one. */
static char *cursor_bytes(const char *text, size_t len)
{
    char *bytes = len > 0 && len % 2 == 0 ? malloc(len / 2) : NULL;
    for (size_t i = 0; bytes && i < len; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit) {
            free(bytes);
            return NULL;
        }
        bytes[i / 2] = (char)((i % 2 ? bytes[i / 2] << 4 : 0) | (int)(digit - digits));
    }
    return bytes;
}

static void answer_page(const struct kv_call *c, const bobbin_key_page *page)
{
    struct host *h = c->h;
    uint32_t keys = kv_copy_keys(h, &page, 1, page->count), cursor = 0;
    char *text = page->more ? cursor_text(&page->cursor) : NULL;
    if (page->more && !text) {
        kv_fail_text(c, "out of memory");
        return;
    }
    if (text)
        cursor = canonical_copy(h, text, 2 * page->cursor.len);
    free(text);
    uint8_t *result = kv_ok(c);
    canonical_store_pair(result + KV_PAYLOAD, keys, page->count);
    result[CURSOR_TAG] = page->more;
    if (page->more)
        canonical_store_pair(result + CURSOR, cursor, 2 * page->cursor.len);
}

static void list_page(const struct kv_call *c, const char *label, const char *cursor,
                      size_t cursor_len)
{
    bobbin_keys_options options = {.cursor = cursor, .cursor_len = cursor_len, .limit = LIMIT_PAGE};
    bobbin_key_page *page = NULL;
    bobbin *b;
    bobbin_status status = stores_connection(c->h->stores, &b);
    if (!status) {
        status = bobbin_keys(b, label, &options, &page);
        stores_finished(c->h->stores, status);
    }
    if (status)
        kv_fail(c, status);
    else
        answer_page(c, page);
    bobbin_key_page_free(page);
}

void wasi_kv_list_keys(struct host *h, uint32_t bucket, uint32_t has_cursor, uint32_t cursor,
                       uint32_t cursor_len, uint32_t ret)
{
    struct kv_call c = {h, ret, &wasi_kv_errors, &keys_shape};
    const char *label = wasi_kv_label(h, bucket);
    if (has_cursor > 1)
        host_trap(h, "an option that is neither none nor some, in the arguments of an import");
    if (!has_cursor) {
        list_page(&c, label, NULL, 0);
        return;
    }
    char *bytes = cursor_bytes(canonical_string(h, cursor, cursor_len), cursor_len);
    if (bytes)
        list_page(&c, label, bytes, cursor_len / 2);
    else
        kv_fail_text(&c, "list-keys: this is not a cursor that list-keys returned");
    free(bytes);
}
