# The wasm guests: each becomes a complete app directory, ${CMAKE_BINARY_DIR}/apps/NAME, with its
# manifest beside its module. Built by clang, whatever compiler builds the rest.
find_program(BOBBIN_WASM_CLANG clang REQUIRED)
set(BOBBIN_WASM_FLAGS --target=wasm32-wasi -O2 -Wall -Wextra -Werror
    -I${PROJECT_SOURCE_DIR}/client/wasm -I${CMAKE_CURRENT_SOURCE_DIR}/apps)
file(GLOB BOBBIN_GUEST_HEADERS CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/client/wasm/*.h ${CMAKE_CURRENT_SOURCE_DIR}/apps/*.h)

# bobbin_guest(NAME [FLAGS…]): apps/NAME/NAME.c and apps/NAME/spin.toml.
function(bobbin_guest name)
    set(source ${PROJECT_SOURCE_DIR}/tests/apps/${name})
    set(app ${CMAKE_BINARY_DIR}/apps/${name})
    file(MAKE_DIRECTORY ${app})
    add_custom_command(
        OUTPUT ${app}/${name}.wasm ${app}/spin.toml
        COMMAND ${BOBBIN_WASM_CLANG} ${BOBBIN_WASM_FLAGS} ${ARGN} ${source}/${name}.c
                -o ${app}/${name}.wasm
        COMMAND ${CMAKE_COMMAND} -E copy ${source}/spin.toml ${app}/spin.toml
        DEPENDS ${source}/${name}.c ${source}/spin.toml ${BOBBIN_GUEST_HEADERS}
        VERBATIM)
    set_property(GLOBAL APPEND PROPERTY BOBBIN_GUESTS ${app}/${name}.wasm)
endfunction()

bobbin_guest(counter)
bobbin_guest(files)
bobbin_guest(gets)
bobbin_guest(kv1)
bobbin_guest(kv2 -mexec-model=reactor)
bobbin_guest(semantics1)
bobbin_guest(semantics2)
bobbin_guest(semantics_wasi)
bobbin_guest(ticker)
bobbin_guest(trap)
bobbin_guest(wasi)

# Written by hand: one app with a component for each interface.
find_program(BOBBIN_WAT2WASM wat2wasm REQUIRED)
foreach(name spin1 spin2 wasi)
    set(app ${CMAKE_BINARY_DIR}/apps/wat)
    set(source ${PROJECT_SOURCE_DIR}/tests/apps/wat)
    file(MAKE_DIRECTORY ${app})
    add_custom_command(
        OUTPUT ${app}/${name}.wasm
        COMMAND ${BOBBIN_WAT2WASM} ${source}/${name}.wat -o ${app}/${name}.wasm
        COMMAND ${CMAKE_COMMAND} -E copy ${source}/spin.toml ${app}/spin.toml
        DEPENDS ${source}/${name}.wat ${source}/spin.toml
        VERBATIM)
    set_property(GLOBAL APPEND PROPERTY BOBBIN_GUESTS ${app}/${name}.wasm)
endforeach()

# Of another toolchain, as its source says.
file(COPY ${CMAKE_CURRENT_SOURCE_DIR}/apps/assemblyscript DESTINATION ${CMAKE_BINARY_DIR}/apps)

get_property(guests GLOBAL PROPERTY BOBBIN_GUESTS)
add_custom_target(guests ALL DEPENDS ${guests})

# What runner.py compares the runner with.
add_executable(runner_native bench/runner_native.c)
target_link_libraries(runner_native PRIVATE bobbin_static bobbin_warnings)
set_target_properties(runner_native PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

add_test(NAME large_module
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_large.py ${CMAKE_BINARY_DIR}/bin
            ${CMAKE_CURRENT_SOURCE_DIR}/apps/large/make_large.py ${BOBBIN_WASM_CLANG})
set_tests_properties(large_module PROPERTIES TIMEOUT 600 LABELS integration COST 1000)
