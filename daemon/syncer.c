#include "daemon/syncer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/run_soon.h"

/* What a sync needs, and a sanitizer. */
#define STACK_BYTES (256u << 10)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asked = PTHREAD_COND_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static struct list waiting = {&waiting, &waiting};
static unsigned most = SYNCER_THREADS;
static unsigned threads; /* made so far … */
static unsigned idle;    /* … those of them that wait for something to do … */
static unsigned woken;   /* … and of these, who were told that there is something */

/* With the lock held, which is given back meanwhile. */
static void run(struct syncer_job *job)
{
    list_remove(&job->link);
    job->state = SYNCER_RUNNING;
    pthread_mutex_unlock(&lock);
    uint64_t began = clock_ns();
    int errnum = fdatasync(job->fd) == 0 ? 0 : errno;
    uint64_t took = clock_ns() - began;
    pthread_mutex_lock(&lock);
    job->errnum = errnum;
    job->ns = took;
    job->state = SYNCER_DONE;
}

static void *serve(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (list_empty(&waiting)) {
            idle++;
            pthread_cond_wait(&asked, &lock);
            idle--;
            woken -= woken > 0;
        }
        run_soon(RUN_FIRST);
        run(container_of(waiting.next, struct syncer_job, link));
        pthread_cond_broadcast(&done);
    }
    return NULL;
}

/* Without one more all goes on, only later. Signals are other threads' business. */
static void make_thread(void)
{
    pthread_t thread;
    pthread_attr_t small;
    sigset_t all, before;

    if (pthread_attr_init(&small) != 0)
        return;
    pthread_attr_setstacksize(&small, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, &small, serve, NULL) == 0) {
        pthread_detach(thread);
        threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&small);
}

void syncer_begin(struct syncer_job *job, int fd)
{
    *job = (struct syncer_job){.fd = fd, .state = SYNCER_WAITING};
    list_init(&job->link);
    pthread_mutex_lock(&lock);
    if (most > 0)
        list_push(&waiting, &job->link);
    if (idle > woken) {
        woken++;
        pthread_cond_signal(&asked);
    } else if (threads < most) {
        make_thread();
    }
    pthread_mutex_unlock(&lock);
}

bool syncer_is_done(struct syncer_job *job)
{
    pthread_mutex_lock(&lock);
    bool is_done = job->state == SYNCER_DONE;
    pthread_mutex_unlock(&lock);
    return is_done;
}

int syncer_end(struct syncer_job *job)
{
    pthread_mutex_lock(&lock);
    if (job->state == SYNCER_WAITING)
        run(job);
    while (job->state != SYNCER_DONE)
        pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
    return job->errnum;
}

void syncer_set_threads(unsigned number)
{
    pthread_mutex_lock(&lock);
    most = number;
    pthread_mutex_unlock(&lock);
}
