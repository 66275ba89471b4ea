# The bench: measures Bobbin and what it is compared with. Built with the tests, never installed.
add_library(bobbin_bench STATIC
    bench/bed.c
    bench/bench.c
    bench/dialect.c
    bench/dialect_bobbin.c
    bench/dialect_echo.c
    bench/dialect_postgres.c
    bench/dialect_redis.c
    bench/echo.c
    bench/hist.c
    bench/keys.c
    bench/load.c
    bench/load_conn.c
    bench/peer.c
    bench/place.c
    bench/server.c
    bench/server_postgres.c
    bench/sqlite.c
    bench/talk.c
    bench/workspace.c)
target_link_libraries(bobbin_bench
    PUBLIC bobbin_protocol PkgConfig::UV PRIVATE PkgConfig::SQLITE Threads::Threads bobbin_warnings m)
target_compile_options(bobbin_bench PRIVATE -O2)

add_executable(bobbin-bench
    bench/growth.c
    bench/machine.c
    bench/main.c
    bench/matrix.c
    bench/matrix_once.c
    bench/matrix_plan.c
    bench/matrix_print.c
    bench/options.c
    bench/plot_percentiles.c
    bench/plot_ratios.c
    bench/run.c
    bench/run_print.c
    bench/svg.c)
target_link_libraries(bobbin-bench PRIVATE
    bobbin_bench bobbind_supervision PkgConfig::JANSSON Threads::Threads bobbin_warnings)
add_dependencies(bobbin-bench bobbind)

foreach(name hist dialect)
    bobbin_check_test(test_bench_${name}
        SOURCES bench/test_bench_${name}.c
        LIBRARIES bobbin_bench m
        LABELS bench)
endforeach()
add_test(NAME bench
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/bench/test_bench.sh ${CMAKE_BINARY_DIR}/bin)
add_test(NAME bench_liar
    COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/bench/test_bench_liar.py ${CMAKE_BINARY_DIR}/bin)
add_test(NAME bench_matrix
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/bench/test_bench_matrix.sh ${CMAKE_BINARY_DIR}/bin)
set_tests_properties(bench bench_liar bench_matrix PROPERTIES TIMEOUT 600 LABELS bench)

# cmake --build build --target bench: everything, on the file system of the build directory.
set(BENCH_FILES --json ${CMAKE_BINARY_DIR}/bench.json --svg ${CMAKE_BINARY_DIR}/bench.svg
    --percentiles ${CMAKE_BINARY_DIR}/bench-percentiles.svg)
add_custom_target(bench
    COMMAND bobbin-bench matrix --dir ${CMAKE_BINARY_DIR} ${BENCH_FILES}
    USES_TERMINAL)
add_custom_target(bench-quick
    COMMAND bobbin-bench matrix --quick --dir ${CMAKE_BINARY_DIR} ${BENCH_FILES}
    USES_TERMINAL)
