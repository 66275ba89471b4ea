bobbin_check_test(test_runner_module
    SOURCES unit/test_runner_module.c unit/test_runner_wasm_text.c
    LIBRARIES bobbin_runner
    LABELS unit)
bobbin_check_test(test_runner_wasi
    SOURCES unit/test_runner_wasi.c unit/test_runner_fake_guest.c
    LIBRARIES bobbin_runner
    LABELS unit)
# With a client library of its own: of the runner only what is tested.
set(runner ${PROJECT_SOURCE_DIR}/client/runner)
bobbin_check_test(test_runner_key_value
    SOURCES unit/test_runner_key_value.c unit/test_runner_fake_guest.c
        ${runner}/canonical.c ${runner}/host.c ${runner}/key_list.c ${runner}/key_value.c
        ${runner}/stores.c
    LIBRARIES bobbin_protocol
    LABELS unit)
add_test(NAME test_runner
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/unit/test_runner.sh ${CMAKE_BINARY_DIR}/bin
        ${CMAKE_BINARY_DIR}/apps)
set_tests_properties(test_runner PROPERTIES TIMEOUT 300 LABELS unit)
