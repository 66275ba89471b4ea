# Tests of the programs as they are: a real bobbind, real sockets, real files.
add_library(test_harness STATIC integration/harness.c integration/notation.c)
target_link_libraries(test_harness
    PUBLIC bobbin_static bobbin_protocol PkgConfig::CHECK PRIVATE bobbin_warnings)
target_include_directories(test_harness PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/integration)
target_compile_options(test_harness PRIVATE -Wno-conversion)
target_compile_definitions(test_harness PUBLIC BOBBIN_BIN_DIR="${CMAKE_BINARY_DIR}/bin")

# The app process of the tests: does over its inherited connection what its arguments say.
add_executable(test_app_process integration/app_process.c)
target_link_libraries(test_app_process PRIVATE bobbin_static bobbin_warnings)
set_target_properties(test_app_process PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

foreach(name service wire kv apps)
    bobbin_check_test(test_${name}
        SOURCES integration/test_${name}.c
        LIBRARIES test_harness PkgConfig::SQLITE
        LABELS integration)
    target_compile_definitions(test_${name} PRIVATE
        TEST_APP_PROCESS="${CMAKE_BINARY_DIR}/tests/test_app_process")
    add_dependencies(test_${name} bobbind test_app_process)
endforeach()

foreach(name watch backup cached unread limits registration share)
    bobbin_check_test(test_${name}
        SOURCES integration/test_${name}.c integration/talk.c
        LIBRARIES test_harness PkgConfig::SQLITE
        LABELS integration
        TIMEOUT 300)
    add_dependencies(test_${name} bobbind)
endforeach()

# It is loaded in front of everything, also of a sanitizer's own library.
add_library(test_slow_sync MODULE integration/slow_sync_preload.c)
target_link_libraries(test_slow_sync PRIVATE bobbin_warnings)
target_compile_options(test_slow_sync PRIVATE -fno-sanitize=all)
target_link_options(test_slow_sync PRIVATE -fno-sanitize=all)
target_compile_definitions(test_registration PRIVATE
    TEST_SLOW_SYNC="$<TARGET_FILE:test_slow_sync>")
add_dependencies(test_registration test_slow_sync)

bobbin_check_test(test_kill
    SOURCES crash/test_kill.c
    LIBRARIES test_harness
    LABELS crash
    TIMEOUT 600)
add_dependencies(test_kill bobbind)

# Debian's own interpreter: the one that python3-msgpack is for.
find_program(PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)
add_test(NAME foreign_client
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_foreign_client.py
            ${CMAKE_BINARY_DIR}/bin)
add_test(NAME cli
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_cli.sh ${CMAKE_BINARY_DIR}/bin)
foreach(name verbs transfer shell restore)
    add_test(NAME cli_${name}
        COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_${name}.py ${CMAKE_BINARY_DIR}/bin)
    set_tests_properties(cli_${name} PROPERTIES TIMEOUT 300 LABELS integration)
endforeach()
add_test(NAME cli_man
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_man_cli.py ${CMAKE_BINARY_DIR}/bin
            ${PROJECT_SOURCE_DIR}/client/man/bobbin.1)
set_tests_properties(cli_man PROPERTIES TIMEOUT 120 LABELS integration)
foreach(shell bash zsh)
    add_test(NAME cli_completions_${shell}
        COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_completions.sh ${CMAKE_BINARY_DIR}/bin ${shell})
    set_tests_properties(cli_completions_${shell} PROPERTIES TIMEOUT 300 LABELS integration)
endforeach()
add_test(NAME guests
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_guests.sh ${CMAKE_BINARY_DIR}/bin
            ${CMAKE_BINARY_DIR}/apps)
add_test(NAME demo
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/demo.sh ${CMAKE_BINARY_DIR}/bin
            ${CMAKE_BINARY_DIR}/apps)
add_test(NAME metrics
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_metrics.py ${CMAKE_BINARY_DIR}/bin
            ${PROJECT_SOURCE_DIR})
set_tests_properties(metrics PROPERTIES TIMEOUT 300 LABELS integration)
add_test(NAME trace
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_trace.py ${CMAKE_BINARY_DIR}/bin)
set_tests_properties(trace PROPERTIES TIMEOUT 300 LABELS integration)
add_test(NAME web
    COMMAND ${PROJECT_SOURCE_DIR}/tests/web/run.sh ${CMAKE_BINARY_DIR}/bin ${CMAKE_BINARY_DIR}/tests/web)
set_tests_properties(web PROPERTIES TIMEOUT 300 LABELS integration)
add_executable(print_protocol integration/print_protocol.c)
target_link_libraries(print_protocol PRIVATE bobbin_warnings)
set_target_properties(print_protocol PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
set(VECTORS ${PROJECT_SOURCE_DIR}/protocol/vectors.json)
add_test(NAME vectors
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_vectors.py
            ${CMAKE_BINARY_DIR}/bin $<TARGET_FILE:print_protocol> ${VECTORS})
add_test(NAME vectors_are_made
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/make_vectors.py --check ${VECTORS})
add_test(NAME man_pages
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_man_pages.py
            ${CMAKE_BINARY_DIR} ${PROJECT_SOURCE_DIR})
set_tests_properties(man_pages PROPERTIES TIMEOUT 120 LABELS integration)
set_tests_properties(vectors vectors_are_made PROPERTIES TIMEOUT 300 LABELS integration)
set_tests_properties(foreign_client cli guests demo PROPERTIES TIMEOUT 300 LABELS integration)

add_test(NAME upgrade
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_upgrade.py ${CMAKE_BINARY_DIR}/bin
            ${CMAKE_BINARY_DIR}/apps)
add_test(NAME kept
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_kept.py ${CMAKE_BINARY_DIR}/bin
            ${CMAKE_BINARY_DIR}/apps)
set_tests_properties(upgrade kept PROPERTIES TIMEOUT 300 LABELS integration)
add_test(NAME ahead
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_ahead.py ${CMAKE_BINARY_DIR}/bin
            ${CMAKE_BINARY_DIR}/apps)
set_tests_properties(ahead PROPERTIES TIMEOUT 300 LABELS integration)
add_test(NAME readme
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_readme.py
            ${CMAKE_BINARY_DIR} ${PROJECT_SOURCE_DIR})
set_tests_properties(readme PROPERTIES TIMEOUT 300 LABELS integration)
set_tests_properties(upgrade PROPERTIES ENVIRONMENT "TEST_SLOW_SYNC=$<TARGET_FILE:test_slow_sync>")
add_test(NAME configuration
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_configuration.py
            ${CMAKE_BINARY_DIR}/bin ${PROJECT_SOURCE_DIR})
set_tests_properties(configuration PROPERTIES TIMEOUT 300 LABELS integration)

# The life of apps; who may do what, which needs root; and, not for sanitizers, what many cost.
set(SUPERVISION_TESTS life access logs damage mounts journal cgroup)
if(NOT BOBBIN_SANITIZE)
    list(APPEND SUPERVISION_TESTS many)
endif()
foreach(name ${SUPERVISION_TESTS})
    add_test(NAME ${name}
        COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_${name}.py ${CMAKE_BINARY_DIR}/bin)
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 LABELS integration)
endforeach()
if(NOT BOBBIN_SANITIZE)
    set_tests_properties(many PROPERTIES RUN_SERIAL TRUE)
endif()

# The programs and the library as they are installed.
if(BOBBIN_HARDEN)
    add_test(NAME hardening
        COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_hardening.py ${CMAKE_C_COMPILER}
                $<TARGET_FILE:bobbind> $<TARGET_FILE:bobbin-cli> $<TARGET_FILE:bobbin-run> $<TARGET_FILE:bobbin>)
    set_tests_properties(hardening PROPERTIES TIMEOUT 120 LABELS integration)
endif()
