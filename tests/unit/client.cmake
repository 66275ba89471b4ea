# libbobbin, from its objects, so that the tests see what the library hides.
add_library(test_client_peer STATIC unit/test_client_peer.c)
target_link_libraries(test_client_peer
    PUBLIC bobbin_objects bobbin_protocol PkgConfig::CHECK PRIVATE bobbin_warnings)
target_compile_options(test_client_peer PRIVATE -Wno-conversion)

foreach(name calls core hostile transfer connect memory service watch submit reconnect threads)
    bobbin_check_test(test_client_${name}
        SOURCES unit/test_client_${name}.c $<TARGET_OBJECTS:bobbin_objects>
        LIBRARIES test_client_peer
        LABELS unit)
endforeach()

# This one makes allocations fail.
target_link_options(test_client_memory PRIVATE
    -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc)

bobbin_check_test(test_explore_guard
    SOURCES unit/test_explore_guard.c ${PROJECT_SOURCE_DIR}/client/cli/explore/guard.c
    LABELS unit)

add_test(NAME install
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/integration/test_install.sh
            ${CMAKE_BINARY_DIR} ${CMAKE_C_COMPILER})
set_tests_properties(install PROPERTIES TIMEOUT 300 LABELS integration)
