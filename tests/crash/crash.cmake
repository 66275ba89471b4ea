# What survives: power cuts on a simulated disk, SIGKILL of the daemon.
add_executable(test_power_cut
    crash/power_cut.c crash/trial_store.c crash/trial_registry.c crash/script.c
    crash/script_batch.c crash/model_state.c crash/sim.c crash/disk.c crash/disk_calls.c
    crash/disk_cut.c)
target_include_directories(test_power_cut PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(test_power_cut PRIVATE
    bobbind_server PkgConfig::SQLITE Threads::Threads bobbin_warnings)
set_target_properties(test_power_cut PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

# A few of each in every run; as many as there should be with the target "crash".
add_test(NAME power_cut COMMAND test_power_cut --cuts 600 --each 30 --jobs 2)
set_tests_properties(power_cut PROPERTIES TIMEOUT 300 LABELS crash)
# The check can fail: where a kind of sync does nothing, it is found out.
foreach(what sqlite log directory)
    add_test(NAME power_cut_without_${what}_syncs
        COMMAND test_power_cut --cuts 10000 --each 30 --lie ${what})
    set_tests_properties(power_cut_without_${what}_syncs PROPERTIES TIMEOUT 300 LABELS crash
        PASS_REGULAR_EXPRESSION "LOST: |DAMAGED: |disk image is malformed")
endforeach()

add_custom_target(crash
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/crash/crash.sh ${CMAKE_BINARY_DIR}
    DEPENDS test_power_cut test_kill bobbind
    USES_TERMINAL)

# What fails around the daemon: the disk, descriptors, clients by the hundred.
foreach(name disk_full descriptors)
    bobbin_check_test(test_${name}
        SOURCES crash/test_${name}.c crash/writers.c
        LIBRARIES test_harness
        LABELS crash
        TIMEOUT 300)
    set_tests_properties(test_${name} PROPERTIES SKIP_RETURN_CODE 77)
    add_dependencies(test_${name} bobbind)
endforeach()
