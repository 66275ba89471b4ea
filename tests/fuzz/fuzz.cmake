# The fuzz targets. In an ordinary build each is a program that replays files, and a test that does so with
# the seeds and the corpus; with BOBBIN_FUZZ it is a fuzzer. `--target fuzz` makes a build of that kind
# inside this one and runs them all.
set(FUZZ ${CMAKE_CURRENT_SOURCE_DIR}/fuzz)
set(FUZZERS "" CACHE INTERNAL "")
find_program(PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

if(BOBBIN_FUZZ STREQUAL "afl")
    add_library(fuzz_main STATIC fuzz/fuzz.c fuzz/afl_main.c)
elseif(BOBBIN_FUZZ)
    add_library(fuzz_main STATIC fuzz/fuzz.c)
else()
    add_library(fuzz_main STATIC fuzz/fuzz.c fuzz/replay_main.c)
endif()
target_link_libraries(fuzz_main PRIVATE bobbin_warnings)

# What vectors.json says, as inputs.
set(FUZZ_SEEDS ${CMAKE_BINARY_DIR}/fuzz-seeds)
file(GLOB FUZZ_MANIFESTS CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/apps/*/spin.toml)
add_custom_command(
    OUTPUT ${FUZZ_SEEDS}/made
    COMMAND ${PYTHON3} ${FUZZ}/make_seeds.py ${PROJECT_SOURCE_DIR} ${FUZZ_SEEDS}
    COMMAND ${PYTHON3} ${FUZZ}/make_dictionaries.py ${PROJECT_SOURCE_DIR} ${FUZZ_SEEDS}/dict
    COMMAND ${CMAKE_COMMAND} -E touch ${FUZZ_SEEDS}/made
    DEPENDS ${FUZZ}/make_seeds.py ${FUZZ}/make_dictionaries.py ${PROJECT_SOURCE_DIR}/protocol/vectors.json ${FUZZ_MANIFESTS}
            ${PROJECT_SOURCE_DIR}/client/runner/imports.c
    VERBATIM)
add_custom_target(fuzz_seeds ALL DEPENDS ${FUZZ_SEEDS}/made)

# bobbin_fuzzer(NAME SOURCES … LIBRARIES … WRAP functions…)
function(bobbin_fuzzer name)
    cmake_parse_arguments(F "" "" "SOURCES;LIBRARIES;WRAP" ${ARGN})
    add_executable(fuzz_${name} fuzz/fuzz_${name}.c ${F_SOURCES})
    target_link_libraries(fuzz_${name} PRIVATE fuzz_main ${F_LIBRARIES} bobbin_warnings
        Threads::Threads)
    foreach(function ${F_WRAP})
        target_link_options(fuzz_${name} PRIVATE -Wl,--wrap=${function})
    endforeach()
    if(BOBBIN_FUZZ STREQUAL "libfuzzer")
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    endif()
    set_target_properties(fuzz_${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_dependencies(fuzz_${name} fuzz_seeds)
    set(FUZZERS "${FUZZERS};fuzz_${name}" CACHE INTERNAL "")
    if(NOT BOBBIN_FUZZ)
        add_test(NAME fuzz_${name}
            COMMAND fuzz_${name} ${FUZZ_SEEDS}/${name} ${FUZZ}/corpus/${name})
        set_tests_properties(fuzz_${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
    endif()
endfunction()

bobbin_fuzzer(scanner LIBRARIES bobbin_protocol)
bobbin_fuzzer(codec LIBRARIES bobbin_protocol)
bobbin_fuzzer(client LIBRARIES bobbin_static bobbin_protocol WRAP send poll __poll_chk)
bobbin_fuzzer(dispatch LIBRARIES bobbind_server WRAP directory_init file_request_path)
bobbin_fuzzer(manifest LIBRARIES bobbind_supervision)
bobbin_fuzzer(config LIBRARIES bobbind_supervision)
bobbin_fuzzer(registry LIBRARIES bobbind_server)
bobbin_fuzzer(commit_log LIBRARIES bobbind_store)
bobbin_fuzzer(salvage LIBRARIES bobbind_store)
bobbin_fuzzer(redo LIBRARIES bobbind_store PkgConfig::SQLITE)
set(cli ${PROJECT_SOURCE_DIR}/client/cli)
bobbin_fuzzer(import
    SOURCES ${cli}/entry_line.c ${cli}/import_batch.c ${cli}/lines.c ${cli}/arena.c ${cli}/bytes.c
            ${cli}/words.c
    LIBRARIES bobbin_static bobbin_protocol PkgConfig::JANSSON)
bobbin_fuzzer(module LIBRARIES bobbin_runner)
bobbin_fuzzer(runner
    SOURCES unit/test_runner_fake_guest.c unit/test_runner_fake_library.c
    LIBRARIES bobbin_runner
    WRAP _exit exit ppoll __ppoll_chk writev)
add_custom_target(fuzzers DEPENDS ${FUZZERS})

if(NOT BOBBIN_FUZZ)
    # How long each runs: BOBBIN_FUZZ_SECONDS of the environment goes first.
    set(BOBBIN_FUZZ_SECONDS 60 CACHE STRING "Seconds that --target fuzz gives to each fuzzer")
    add_custom_target(fuzz
        COMMAND ${PYTHON3} ${FUZZ}/run.py ${PROJECT_SOURCE_DIR} ${CMAKE_BINARY_DIR}/fuzz
                ${BOBBIN_FUZZ_SECONDS}
        USES_TERMINAL VERBATIM)
    # A short run of what --target fuzz does longer, on a daemon with sanitizers.
    add_test(NAME fuzz_socket
        COMMAND ${PYTHON3} ${FUZZ}/socket_fuzz.py ${CMAKE_BINARY_DIR}/bin
                ${PROJECT_SOURCE_DIR}/protocol/vectors.json 4)
    set_tests_properties(fuzz_socket PROPERTIES TIMEOUT 300 LABELS fuzz)
    # Sanitizers take terabytes of address space for themselves.
    if(NOT BOBBIN_SANITIZE)
        add_test(NAME memory_limit
            COMMAND ${PYTHON3} ${FUZZ}/test_memory_limit.py ${CMAKE_BINARY_DIR}/bin)
        set_tests_properties(memory_limit PROPERTIES TIMEOUT 300 LABELS fuzz)
    endif()
    # The fuzzers find what they are for.
    add_test(NAME fuzz_planted
        COMMAND ${PYTHON3} ${FUZZ}/test_planted.py ${PROJECT_SOURCE_DIR} ${FUZZ_SEEDS}
                ${MSGPACK_LDFLAGS})
    set_tests_properties(fuzz_planted PROPERTIES TIMEOUT 300 LABELS fuzz SKIP_RETURN_CODE 77)
endif()
