# The bench: measures Bobbin and what it is compared with. Built with the tests, never installed.
add_library(bobbin_bench STATIC
    bench/bed.c
    bench/bench.c
    bench/dialect.c
    bench/dialect_bobbin.c
    bench/dialect_echo.c
    bench/dialect_redis.c
    bench/echo.c
    bench/hist.c
    bench/keys.c
    bench/load.c
    bench/load_conn.c
    bench/peer.c
    bench/server.c
    bench/sqlite.c
    bench/talk.c
    bench/workspace.c)
target_link_libraries(bobbin_bench
    PUBLIC bobbin_protocol PkgConfig::UV PRIVATE PkgConfig::SQLITE Threads::Threads bobbin_warnings m)
target_compile_options(bobbin_bench PRIVATE -O2)

add_executable(bobbin-bench
    bench/main.c
    bench/options.c
    bench/run.c
    bench/run_print.c)
target_link_libraries(bobbin-bench PRIVATE
    bobbin_bench PkgConfig::JANSSON Threads::Threads bobbin_warnings)
add_dependencies(bobbin-bench bobbind)

bobbin_check_test(test_bench_hist
    SOURCES bench/test_bench_hist.c
    LIBRARIES bobbin_bench m
    LABELS bench)
add_test(NAME bench
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/bench/test_bench.sh ${CMAKE_BINARY_DIR}/bin)
set_tests_properties(bench PROPERTIES TIMEOUT 300 LABELS bench)
