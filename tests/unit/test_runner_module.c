/* Modules as the runner reads them: headers, limits, imports and exports, hostile bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "client/runner/check.h"
#include "client/runner/command_export.h"
#include "client/runner/imports.h"
#include "client/runner/module.h"
#include "tests/unit/test_runner_wasm_text.h"

static int parse(const struct wasm_text *t, struct module *m, struct error *e)
{
    return module_parse(t->bytes, t->len, m, e);
}

static void expect_error(const struct wasm_text *t, const char *part)
{
    struct module m;
    struct error e = {0};
    ck_assert_int_eq(parse(t, &m, &e), ERR_INVALID_REQUEST);
    ck_assert_msg(strstr(e.text, part), "'%s' is not in '%s'", part, e.text);
}

static void expect_unfit(const struct wasm_text *t, const char *part)
{
    struct module m;
    struct error e = {0};
    ck_assert_int_eq(parse(t, &m, &e), 0);
    ck_assert_int_eq(check_module(&m, "x.wasm", &e), ERR_INVALID_REQUEST);
    ck_assert_msg(strstr(e.text, part), "'%s' is not in '%s'", part, e.text);
    module_fini(&m);
}

START_TEST(reads_numbers)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint32_t value;
        bool failed;
    } cases[] = {
        {"\x00", 1, 0, false},
        {"\xe5\x8e\x26", 3, 624485, false},
        {"\x80\x00", 2, 0, false},
        {"\xff\xff\xff\xff\x0f", 5, UINT32_MAX, false},
        {"\xff\xff\xff\xff\x1f", 5, 0, true},
        {"\x80\x80\x80\x80\x80\x00", 6, 0, true},
        {"\x80", 1, 0, true},
        {"", 0, 0, true},
    };
    struct wasm_reader r;
    wasm_reader_init(&r, (const uint8_t *)cases[_i].bytes, cases[_i].len);
    ck_assert_uint_eq(wasm_reader_u32(&r), cases[_i].value);
    ck_assert_int_eq(r.failed, cases[_i].failed);
    ck_assert_uint_eq(wasm_reader_left(&r), 0);
}
END_TEST

START_TEST(reads_a_command)
{
    struct wasm_text t;
    struct module m;
    struct error e = {0};
    wasm_text_command(&t);
    ck_assert_int_eq(parse(&t, &m, &e), 0);
    ck_assert_uint_eq(m.import_count, 1);
    ck_assert(wasm_name_is(m.imports[0].module, "wasi_snapshot_preview1"));
    ck_assert(wasm_name_is(m.imports[0].name, "fd_close"));
    ck_assert_uint_eq(m.function_count, 6);
    const struct module_export *export = module_export_find(&m, "cabi_realloc", MODULE_FUNCTION);
    ck_assert_ptr_nonnull(export);
    ck_assert_uint_eq(export->index, 4);
    ck_assert(module_type_is(module_function_type(&m, 4), "iiii:i"));
    ck_assert(!module_type_is(module_function_type(&m, 4), "iii:i"));
    ck_assert(!module_type_is(module_function_type(&m, 4), "iiiI:i"));
    ck_assert(!module_type_is(module_function_type(&m, 4), "iiii:"));
    ck_assert_ptr_null(module_function_type(&m, 6));
    ck_assert_ptr_null(module_export_find(&m, "memory", MODULE_FUNCTION));
    ck_assert_ptr_nonnull(module_export_find(&m, "memory", MODULE_MEMORY));
    ck_assert_int_eq(check_module(&m, "x.wasm", &e), 0);
    module_fini(&m);
}
END_TEST

/* Whole sections may be missing from the end; anything else that is cut off is an error. Each piece
 * stands in memory of its own size, so that a sanitizer sees a read beyond it. */
START_TEST(refuses_every_truncation)
{
    struct wasm_text t;
    size_t whole = 0;
    wasm_text_command(&t);
    for (size_t len = 0; len < t.len; len++) {
        uint8_t *bytes = malloc(len ? len : 1);
        struct module m;
        struct error e = {0};
        memcpy(bytes, t.bytes, len);
        if (module_parse(bytes, len, &m, &e) == 0) {
            whole++;
            module_fini(&m);
        } else {
            ck_assert_str_ne(e.text, "");
        }
        free(bytes);
    }
    ck_assert_uint_eq(whole, 6);
}
END_TEST

/* Whatever byte is changed to whatever value: an answer, and nothing read beyond the end. */
START_TEST(survives_every_changed_byte)
{
    struct wasm_text t;
    wasm_text_command(&t);
    uint8_t *bytes = malloc(t.len);
    for (size_t at = 8; at < t.len; at++)
        for (unsigned value = 0; value < 256; value++) {
            struct module m;
            struct error e = {0};
            memcpy(bytes, t.bytes, t.len);
            bytes[at] = (uint8_t)value;
            if (module_parse(bytes, t.len, &m, &e))
                continue;
            check_module(&m, "x.wasm", &e);
            command_export_unwrap(&m, EXPORT_REALLOC, bytes);
            module_fini(&m);
        }
    free(bytes);
}
END_TEST

START_TEST(names_what_is_not_a_core_module)
{
    struct wasm_text t;
    wasm_text_init(&t);
    t.bytes[4] = 0x0d, t.bytes[6] = 1;
    expect_error(&t, "is a component");
    wasm_text_init(&t);
    t.bytes[4] = 2;
    expect_error(&t, "version that is not known (2)");
    memcpy(t.bytes,
           "\x7f"
           "ELF",
           4);
    expect_error(&t, "is not a wasm module");
}
END_TEST

START_TEST(refuses_hostile_sections)
{
    struct wasm_text t;
    wasm_text_init(&t);
    WASM_SECTION(&t, 1, "\xff\xff\xff\xff\x0f");
    expect_error(&t, "not a valid wasm module");
    wasm_text_init(&t);
    WASM_SECTION(&t, 1, "\1\x60\xff\xff\xff\xff\x0f");
    expect_error(&t, "type section");
    wasm_text_init(&t);
    WASM_SECTION(&t, 2, "\1\1a\1b\0\0");
    expect_error(&t, "type that is not there");
    wasm_text_init(&t);
    WASM_SECTION(&t, 7, "\1\1a\0\7");
    expect_error(&t, "function that is not there");
    wasm_text_init(&t);
    WASM_SECTION(&t, 1, "\0");
    WASM_SECTION(&t, 1, "\0");
    expect_error(&t, "there twice");
    wasm_text_init(&t);
    WASM_SECTION(&t, 99, "");
    expect_error(&t, "section");
}
END_TEST

START_TEST(names_missing_imports)
{
    struct wasm_text t;
    wasm_text_init(&t);
    WASM_SECTION(&t, 1, "\1\x60\0\0");
    WASM_SECTION(&t, 2,
                 "\2"
                 "\20wasi:http/types@"
                 "\3foo\0\0"
                 "\1m\3mem\2\0\1");
    expect_unfit(&t, "module 'x.wasm' imports wasi:http/types@, which this runner does not offer; "
                     "'mem' of m (2 such imports)");
    wasm_text_init(&t);
    WASM_SECTION(&t, 1, "\1\x60\0\0");
    WASM_SECTION(&t, 2,
                 "\1"
                 "\x16wasi_snapshot_preview1"
                 "\10fd_close"
                 "\0\0");
    expect_unfit(&t, "'fd_close' of wasi_snapshot_preview1, with another type");
}
END_TEST

START_TEST(names_missing_exports)
{
    struct wasm_text t;
    wasm_text_init(&t);
    expect_unfit(&t, "nothing to run");
    WASM_SECTION(&t, 1,
                 "\2\x60\0\0"
                 "\x60\1\x7f\0");
    WASM_SECTION(&t, 2,
                 "\1"
                 "\11key-value"
                 "\5close"
                 "\0\1");
    expect_unfit(&t, "no memory");
    WASM_SECTION(&t, 5, "\1\0\1");
    WASM_SECTION(&t, 7, "\1\6memory\2\0");
    expect_unfit(&t, "exports neither 'cabi_realloc' nor 'canonical_abi_realloc'");
}
END_TEST

/* These go into comments of C code. */
START_TEST(refuses_names_that_end_a_comment)
{
    struct wasm_text t;
    wasm_text_init(&t);
    WASM_SECTION(&t, 5, "\1\0\1");
    WASM_SECTION(&t, 7, "\1\14*/ int x; /*\2\0");
    expect_unfit(&t, "cannot be translated");
    wasm_text_init(&t);
    WASM_SECTION(&t, 5, "\1\0\1");
    WASM_SECTION(&t, 7, "\1\3a\nb\2\0");
    expect_unfit(&t, "cannot be translated");
}
END_TEST

START_TEST(unwraps_realloc_of_a_command)
{
    struct wasm_text t;
    struct module m;
    struct error e = {0};
    wasm_text_command(&t);
    ck_assert_int_eq(parse(&t, &m, &e), 0);
    ck_assert(command_export_unwrap(&m, "cabi_realloc", t.bytes));
    module_fini(&m);
    ck_assert_int_eq(parse(&t, &m, &e), 0);
    ck_assert_uint_eq(module_export_find(&m, "cabi_realloc", MODULE_FUNCTION)->index, 3);
    /* What is exported now is no wrapper. */
    ck_assert(!command_export_unwrap(&m, "cabi_realloc", t.bytes));
    ck_assert(!command_export_unwrap(&m, "absent", t.bytes));
    module_fini(&m);
}
END_TEST

/* WASI preview 1 has 46 functions; every program that uses nothing else must link. */
START_TEST(offers_all_of_wasi)
{
    unsigned wasi = 0;
    for (size_t i = 0; i < imports_count; i++) {
        const struct import *import = &imports[i];
        struct wasm_name module = {import->module, strlen(import->module)};
        struct wasm_name name = {import->name, strlen(import->name)};
        ck_assert_ptr_eq(imports_find(module, name), import);
        ck_assert_ptr_nonnull(strchr(import->signature, ':'));
        ck_assert_msg(import->function || import->answer, "%s would succeed", import->name);
        wasi += strcmp(import->module, IMPORTS_WASI) == 0;
    }
    ck_assert_uint_eq(wasi, 46);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner: modules");
    TCase *tc = tcase_create("modules");
    tcase_add_loop_test(tc, reads_numbers, 0, 8);
    tcase_add_test(tc, reads_a_command);
    tcase_add_test(tc, refuses_every_truncation);
    tcase_add_test(tc, survives_every_changed_byte);
    tcase_add_test(tc, names_what_is_not_a_core_module);
    tcase_add_test(tc, refuses_hostile_sections);
    tcase_add_test(tc, names_missing_imports);
    tcase_add_test(tc, names_missing_exports);
    tcase_add_test(tc, refuses_names_that_end_a_comment);
    tcase_add_test(tc, unwraps_realloc_of_a_command);
    tcase_add_test(tc, offers_all_of_wasi);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
