# What a daemon does when it is asked for too much.
add_executable(overload overload/overload.c)
target_link_libraries(overload PRIVATE bobbin_bench bobbin_warnings m)
target_include_directories(overload PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/bench)
target_compile_definitions(overload PRIVATE BOBBIN_BIN_DIR="${CMAKE_BINARY_DIR}/bin")
set_target_properties(overload PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_dependencies(overload bobbind)

# A sanitizer's memory and time are not the daemon's.
if(NOT BOBBIN_SANITIZE)
    add_test(NAME bench_overload COMMAND overload --seconds 0.2 flood idle)
    set_tests_properties(bench_overload PROPERTIES TIMEOUT 300 LABELS bench)
endif()

# cmake --build build --target overload-strict: to the letter; wants a machine that does nothing else.
add_custom_target(overload-strict COMMAND overload --strict --dir ${CMAKE_BINARY_DIR} USES_TERMINAL)

# The soak, in short; tests/soak.md has the record of a long one.
add_test(NAME soak_short
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/soak/soak.py ${CMAKE_BINARY_DIR}/bin --seconds 20)
set_tests_properties(soak_short PROPERTIES TIMEOUT 300 LABELS soak)
