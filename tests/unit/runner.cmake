bobbin_check_test(test_runner_module
    SOURCES unit/test_runner_module.c unit/test_runner_wasm_text.c
    LIBRARIES bobbin_runner
    LABELS unit)
bobbin_check_test(test_runner_wasi
    SOURCES unit/test_runner_wasi.c unit/test_runner_fake_guest.c
    LIBRARIES bobbin_runner
    LABELS unit)
bobbin_check_test(test_runner_files
    SOURCES unit/test_runner_files.c unit/test_runner_fake_guest.c
    LIBRARIES bobbin_runner
    LABELS unit)
# With a client library of its own: of the runner only what is tested.
set(runner ${PROJECT_SOURCE_DIR}/client/runner)
foreach(name key_value wasi_kv)
    bobbin_check_test(test_runner_${name}
        SOURCES unit/test_runner_${name}.c unit/test_runner_fake_guest.c
            unit/test_runner_fake_library.c
            ${runner}/backtrace.c ${runner}/canonical.c ${runner}/cas.c ${runner}/host.c ${runner}/key_list.c
            ${runner}/key_value.c ${runner}/kv.c ${runner}/stores.c ${runner}/symbols.c ${runner}/module.c ${runner}/wasi_fds.c
            ${runner}/wasm_reader.c ${runner}/wasi_kv_atomics.c
            ${runner}/wasi_kv_batch.c ${runner}/wasi_kv_store.c
        LIBRARIES bobbin_protocol
        LABELS unit)
endforeach()
# All imports, on that client library.
bobbin_check_test(test_runner_hostile
    SOURCES unit/test_runner_hostile.c unit/test_runner_fake_guest.c
        unit/test_runner_fake_library.c
    LIBRARIES bobbin_runner
    LABELS unit)
bobbin_check_test(test_runner_sandbox
    SOURCES unit/test_runner_sandbox.c
    LIBRARIES bobbin_runner
    LABELS unit)
add_test(NAME test_runner
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_runner.sh ${CMAKE_BINARY_DIR}/bin
        ${CMAKE_BINARY_DIR}/apps)
set_tests_properties(test_runner PROPERTIES TIMEOUT 300 LABELS unit)
