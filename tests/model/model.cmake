# Acceptance tests of the whole service: a model, watchers and backups under load.
add_library(test_clock_preload MODULE model/clock_preload.c)
target_link_libraries(test_clock_preload PRIVATE bobbin_warnings)
# It is loaded in front of everything, also of a sanitizer's own library.
target_compile_options(test_clock_preload PRIVATE -fno-sanitize=all)
target_link_options(test_clock_preload PRIVATE -fno-sanitize=all)

bobbin_check_test(test_model
    SOURCES model/test_model.c model/model.c model/answer.c model/script.c model/pool.c
            model/wall_clock.c
    LIBRARIES test_harness PkgConfig::SQLITE
    LABELS model
    TIMEOUT 600)
target_compile_definitions(test_model PRIVATE
    TEST_CLOCK_PRELOAD="$<TARGET_FILE:test_clock_preload>")
add_dependencies(test_model bobbind test_clock_preload)

# The same, with all that single sets write held in memory first.
add_test(NAME model_held COMMAND test_model)
set_tests_properties(model_held PROPERTIES LABELS model TIMEOUT 600 ENVIRONMENT BOBBIND_HOLD_FROM=0)

foreach(name watch_order backup_load)
    bobbin_check_test(test_${name}
        SOURCES model/test_${name}.c
        LIBRARIES test_harness PkgConfig::SQLITE
        LABELS model
        TIMEOUT 300)
    add_dependencies(test_${name} bobbind)
endforeach()

bobbin_check_test(test_listing
    SOURCES integration/test_listing.c
    LIBRARIES test_harness
    LABELS integration
    TIMEOUT 300)
add_dependencies(test_listing bobbind)
