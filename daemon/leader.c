#include "daemon/leader.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum leader_state {
    LEADER_IDLE,   /* nobody calls */
    LEADER_CALLED, /* `call` is to be run, or runs */
    LEADER_DONE,   /* it has returned, and its caller will take note */
};

struct leader {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* the state, or `stop` */
    enum leader_state state;
    bool stop;
    void (*call)(void *arg);
    void *arg;
};

int leader_new(struct leader **ret, struct error *e)
{
    struct leader *l = calloc(1, sizeof(*l));

    if (!l)
        return error_set(e, ERR_OTHER, "out of memory");
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    *ret = l;
    return 0;
}

void leader_free(struct leader *l)
{
    if (!l)
        return;
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

static void set_state(struct leader *l, enum leader_state state)
{
    l->state = state;
    pthread_cond_broadcast(&l->changed);
}

void leader_run(struct leader *l)
{
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (l->state != LEADER_CALLED && !l->stop)
            pthread_cond_wait(&l->changed, &l->mutex);
        if (l->state != LEADER_CALLED)
            break;
        /* The caller waits, so these stay as they are. */
        pthread_mutex_unlock(&l->mutex);
        l->call(l->arg);
        pthread_mutex_lock(&l->mutex);
        set_state(l, LEADER_DONE);
    }
    pthread_mutex_unlock(&l->mutex);
}

void leader_stop(struct leader *l)
{
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->mutex);
}

void leader_call(struct leader *l, void (*call)(void *arg), void *arg)
{
    if (!l) {
        call(arg);
        return;
    }
    pthread_mutex_lock(&l->mutex);
    while (l->state != LEADER_IDLE)
        pthread_cond_wait(&l->changed, &l->mutex);
    l->call = call;
    l->arg = arg;
    set_state(l, LEADER_CALLED);
    while (l->state != LEADER_DONE)
        pthread_cond_wait(&l->changed, &l->mutex);
    set_state(l, LEADER_IDLE);
    pthread_mutex_unlock(&l->mutex);
}
