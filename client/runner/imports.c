#include "client/runner/imports.h"

#include "client/runner/key_value.h"
#include "client/runner/wasi.h"
#include "client/runner/wasi_kv.h"
#include "client/runner/wasm_reader.h"

/* What WASI has and no program is given: every descriptor that could be meant is no socket, and
 * nobody may send a signal. */
#define KV1(name, signature, function)                                                             \
    {IMPORTS_KEY_VALUE_1, name, signature, (guest_function)(function), 0},
#define KV2(name, signature, function)                                                             \
    {IMPORTS_KEY_VALUE_2, name, signature, (guest_function)(function), 0},
#define STORE(name, signature, function)                                                           \
    {IMPORTS_WASI_STORE, name, signature, (guest_function)(function), 0},
#define ATOMICS(name, signature, function)                                                         \
    {IMPORTS_WASI_ATOMICS, name, signature, (guest_function)(function), 0},
#define BATCH(name, signature, function)                                                           \
    {IMPORTS_WASI_BATCH, name, signature, (guest_function)(function), 0},
#define WASI(name, signature) {IMPORTS_WASI, #name, signature, (guest_function)wasi_##name, 0},
#define ABSENT(name, signature, answer) {IMPORTS_WASI, #name, signature, NULL, answer},

const struct import imports[] = {
    /* clang-format off */
    KV1("open", "iii:", key_value_1_open)
    KV1("get", "iiii:", key_value_1_get)
    KV1("set", "iiiiii:", key_value_1_set)
    KV1("delete", "iiii:", key_value_1_delete)
    KV1("exists", "iiii:", key_value_1_exists)
    KV1("get-keys", "ii:", key_value_1_get_keys)
    KV1("close", "i:", key_value_1_close)

    KV2("[static]store.open", "iii:", key_value_2_open)
    KV2("[method]store.get", "iiii:", key_value_2_get)
    KV2("[method]store.set", "iiiiii:", key_value_2_set)
    KV2("[method]store.delete", "iiii:", key_value_2_delete)
    KV2("[method]store.exists", "iiii:", key_value_2_exists)
    KV2("[method]store.get-keys", "ii:", key_value_2_get_keys)
    KV2("[resource-drop]store", "i:", key_value_2_drop)

    STORE("open", "iii:", wasi_kv_open)
    STORE("[method]bucket.get", "iiii:", wasi_kv_get)
    STORE("[method]bucket.set", "iiiiii:", wasi_kv_set)
    STORE("[method]bucket.delete", "iiii:", wasi_kv_delete)
    STORE("[method]bucket.exists", "iiii:", wasi_kv_exists)
    STORE("[method]bucket.list-keys", "iiiii:", wasi_kv_list_keys)
    STORE("[resource-drop]bucket", "i:", wasi_kv_bucket_drop)

    ATOMICS("increment", "iiiIi:", wasi_kv_increment)
    ATOMICS("[static]cas.new", "iiii:", wasi_kv_cas_new)
    ATOMICS("[method]cas.current", "ii:", wasi_kv_cas_current)
    ATOMICS("swap", "iiii:", wasi_kv_swap)
    ATOMICS("[resource-drop]cas", "i:", wasi_kv_cas_drop)

    BATCH("get-many", "iiii:", wasi_kv_get_many)
    BATCH("set-many", "iiii:", wasi_kv_set_many)
    BATCH("delete-many", "iiii:", wasi_kv_delete_many)

    WASI(args_get, "ii:i")
    WASI(args_sizes_get, "ii:i")
    WASI(environ_get, "ii:i")
    WASI(environ_sizes_get, "ii:i")
    WASI(clock_res_get, "ii:i")
    WASI(clock_time_get, "iIi:i")
    WASI(fd_advise, "iIIi:i")
    WASI(fd_allocate, "iII:i")
    WASI(fd_close, "i:i")
    WASI(fd_datasync, "i:i")
    WASI(fd_fdstat_get, "ii:i")
    WASI(fd_fdstat_set_flags, "ii:i")
    WASI(fd_fdstat_set_rights, "iII:i")
    WASI(fd_filestat_get, "ii:i")
    WASI(fd_filestat_set_size, "iI:i")
    WASI(fd_filestat_set_times, "iIIi:i")
    WASI(fd_pread, "iiiIi:i")
    WASI(fd_prestat_get, "ii:i")
    WASI(fd_prestat_dir_name, "iii:i")
    WASI(fd_pwrite, "iiiIi:i")
    WASI(fd_read, "iiii:i")
    WASI(fd_readdir, "iiiIi:i")
    WASI(fd_renumber, "ii:i")
    WASI(fd_seek, "iIii:i")
    WASI(fd_sync, "i:i")
    WASI(fd_tell, "ii:i")
    WASI(fd_write, "iiii:i")
    WASI(path_create_directory, "iii:i")
    WASI(path_filestat_get, "iiiii:i")
    WASI(path_filestat_set_times, "iiiiIIi:i")
    WASI(path_link, "iiiiiii:i")
    WASI(path_open, "iiiiiIIii:i")
    WASI(path_readlink, "iiiiii:i")
    WASI(path_remove_directory, "iii:i")
    WASI(path_rename, "iiiiii:i")
    WASI(path_symlink, "iiiii:i")
    WASI(path_unlink_file, "iii:i")
    WASI(poll_oneoff, "iiii:i")
    WASI(proc_exit, "i:")
    ABSENT(proc_raise, "i:i", WASI_ENOTSUP)
    WASI(random_get, "ii:i")
    WASI(sched_yield, ":i")
    ABSENT(sock_accept, "iii:i", WASI_ENOTSUP)
    ABSENT(sock_recv, "iiiiii:i", WASI_ENOTSUP)
    ABSENT(sock_send, "iiiii:i", WASI_ENOTSUP)
    ABSENT(sock_shutdown, "ii:i", WASI_ENOTSUP)
    /* clang-format on */
};

const size_t imports_count = sizeof(imports) / sizeof(imports[0]);

const struct import *imports_find(struct wasm_name module, struct wasm_name name)
{
    for (size_t i = 0; i < imports_count; i++)
        if (wasm_name_is(module, imports[i].module) && wasm_name_is(name, imports[i].name))
            return &imports[i];
    return NULL;
}

bool imports_has_module(struct wasm_name module)
{
    for (size_t i = 0; i < imports_count; i++)
        if (wasm_name_is(module, imports[i].module))
            return true;
    return false;
}

void imports_functions(guest_function *ret_functions)
{
    for (size_t i = 0; i < imports_count; i++)
        ret_functions[i] = imports[i].function;
}
