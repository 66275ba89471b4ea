#include "client/cli/answer.h"

#include <string.h>

#include "client/cli/bytes.h"

void answer_set(json_t **object, const char *name, json_t *value)
{
    if (json_object_set_new(*object, name, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

void answer_set_bytes(json_t **object, const char *name, const void *data, size_t len)
{
    if (!data) {
        answer_set(object, name, json_null());
    } else if (*object && bytes_json_set(*object, name, data, len)) {
        json_decref(*object);
        *object = NULL;
    }
}

json_t *answer_about_key(const char *key)
{
    json_t *object = json_object();

    answer_set_bytes(&object, "key", key, strlen(key));
    return object;
}

void answer_print(const struct options *o, struct output *out, const bobbin *b, json_t *object)
{
    if (options_has(o, OPTION_COMMIT))
        answer_set(&object, "commit", json_integer((json_int_t)bobbin_last_commit(b)));
    output_json(out, object);
}

void answer_commit(const struct options *o, struct output *out, const bobbin *b, bool alone)
{
    unsigned long long commit = bobbin_last_commit(b);

    if (!options_has(o, OPTION_COMMIT))
        return;
    if (alone)
        output_print(out, "%llu\n", commit);
    else
        output_note(out, "commit %llu", commit);
}

int answer_no_key(const struct options *o, struct output *out, const bobbin *b, const char *key)
{
    const char *app = bobbin_app(b);

    output_note(out, "no key '%s' in store '%s' of app '%s'", key, o->store, app ? app : "?");
    return EXIT_NO;
}
