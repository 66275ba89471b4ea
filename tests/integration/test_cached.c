/* Reads that the cache answers, against writes: nobody sees an old value after an acknowledged write,
 * a connection's requests take effect in the order sent, and the short way of common requests answers
 * what the long way answers. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "talk.h"

enum { WRITERS = 3, READERS = 4, KEYS = 6, LOAD_MS = 2500 };

static struct harness h;

static void begin(const char *config)
{
    static char path[100];
    char dir[160];
    FILE *file;
    harness_init(&h);
    snprintf(path, sizeof path, "%s/bobbin.toml", h.dir);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(config, file);
    ck_assert_int_eq(fclose(file), 0);
    h.config = path;
    harness_start(&h);
    harness_register(&h, "app", NULL, dir);
    harness_register(&h, "twin", NULL, dir);
}

static uint64_t seed_of(const char *what)
{
    const char *given = getenv("BOBBIN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0)
                          : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    printf("%s: BOBBIN_SEED=%llu\n", what, (unsigned long long)seed);
    return seed ? seed : 1;
}

static unsigned below(uint64_t *state, unsigned n)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)(*state % n);
}

/* What the keys of one writer went through. Versions of all its keys count up together: it writes the
 * next one to the first key, then to the second, and so on. */
static struct history {
    atomic_uint acked[KEYS];   /* the version that was acknowledged last */
    atomic_uint sent[KEYS];    /* the version that was sent last */
    atomic_uint deleted[KEYS]; /* a delete was sent before this version */
} histories[WRITERS];
static atomic_bool over;

struct worker {
    pthread_t thread;
    unsigned number;
    uint64_t random;
};

/* One version of one key, in one of the ways there are. How many requests that were. */
static unsigned write_version(struct talk *t, struct worker *w, unsigned key, unsigned version)
{
    unsigned who = w->number;
    switch (below(&w->random, 8)) {
    case 0:
        talk_add(t, "set", "['default','%u-%u',b'%u',{'ttl_ms':600000}]", who, key, version);
        return 1;
    case 1:
        talk_add(t, "set_many", "['default',[['%u-%u',b'%u']]]", who, key, version);
        return 1;
    case 2:
        talk_add(t, "atomic", "['default',[],[['set','%u-%u',b'%u']]]", who, key, version);
        return 1;
    case 3:
        atomic_store(&histories[who].deleted[key], version);
        talk_add(t, "delete", "['default','%u-%u']", who, key);
        talk_add(t, "swap", "['default','%u-%u',nil,b'%u']", who, key, version);
        return 2;
    case 4:
        atomic_store(&histories[who].deleted[key], version);
        talk_add(t, "delete_many", "['default',['%u-%u']]", who, key);
        talk_add(t, "set", "['default','%u-%u',b'%u']", who, key, version);
        return 2;
    default:
        talk_add(t, "set", "['default','%u-%u',b'%u']", who, key, version);
        return 1;
    }
}

static void take_answers(struct talk *t, unsigned count, struct message *last)
{
    while (count--) {
        ck_assert_msg(talk_receive(t, last), "closed");
        ck_assert_msg(!last->is_error, "%.*s: %.*s", (int)last->code.len, last->code.data,
                      (int)last->text.len, last->text.data);
    }
}

/* The version in a value; 0: there is none. */
static unsigned version_of(struct message *m)
{
    char text[32] = "";
    struct slice value;
    if (reader_nil(&m->result) == 0)
        return 0;
    ck_assert_int_eq(reader_bytes(&m->result, &value), 0);
    ck_assert_uint_lt(value.len, sizeof text);
    memcpy(text, value.data, value.len);
    return (unsigned)strtoul(text, NULL, 10);
}

static void *writer_run(void *arg)
{
    struct worker *w = arg;
    struct history *mine = &histories[w->number];
    struct talk t;
    talk_open(&t, &h, "app");
    for (unsigned version = 1; !atomic_load(&over); version++) {
        struct message m;
        unsigned asked[KEYS], get_id[KEYS];
        bool look = below(&w->random, 2);
        unsigned total = 0;
        for (unsigned key = 0; key < KEYS; key++) {
            atomic_store(&mine->sent[key], version);
            asked[key] = write_version(&t, w, key, version);
            /* At once behind its write: it has to see it. */
            get_id[key] = look ? talk_add(&t, "get", "['default','%u-%u']", w->number, key) : 0;
            total += asked[key] + look;
        }
        talk_flush(&t);
        for (unsigned i = 0; i < total; i++) {
            take_answers(&t, 1, &m);
            for (unsigned key = 0; key < KEYS; key++)
                if (get_id[key] && m.id == get_id[key])
                    ck_assert_uint_eq(version_of(&m), version);
        }
        for (unsigned key = 0; key < KEYS; key++)
            atomic_store(&mine->acked[key], version);
    }
    talk_close(&t);
    return NULL;
}

static void check_read(struct history *of, unsigned key, unsigned acked, unsigned version)
{
    unsigned sent = atomic_load(&of->sent[key]);
    ck_assert_msg(version <= sent, "version %u of key %u, but only %u was sent", version, key, sent);
    if (version)
        ck_assert_msg(version >= acked, "version %u of key %u after %u was acknowledged", version,
                      key, acked);
    else
        ck_assert_msg(!acked || atomic_load(&of->deleted[key]) > acked,
                      "key %u is gone after version %u was acknowledged", key, acked);
}

/* Reads the keys of one writer from the last written to the first: versions must not fall, since the
 * requests of a connection take effect in their order. */
static void *reader_run(void *arg)
{
    struct worker *w = arg;
    struct talk t;
    talk_open(&t, &h, "app");
    while (!atomic_load(&over)) {
        unsigned who = below(&w->random, WRITERS), acked[KEYS], versions[KEYS];
        struct history *of = &histories[who];
        struct message m;
        uint32_t first = 0;
        unsigned before = 0;
        for (unsigned i = 0; i < KEYS; i++) {
            unsigned key = KEYS - 1 - i;
            uint32_t id;
            acked[key] = atomic_load(&of->acked[key]);
            id = talk_add(&t, "get", "['default','%u-%u']", who, key);
            first = i ? first : id;
            /* Some arrive on their own, some together. */
            if (below(&w->random, 4) == 0)
                talk_flush(&t);
        }
        talk_flush(&t);
        for (unsigned i = 0; i < KEYS; i++) {
            take_answers(&t, 1, &m);
            versions[KEYS - 1 - (m.id - first)] = version_of(&m);
        }
        for (unsigned i = 0; i < KEYS; i++) {
            unsigned key = KEYS - 1 - i;
            check_read(of, key, acked[key], versions[key]);
            if (!versions[key])
                continue;
            ck_assert_msg(versions[key] >= before, "key %u has version %u behind version %u", key,
                          versions[key], before);
            before = versions[key];
        }
    }
    talk_close(&t);
    return NULL;
}

/* Fills the cache with other things, so that what is looked at comes and goes. */
static void *noise_run(void *arg)
{
    struct worker *w = arg;
    struct talk t;
    talk_open(&t, &h, "app");
    while (!atomic_load(&over)) {
        struct message m;
        unsigned count = 1 + below(&w->random, 20);
        for (unsigned i = 0; i < count; i++) {
            unsigned key = below(&w->random, 2000);
            if (below(&w->random, 4))
                talk_add(&t, "get", "['default','noise-%u']", key);
            else
                talk_add(&t, "set", "['default','noise-%u',b'some value or other']", key);
        }
        talk_flush(&t);
        take_answers(&t, count, &m);
    }
    talk_close(&t);
    return NULL;
}

static const char *const sizes[] = {
    "cache_bytes = 67108864\n", /* all fits */
    "cache_bytes = 16384\n",    /* some fit, some of the time */
    "cache_bytes = 2048\n",     /* one or two at a time */
    "cache_bytes = 0\n",
};

START_TEST(test_nobody_sees_an_old_value)
{
    struct worker workers[WRITERS + READERS + 1];
    uint64_t seed = seed_of(sizes[_i]);
    begin(sizes[_i]);
    for (unsigned i = 0; i < WRITERS + READERS + 1; i++) {
        void *(*run)(void *) = i < WRITERS ? writer_run : i < WRITERS + READERS ? reader_run : noise_run;
        workers[i] = (struct worker){.number = i, .random = seed + i * 7919u};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    nanosleep(&(struct timespec){LOAD_MS / 1000, LOAD_MS % 1000 * 1000000L}, NULL);
    atomic_store(&over, true);
    for (unsigned i = 0; i < WRITERS + READERS + 1; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < WRITERS; i++)
        ck_assert_uint_gt(atomic_load(&histories[i].acked[0]), 3);
    harness_fini(&h);
}
END_TEST

/* One message in one piece, and in two: the second connection's comes to the long way. */
struct pair {
    struct talk whole, split, clock;
};

static void pair_open(struct pair *p)
{
    talk_open(&p->whole, &h, "app");
    talk_open(&p->split, &h, "twin");
}

static void pair_close(struct pair *p)
{
    talk_close(&p->whole);
    talk_close(&p->split);
}

static void pair_send(struct pair *p, const struct buffer *b)
{
    harness_raw_send(p->whole.fd, b->data, b->len);
    harness_raw_send(p->split.fd, b->data, b->len - 1);
    /* When this is answered, the daemon has read what was sent before. */
    ck_assert_str_eq(talk_ask(&p->clock, "ping", "[]"), "'pong'");
    harness_raw_send(p->split.fd, b->data + b->len - 1, 1);
}

/* All answers, until the daemon closes: no more is coming. */
static void pair_answer(struct talk *t, char *ret, size_t size)
{
    const char *line;
    size_t len = 0;
    shutdown(t->fd, SHUT_WR);
    ret[0] = '\0';
    while ((line = talk_next(t)))
        len += (size_t)snprintf(ret + len, size - len, "%s\n", line);
}

static void make_message(struct buffer *b, uint64_t *random)
{
    static const char *const methods[] = {"get", "set", "delete", "exists"};
    static const char *const labels[] = {"default", "default", "default", "default", "other", "", "caf\xc3\xa9"};
    static const char *const keys[] = {"a", "b", "c", "", "\xff", "k\xc3\xa9y", "a-key-of-more-than-thirty-one-bytes"};
    const char *method = methods[below(random, 4)];
    bool is_set = !strcmp(method, "set");
    unsigned extra = below(random, 10) == 0;
    char value[64];
    msgpack_packer pk;
    message_write_request(b, below(random, 3) ? below(random, 100) : below(random, 100000), method);
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 2 + is_set + extra);
    pack_cstr(&pk, labels[below(random, 7)]);
    pack_cstr(&pk, keys[below(random, 7)]);
    if (is_set) {
        snprintf(value, sizeof value, "value %u", below(random, 1000));
        if (below(random, 5))
            pack_slice_bin(&pk, (struct slice){value, strlen(value)});
        else
            pack_cstr(&pk, value);
    }
    if (extra)
        msgpack_pack_nil(&pk);
}

static void mutate(struct buffer *b, uint64_t *random)
{
    switch (below(random, 8)) {
    case 0:
        b->data[below(random, (unsigned)b->len)] ^= (uint8_t)(1u << below(random, 8));
        break;
    case 1:
        b->data[below(random, (unsigned)b->len)] = (uint8_t)below(random, 256);
        break;
    default:
        break;
    }
}

START_TEST(test_short_and_long_way_agree)
{
    uint64_t random = seed_of("short and long");
    unsigned answers = 0;
    struct buffer b;
    struct pair p;
    begin("max_key = 30\nmax_value = 8\n");
    buffer_init(&b);
    talk_open(&p.clock, &h, NULL);
    for (unsigned i = 0; i < 1500; i++) {
        char whole[4096], split[4096];
        buffer_clear(&b);
        make_message(&b, &random);
        mutate(&b, &random);
        pair_open(&p);
        pair_send(&p, &b);
        pair_answer(&p.whole, whole, sizeof whole);
        pair_answer(&p.split, split, sizeof split);
        ck_assert_str_eq(whole, split);
        answers += whole[0] != '\0';
        pair_close(&p);
    }
    ck_assert_uint_gt(answers, 1000);
    talk_close(&p.clock);
    buffer_fini(&b);
    harness_fini(&h);
}
END_TEST

static long number_of(const char *stats, const char *name)
{
    const char *at = strstr(stats, name);
    ck_assert_msg(at != NULL, "no %s in %s", name, stats);
    return strtol(at + strlen(name) + 3, NULL, 10);
}

START_TEST(test_stats_tell_of_the_cache)
{
    struct talk t;
    const char *stats;
    begin("cache_bytes = 65536\n");
    talk_open(&t, &h, "app");
    ck_assert_str_eq(talk_ask(&t, "get", "['default','a']"), "nil");
    ck_assert_str_eq(talk_ask(&t, "get", "['default','a']"), "nil");
    ck_assert_str_eq(talk_ask(&t, "exists", "['default','a']"), "false");
    ck_assert_str_eq(talk_ask(&t, "set", "['default','a',b'1']"), "nil");
    ck_assert_str_eq(talk_ask(&t, "get", "['default','a']"), "b'1'");
    ck_assert_str_eq(talk_ask(&t, "get_many", "['default',['a','a']]"), "[b'1', b'1']");
    ck_assert_str_eq(talk_ask(&t, "get_many", "['default',['a','b']]"), "[b'1', nil]");
    stats = talk_ask(&t, "stats", "['app']");
    ck_assert_int_eq(number_of(stats, "cache_hits"), 4);
    ck_assert_int_eq(number_of(stats, "cache_misses"), 2);
    /* The six, what attach asked for, and this one. */
    ck_assert_int_eq(number_of(stats, "'reads"), 8);
    ck_assert_int_eq(number_of(stats, "cache_bytes"), 2 * 64);
    stats = talk_ask(&t, "stats", "[]");
    ck_assert_int_eq(number_of(stats, "cache_limit"), 65536);
    ck_assert_int_eq(number_of(stats, "cache_hits"), 4);
    ck_assert_int_eq(number_of(stats, "cache_bytes"), 512 + 2 * 64);
    talk_close(&t);
    harness_fini(&h);
}
END_TEST

/* The number is that of the state that the answer shows, from the cache as from the file. */
START_TEST(test_commit_numbers_from_the_cache)
{
    struct talk t;
    const char *stats;
    begin("cache_bytes = 65536\n");
    talk_open(&t, &h, "app");
    ck_assert_str_eq(talk_ask(&t, "set", "['default','a',b'1',{'commit':true}]"), "[nil, 1]");
    ck_assert_str_eq(talk_ask(&t, "get", "['default','a',{'commit':true}]"), "[b'1', 1]");
    ck_assert_str_eq(talk_ask(&t, "set", "['default','b',b'2']"), "nil");
    ck_assert_str_eq(talk_ask(&t, "get", "['default','a',{'commit':true}]"), "[b'1', 2]");
    ck_assert_str_eq(talk_ask(&t, "delete", "['default','a',{'commit':true}]"), "[nil, 3]");
    ck_assert_str_eq(talk_ask(&t, "get", "['default','a',{'commit':true}]"), "[nil, 3]");
    ck_assert_str_eq(talk_ask(&t, "exists", "['default','a',{'commit':true}]"), "[false, 3]");
    ck_assert_str_eq(talk_ask(&t, "exists", "['default','b',{'commit':true}]"), "[true, 3]");
    ck_assert_str_eq(talk_ask(&t, "get_many", "['default',['a','b'],{'commit':true}]"),
                     "[[nil, b'2'], 3]");
    stats = talk_ask(&t, "stats", "['app']");
    ck_assert_int_eq(number_of(stats, "cache_hits"), 6);
    ck_assert_int_eq(number_of(stats, "cache_misses"), 0);
    talk_close(&t);
    harness_fini(&h);
}
END_TEST

/* Behind a restore the store is not open: nobody knows the number, also where no entry is asked for. */
START_TEST(test_commit_number_of_no_entries)
{
    struct talk t;
    begin("");
    talk_open(&t, &h, "app");
    ck_assert_str_eq(talk_ask(&t, "set", "['default','a',b'1',{'commit':true}]"), "[nil, 1]");
    ck_assert_str_eq(talk_ask(&t, "get_many", "['default',[],{'commit':true}]"), "[[], 1]");
    ck_assert_ptr_nonnull(strstr(talk_ask(&t, "store.backup", "['%s/copy']", h.dir), "'commit': 1"));
    ck_assert_ptr_nonnull(strstr(talk_ask(&t, "store.restore", "['%s/copy']", h.dir), "'commit': 2"));
    ck_assert_str_eq(talk_ask(&t, "get_many", "['default',[],{'commit':true}]"), "[[], 2]");
    ck_assert_str_eq(talk_ask(&t, "get_many", "['default',[]]"), "[]");
    talk_close(&t);
    harness_fini(&h);
}
END_TEST

/* A label that no manifest grants is good as long as the file holds it. */
START_TEST(test_labels_that_only_the_file_holds)
{
    struct talk t, other;
    begin("");
    talk_open(&t, &h, "app");
    talk_open(&other, &h, "app");
    for (unsigned i = 0; i < 2; i++)
        ck_assert_ptr_nonnull(strstr(talk_ask(&t, "get", "['x','k']"), "no-such-store"));
    talk_close(&t);
    talk_close(&other);
    harness_fini(&h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cached");
    TCase *tc = tcase_create("cached");
    SRunner *runner;
    int failed;
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, test_nobody_sees_an_old_value, 0, 4);
    tcase_add_test(tc, test_short_and_long_way_agree);
    tcase_add_test(tc, test_stats_tell_of_the_cache);
    tcase_add_test(tc, test_commit_numbers_from_the_cache);
    tcase_add_test(tc, test_commit_number_of_no_entries);
    tcase_add_test(tc, test_labels_that_only_the_file_holds);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
