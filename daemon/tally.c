#include "daemon/tally.h"

#include <stdlib.h>
#include <string.h>

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof *t);
    list_init(&t->stores);
}

void tally_fini(struct tally *t)
{
    while (!list_empty(&t->stores))
        free(container_of(list_pop(&t->stores), struct tally_store, link));
    t->store_count = 0;
}

struct tally_calls *tally_of(struct tally *t, struct slice label, bool granted)
{
    struct tally_store *store;
    struct list *it, *tmp;

    list_each(it, tmp, &t->stores) {
        store = container_of(it, struct tally_store, link);
        if (slice_equals(label, store->label))
            return &store->calls;
    }
    if (!granted || t->store_count >= TALLY_STORES)
        return &t->other;
    store = calloc(1, sizeof *store + label.len + 1);
    if (!store)
        return &t->other;
    memcpy(store->label, label.data, label.len);
    list_push(&t->stores, &store->link);
    t->store_count++;
    return &store->calls;
}
