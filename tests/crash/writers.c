#include "writers.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

void writers_init(struct writers *w, size_t value_len)
{
    *w = (struct writers){.value_len = value_len};
    w->ledgers = share(WRITERS * sizeof(*w->ledgers));
    w->stop = share(sizeof(*w->stop));
}

static void key_of(int writer, int key, char ret[32])
{
    snprintf(ret, 32, "writer-%d-key-%d", writer, key);
}

static void write_one(struct writers *w, bobbin *b, int writer, int key, char *value)
{
    struct writer_ledger *ledger = &w->ledgers[writer];
    long next = ledger->tried[key] + 1;
    char name[32];

    key_of(writer, key, name);
    snprintf(value, w->value_len, "%ld", next);
    ledger->tried[key] = next;
    if (bobbin_set(b, "default", name, strlen(name), value, w->value_len) == BOBBIN_OK) {
        ledger->acknowledged[key] = next;
        ledger->written++;
        return;
    }
    snprintf(ledger->reason, sizeof(ledger->reason), "%s", bobbin_error(b));
    ledger->failed++;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* What was acknowledged is found, also while writes fail. */
static void read_one(struct writers *w, bobbin *b, int writer, int key)
{
    struct writer_ledger *ledger = &w->ledgers[writer];
    void *value = NULL;
    size_t len = 0;
    char name[32];

    key_of(writer, key, name);
    if (bobbin_get(b, "default", name, strlen(name), &value, &len) == BOBBIN_OK &&
        (value ? strtol(value, NULL, 10) : 0) == ledger->acknowledged[key])
        ledger->reads++;
    else
        ledger->wrong++;
    bobbin_free(value);
}

static void write_until_stopped(struct writers *w, struct harness *h, const char *app, int writer)
{
    bobbin *b = NULL;
    char *value = calloc(1, w->value_len);

    if (!value || bobbin_connect(h->socket, &b) || bobbin_attach(b, app))
        _exit(1);
    for (int key = 0; !*w->stop; key = (key + 1) % WRITER_KEYS) {
        write_one(w, b, writer, key, value);
        read_one(w, b, writer, key);
        if (bobbin_ping(b) != BOBBIN_OK)
            _exit(1);
    }
    bobbin_close(b);
    free(value);
}

void writers_start(struct writers *w, struct harness *h, const char *app)
{
    *w->stop = 0;
    fflush(NULL);
    for (int i = 0; i < WRITERS; i++) {
        w->pids[i] = fork();
        ck_assert_int_ge(w->pids[i], 0);
        if (w->pids[i])
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        write_until_stopped(w, h, app, i);
        _exit(0);
    }
}

void writers_stop(struct writers *w)
{
    int status;

    *w->stop = 1;
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(waitpid(w->pids[i], &status, 0), w->pids[i]);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                      "writer %d lost its connection: %s", i, w->ledgers[i].reason);
        ck_assert_msg(w->ledgers[i].wrong == 0, "%ld reads of writer %d were wrong",
                      w->ledgers[i].wrong, i);
    }
}

struct goal {
    volatile long *count[WRITERS];
    long wanted[WRITERS];
};

static bool goal_reached(void *arg)
{
    struct goal *goal = arg;

    for (int i = 0; i < WRITERS; i++)
        if (*goal->count[i] < goal->wanted[i])
            return false;
    return true;
}

static void await(struct writers *w, size_t offset, long more, const char *what)
{
    struct goal goal;

    for (int i = 0; i < WRITERS; i++) {
        goal.count[i] = (volatile long *)(void *)((char *)&w->ledgers[i] + offset);
        goal.wanted[i] = *goal.count[i] + more;
    }
    ck_assert_msg(harness_wait(goal_reached, &goal), "no %ld more writes %s; last: %s", more, what,
                  w->ledgers[0].reason);
}

void writers_await_written(struct writers *w, long more)
{
    await(w, offsetof(struct writer_ledger, written), more, "are acknowledged");
}

void writers_await_failed(struct writers *w, long more)
{
    await(w, offsetof(struct writer_ledger, failed), more, "fail");
}

void writers_await_read(struct writers *w, long more)
{
    await(w, offsetof(struct writer_ledger, reads), more, "are read");
}

void writers_check(struct writers *w, struct harness *h, const char *app, bool exactly)
{
    bobbin *b = harness_connect(h, app);

    for (int i = 0; i < WRITERS * WRITER_KEYS; i++) {
        const struct writer_ledger *ledger = &w->ledgers[i / WRITER_KEYS];
        int key = i % WRITER_KEYS;
        long most = exactly ? ledger->acknowledged[key] : ledger->tried[key];
        void *value = NULL;
        size_t len;
        char name[32];
        key_of(i / WRITER_KEYS, key, name);
        harness_ok(b, bobbin_get(b, "default", name, strlen(name), &value, &len));
        long found = value ? strtol(value, NULL, 10) : 0;
        bobbin_free(value);
        ck_assert_msg(found >= ledger->acknowledged[key] && found <= most,
                      "%s is %ld; acknowledged was %ld, tried %ld", name, found,
                      ledger->acknowledged[key], ledger->tried[key]);
    }
    bobbin_close(b);
}

long writers_written(const struct writers *w)
{
    long written = 0;

    for (int i = 0; i < WRITERS; i++)
        written += w->ledgers[i].written;
    return written;
}
