/* A registered app: its directory, manifest, components, store and connections.
 *
 * An app that leaves (unregistered, its directory gone, the daemon stops) is no longer found; its
 * processes are stopped, its connections closed, its store closed, and only then is it freed. */
#ifndef BOBBIN_DAEMON_APP_H
#define BOBBIN_DAEMON_APP_H

#include <msgpack/pack.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/batcher.h"
#include "daemon/component.h"
#include "daemon/directory.h"
#include "daemon/list.h"
#include "daemon/manifest.h"
#include "daemon/scrub.h"
#include "daemon/tally.h"
#include "protocol/errors.h"
#include "protocol/reader.h"

struct request;
struct server;
struct trace;

enum app_state {
    APP_ACTIVE,  /* found and served */
    APP_LEAVING, /* waits for processes, connections and pins to go */
    APP_CLOSING, /* waits for the components' handles and the store to close */
};

/* What an administrator should know of an app that is served all the same. */
enum app_trouble {
    APP_TROUBLE_MANIFEST,  /* spin.toml is wrong; that of before is in force */
    APP_TROUBLE_DIRECTORY, /* the directory cannot be used as it should */
    APP_TROUBLE_VALUES,    /* values are not what was written */
    APP_TROUBLE_COUNT
};

struct app_slot {
    struct component *component;
    bool wanted;   /* the component shall run; recorded in the registry */
    bool restored; /* it goes on with what the daemon before did */
};

/* A component that another manifest has replaced or left out: freed when its process is gone. */
struct app_retired {
    struct list link;            /* in app->retired */
    struct component *component;
    struct component *successor; /* is started then, if it is wanted; NULL: none */
};

struct app {
    struct list link;            /* in apps->all */
    struct list in_paths;        /* in apps->index … */
    struct list in_names;        /* … by path and by name */
    struct server *server;
    enum app_state state;
    struct directory directory;
    struct manifest *manifest;
    uint64_t grants_epoch;       /* another one with every manifest */
    char *manifest_error;        /* why spin.toml could not be read at start-up; NULL: it could */
    char *trouble[APP_TROUBLE_COUNT]; /* in words; NULL: none */
    char *wanted_before;         /* what was recorded as wanted, while spin.toml could not be read */
    struct batcher *batcher;
    struct cache_space *cache;   /* what is known of the file; fed by the batcher */
    size_t slot_count;
    struct app_slot *slots;      /* one an instance of a component, in the manifest's order */
    struct list retired;         /* struct app_retired */
    struct list submitted;       /* struct op, of this turn: the batcher gets them at its end … */
    struct list submitting;      /* … and until then this is in server->submitting */
    struct list conns;           /* struct conn, bound to this app */
    unsigned conn_count;
    struct scrub scrub;          /* of its values' checksums */
    uint64_t scrub_turn;         /* of server->scrub_turns, its last */
    struct list watches;         /* struct watch, of all its connections */
    unsigned watch_count;
    uint64_t requests;           /* of its connections, so far */
    struct tally tally;          /* of its connections, too */
    struct trace *trace;         /* what they do, for who watches it; NULL: nobody does */
    uint64_t traced;             /* number of the last operation that was, before */
    bool restoring;              /* its store is about to be replaced: nothing is started */
    uint64_t requests_seen;      /* of these, a second ago at most … */
    uint32_t rate;               /* … and how many came in the second before */
    unsigned unused_ticks;       /* seconds without any */
    uint64_t turn;               /* of the server's turns, the last in which it had … */
    size_t turn_bytes;           /* … so much of requests and answers */
    uint64_t held;               /* bytes of answers that its connections' peers have not read */
    uint64_t requests_measured;  /* of these, when store_bytes was looked at; UINT64_MAX: never */
    uint64_t store_bytes;        /* the file and its log on disk, as last looked at */
    unsigned pins;               /* jobs on the worker that will come back to this app */
    unsigned closing;            /* callbacks that APP_CLOSING still waits for */
    unsigned leaving_ticks;      /* how long it has been leaving, in ticks of apps */
    struct list rest_waiters;    /* struct request: answered when what they stopped is at rest */
    struct list leave_waiters;   /* struct request: resumed when the app is gone */
    struct list reload_waiters;  /* struct request: answered when nothing is retired any more */
};

/* The directory is copied, the manifest is the app's on success. Nothing is started. */
int app_new(struct server *server, const struct directory *directory, struct manifest *manifest,
            struct app **ret, struct error *e);
const char *app_name(const struct app *app);

/* Take another manifest (owned on success) while no component runs. What is wanted stays; where
 * spin.toml could not be read before, what was recorded as wanted is wanted again. */
int app_replace_manifest(struct app *app, struct manifest *manifest, struct error *e);
/* What the manifest says of it, from the next batch on. */
void app_set_durability(struct app *app, const struct manifest *manifest);
/* Take another manifest (owned on success) while components run: those of which it says the same stay
 * as they are, others are stopped, and started if they are wanted. On failure nothing has changed. */
int app_reload(struct app *app, struct manifest *manifest, struct error *e);
/* Components for all instances, and their number. */
int app_make_slots(struct app *app, const struct manifest *manifest, struct app_slot **ret,
                   size_t *ret_count, struct error *e);
int app_make_component(struct app *app, struct component_spec *spec, unsigned instance,
                       const char *name, struct component **ret, struct error *e);
void app_free_slots(struct app_slot *slots, size_t count);
/* Free the retired components that have come to rest, start their successors. */
void app_sweep_retired(struct app *app);
/* Close the connections that the component's processes have or passed on. */
void app_close_component(struct app *app, const struct component *component, const char *reason);
/* Whether no component has a process or a timer. */
bool app_at_rest(const struct app *app);
/* The first slot of that component id; NULL: none. */
struct app_slot *app_slot_find(struct app *app, struct slice id);
/* Whether the label is "default" or granted to any component by the manifest. */
bool app_grants(const struct app *app, struct slice label);

/* Note a trouble, or with NULL that it is over; it is logged and told once. */
void app_set_trouble(struct app *app, enum app_trouble trouble, const char *text);
/* Start every component that is wanted. */
void app_start_wanted(struct app *app);
/* The request is resumed when the app is gone. */
void app_await_leave(struct app *app, struct request *r);
/* What the registry keeps of `wanted`, to be freed; NULL: no memory. */
char *app_wanted_text(const struct app *app);
/* Whether any component is wanted, or was before spin.toml could not be read. */
bool app_is_wanted(const struct app *app);
/* The inverse of app_wanted_text. */
void app_set_wanted(struct app *app, const char *text);

/* Begin to leave. Connections are refused with this code and reason (a literal). With `gone` the
 * file is not touched any more. No effect on one that leaves already. */
void app_leave(struct app *app, int code, const char *reason, bool gone);
/* One tick of the clock on an app that leaves: peers that do not read are not waited for forever. */
void app_leave_tick(struct app *app);

/* A second has passed: note how many requests came in it. */
void app_count_rate(struct app *app);
/* Whether the store's size should be looked at again, which the caller then does. */
bool app_may_have_grown(struct app *app);

/* At the end of a turn: close an app that leaves and that nothing holds any more. */
void app_sweep(struct app *app);

/* While pinned an app is not freed. */
void app_pin(struct app *app);
void app_unpin(struct app *app);

/* ERR_BUSY when the app has as many connections as it may. */
int app_check_room(const struct app *app, struct error *e);
/* An operation for the app's batcher, in the order of the calls. It gets there at the end of this turn of
 * the loop, with all others of the turn: what comes together goes into one batch. */
void app_submit(struct app *app, struct op *op);
/* Open the store where somebody watches it, so that what expires is removed in time, and told. */
void app_open_watched(struct app *app);
/* The batcher, with all that was submitted so far: for what goes there by another way. */
struct batcher *app_batcher(struct app *app);
/* At the end of a turn: hand them over. */
void app_submit_all(struct server *server);

/* By connections. */
void app_conn_came(struct app *app);
void app_conn_gone(struct app *app);

/* "full" or "relaxed", as its manifest says. */
const char *app_durability(const struct app *app);
/* Pack the app's status as PROTOCOL.md has it. */
void app_pack_status(const struct app *app, msgpack_packer *pk);

#endif
