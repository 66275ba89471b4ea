# The wire: what only protocol/ knows. msgpack-c is the oracle.
add_library(bobbin_test_wire STATIC unit/wire.c)
target_link_libraries(bobbin_test_wire PRIVATE bobbin_protocol bobbin_warnings)

foreach(name buffer call errors methods utf8 scanner reader message specification)
    bobbin_check_test(test_${name}
        SOURCES unit/test_${name}.c
        LIBRARIES bobbin_test_wire bobbin_protocol
        LABELS unit)
endforeach()

# The buffer's test makes its allocations fail.
target_link_options(test_buffer PRIVATE -Wl,--wrap=realloc)

target_compile_definitions(test_specification PRIVATE
    SPECIFICATION="${PROJECT_SOURCE_DIR}/protocol/PROTOCOL.md")
