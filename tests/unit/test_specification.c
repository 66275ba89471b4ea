/* PROTOCOL.md says what the code does: its tables are those of the lists, its examples are bytes
 * that the code reads as what stands above them. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/errors.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/methods.h"
#include "protocol/scanner.h"

#define TEXT_MAX 4096

static char *specification; /* the whole file */

static void setup(void)
{
    FILE *file = fopen(SPECIFICATION, "r");
    ck_assert_msg(file != NULL, "cannot open " SPECIFICATION);
    fseek(file, 0, SEEK_END);
    size_t len = (size_t)ftell(file);
    rewind(file);
    specification = calloc(len + 1, 1);
    ck_assert_uint_eq(fread(specification, 1, len, file), len);
    fclose(file);
}

static void teardown(void)
{
    free(specification);
}

/* Whether a line of the file begins so. */
static bool has_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool has_line(const char *format, ...)
{
    char line[TEXT_MAX] = "\n";
    va_list args;
    va_start(args, format);
    vsnprintf(line + 1, sizeof(line) - 1, format, args);
    va_end(args);
    return strstr(specification, line) != NULL;
}

START_TEST(tells_every_method)
{
    static const char *const access[] = {
        [METHOD_ANY] = "any",
        [METHOD_ATTACHED] = "app",
        [METHOD_PEER] = "person",
        [METHOD_PEER_ATTACHED] = "person, app",
    };
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        const struct method_info *m = &method_table[i];
        ck_assert_msg(has_line("| `%s` | %s | `%s` | `%s` |\n", m->name, access[m->access],
                               m->params, m->result),
                      "%s: not in the table", m->name);
        ck_assert_msg(has_line("### %s\n", m->name), "%s: no section", m->name);
    }
}
END_TEST

START_TEST(tells_every_error)
{
#define X(id, number, name, text, retry)                                                           \
    ck_assert_msg(has_line("| `%s` | %s | ", name, (retry) ? "yes" : "no"), "%s", name);
    ERROR_LIST(X)
#undef X
}
END_TEST

START_TEST(tells_every_limit)
{
#define X(name, number, what)                                                                      \
    ck_assert_msg(has_line("| %s | %llu | `%s` | ", what, (unsigned long long)(number), name),     \
                  "%s", what);
    LIMIT_LIST(X)
#undef X
}
END_TEST

START_TEST(tells_every_notification)
{
#define X(id, name, params)                                                                        \
    ck_assert_msg(has_line("| `%s` | `%s` |\n", name, params), "%s: not in the table", name);      \
    ck_assert_msg(has_line("### %s\n", name), "%s: no section", name);
    NOTIFICATION_LIST(X)
#undef X
}
END_TEST

/* The text of a method's section holds this. */
static bool section_has(const char *method, const char *what)
{
    char title[LIMIT_METHOD + 8];
    snprintf(title, sizeof title, "\n### %s\n", method);
    const char *begin = strstr(specification, title);
    ck_assert_msg(begin != NULL, "%s: no section", method);
    const char *end = strstr(begin + 1, "\n### ");
    const char *found = strstr(begin, what);
    return found != NULL && (end == NULL || found < end);
}

/* The words between braces in the shape of the params are options: each is explained. */
START_TEST(tells_every_option)
{
    unsigned count = 0;
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        bool inside = false;
        for (const char *p = method_table[i].params; *p != '\0';) {
            char option[40] = "";
            size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
            if (len == 0) {
                inside = *p == '{' || (inside && *p != '}');
                p++;
                continue;
            }
            snprintf(option, sizeof option, "`%.*s`", (int)len, p);
            ck_assert_msg(!inside || section_has(method_table[i].name, option), "%s: %s",
                          method_table[i].name, option);
            count += inside;
            p += len;
        }
    }
    ck_assert_uint_gt(count, 20);
}
END_TEST

/* Text that grows at the end. */
struct text {
    char data[TEXT_MAX];
    size_t len;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->data + t->len, sizeof(t->data) - t->len, format, args);
    va_end(args);
    ck_assert_int_ge(n, 0);
    t->len += (size_t)n;
    ck_assert_uint_lt(t->len, sizeof(t->data));
}

static void show(struct reader *r, struct text *ret);

static void show_container(struct reader *r, bool is_map, struct text *ret)
{
    uint32_t count;
    ck_assert_int_eq(is_map ? reader_map(r, &count) : reader_array(r, &count), 0);
    put(ret, is_map ? "{" : "[");
    for (uint32_t i = 0; i < count; i++) {
        put(ret, "%s", i > 0 ? ", " : "");
        show(r, ret);
        if (is_map) {
            put(ret, ": ");
            show(r, ret);
        }
    }
    put(ret, is_map ? "}" : "]");
}

/* A value in the notation of the examples. */
static void show(struct reader *r, struct text *ret)
{
    int64_t number;
    struct slice s;
    bool flag, bin;
    switch (reader_peek(r)) {
    case READER_NIL:
        reader_nil(r);
        put(ret, "nil");
        break;
    case READER_BOOL:
        reader_bool(r, &flag);
        put(ret, flag ? "true" : "false");
        break;
    case READER_INT:
        ck_assert_int_eq(reader_int(r, &number), 0);
        put(ret, "%lld", (long long)number);
        break;
    case READER_STR:
    case READER_BIN:
        bin = reader_peek(r) == READER_BIN;
        ck_assert_int_eq(reader_bytes(r, &s), 0);
        put(ret, "%s\"%.*s\"", bin ? "b" : "", (int)s.len, s.data);
        break;
    case READER_ARRAY:
    case READER_MAP:
        show_container(r, reader_peek(r) == READER_MAP, ret);
        break;
    default:
        ck_abort_msg("behind %s: a type that the examples do not use", ret->data);
    }
}

/* An example as it stands in the file. */
struct example {
    char word[16];       /* request, response, notify or malformed */
    struct text text;    /* its lines joined by blanks */
    struct buffer bytes; /* what the lines of bytes say */
};

static bool is_hex_line(const char *line, size_t len)
{
    return len >= 2 && strspn(line, "0123456789abcdef ") >= len && (len + 1) % 3 == 0 &&
           (len == 2 || line[2] == ' ');
}

static void take_line(struct example *ex, const char *line, size_t len)
{
    if (!is_hex_line(line, len)) {
        put(&ex->text, "%s%.*s", ex->text.len > 0 ? " " : "", (int)len, line);
        return;
    }
    for (size_t i = 0; i < len; i += 3) {
        uint8_t byte = (uint8_t)strtoul(line + i, NULL, 16);
        buffer_append(&ex->bytes, &byte, 1);
    }
}

/* The next example at or behind *pos, which moves behind it; false if there is none. The first line
 * has the word in the first of ten columns, the others have blanks there. */
static bool next_example(const char **pos, struct example *ret)
{
    static const char blanks[] = "          ";
    const char *line = *pos;
    memset(ret, 0, sizeof(*ret));
    while (strncmp(line, "request   [", 11) != 0 && strncmp(line, "response  [", 11) != 0 &&
           strncmp(line, "malformed [", 11) != 0 && strncmp(line, "notify    [", 11) != 0) {
        line = strchr(line, '\n');
        if (line == NULL)
            return false;
        line++;
    }
    sscanf(line, "%15s", ret->word);
    do {
        size_t len = strcspn(line, "\n");
        take_line(ret, line + 10, len - 10);
        line += len + 1;
    } while (strncmp(line, blanks, 10) == 0);
    *pos = line;
    return true;
}

static void assert_example(const struct example *ex)
{
    struct text shown = {0};
    struct scanner s;
    scanner_init(&s, LIMIT_MESSAGE);
    ck_assert_msg(scanner_scan(&s, ex->bytes.data, ex->bytes.len) == SCANNER_FRAME, "%s",
                  ex->text.data);
    ck_assert_msg(s.pos == ex->bytes.len, "%s", ex->text.data);

    struct reader r = reader_of(ex->bytes.data, ex->bytes.len);
    show(&r, &shown);
    ck_assert_str_eq(shown.data, ex->text.data);
}

static void assert_request(const struct message *m, const struct example *ex, bool *seen)
{
    enum method_id method = method_find(m->method.data, m->method.len);
    ck_assert_msg(method != METHOD_COUNT, "%s", ex->text.data);
    ck_assert_msg(m->param_count >= method_table[method].min_params &&
                      m->param_count <= method_table[method].max_params,
                  "%s", ex->text.data);
    seen[method] = true;
}

enum {
#define X(id, name, params) NOTIFICATION_##id,
    NOTIFICATION_LIST(X)
#undef X
        NOTIFICATION_COUNT
};

static void assert_notification(const struct message *m, const struct example *ex, bool *seen)
{
    static const char *const names[] = {
#define X(id, name, params) name,
        NOTIFICATION_LIST(X)
#undef X
    };
    ck_assert_int_eq(m->kind, MESSAGE_NOTIFICATION);
    for (unsigned i = 0; i < NOTIFICATION_COUNT; i++) {
        if (slice_equals(m->method, names[i])) {
            seen[i] = true;
            return;
        }
    }
    ck_abort_msg("not in the list: %s", ex->text.data);
}

static void assert_all(const bool *seen, unsigned count, const char *what)
{
    for (unsigned i = 0; i < count; i++)
        ck_assert_msg(seen[i], "%s %u of the list has no example", what, i);
}

START_TEST(its_examples_hold)
{
    const char *pos = specification;
    bool seen[METHOD_COUNT] = {false};
    bool notified[NOTIFICATION_COUNT] = {false};
    struct example ex;
    uint32_t asked = UINT32_MAX;
    while (next_example(&pos, &ex)) {
        struct message m;
        struct error e = {0};
        uint32_t id;
        bool has_id;
        assert_example(&ex);
        int rc = message_read(ex.bytes.data, ex.bytes.len, &m, &id, &has_id, &e);
        if (strcmp(ex.word, "malformed") == 0) {
            ck_assert_int_eq(rc, ERR_INVALID_REQUEST);
            ck_assert(has_id);
            asked = id;
        } else if (strcmp(ex.word, "request") == 0) {
            ck_assert_msg(rc == 0, "%s: %s", ex.text.data, e.text);
            ck_assert_int_eq(m.kind, MESSAGE_REQUEST);
            assert_request(&m, &ex, seen);
            asked = m.id;
        } else if (strcmp(ex.word, "notify") == 0) {
            ck_assert_msg(rc == 0, "%s: %s", ex.text.data, e.text);
            assert_notification(&m, &ex, notified);
        } else {
            ck_assert_msg(rc == 0, "%s: %s", ex.text.data, e.text);
            ck_assert_int_eq(m.kind, MESSAGE_RESPONSE);
            ck_assert_msg(m.id == asked, "%s", ex.text.data);
            ck_assert(!m.is_error || error_from_name(m.code.data, m.code.len) != ERR_OTHER);
        }
        buffer_fini(&ex.bytes);
    }
    assert_all(seen, METHOD_COUNT, "method");
    assert_all(notified, NOTIFICATION_COUNT, "notification");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("specification");
    TCase *tc = tcase_create("specification");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, tells_every_method);
    tcase_add_test(tc, tells_every_error);
    tcase_add_test(tc, tells_every_limit);
    tcase_add_test(tc, tells_every_notification);
    tcase_add_test(tc, tells_every_option);
    tcase_add_test(tc, its_examples_hold);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
