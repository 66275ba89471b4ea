# What survives: power cuts on a simulated disk, SIGKILL of the daemon.
set(CRASH_SOURCES crash/trial.c crash/trial_store.c crash/script.c crash/script_batch.c
    crash/model_state.c crash/sim.c crash/disk.c crash/disk_calls.c crash/disk_cut.c
    crash/memory.c)
add_executable(test_power_cut crash/power_cut.c crash/trial_registry.c ${CRASH_SOURCES})
add_executable(test_store_faults crash/store_faults.c ${CRASH_SOURCES})
foreach(name power_cut store_faults)
    target_include_directories(test_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(test_${name} PRIVATE
        bobbind_server PkgConfig::SQLITE Threads::Threads bobbin_warnings)
    set_target_properties(test_${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()
# Sanitizers have an allocator of their own.
if(NOT BOBBIN_SANITIZE)
    target_compile_definitions(test_store_faults PRIVATE BOBBIN_TEST_OWN_MEMORY)
    target_compile_options(test_store_faults PRIVATE -fno-builtin)
endif()

# A few of each in every run; as many as there should be with the target "crash".
add_test(NAME power_cut COMMAND test_power_cut --cuts 600 --each 30 --jobs 2)
set_tests_properties(power_cut PROPERTIES TIMEOUT 300 LABELS crash)
# The check can fail: where a kind of sync does nothing, it is found out.
foreach(what sqlite log directory)
    add_test(NAME power_cut_without_${what}_syncs
        COMMAND test_power_cut --cuts 10000 --each 30 --lie ${what})
    set_tests_properties(power_cut_without_${what}_syncs PROPERTIES TIMEOUT 300 LABELS crash
        PASS_REGULAR_EXPRESSION "LOST: |DAMAGED: |cannot be opened: ")
endforeach()

add_test(NAME store_faults COMMAND test_store_faults --stride 61)
set_tests_properties(store_faults PROPERTIES TIMEOUT 300 LABELS crash)
# Where something was lost once: seed and call.
foreach(found 1/3 5/4 7/4 8/4 2/21 6/181 1/141 5/533 8/103 46/356 108/541)
    string(REPLACE "/" ";" found ${found})
    list(GET found 0 seed)
    list(GET found 1 call)
    add_test(NAME store_faults_${seed}_${call} COMMAND test_store_faults --seed ${seed} --at ${call})
    set_tests_properties(store_faults_${seed}_${call} PROPERTIES TIMEOUT 300 LABELS crash)
endforeach()

# The whole daemon, from its start to its end. Sanitizers have an allocator of their own.
if(NOT BOBBIN_SANITIZE)
    add_library(test_short MODULE crash/short_preload.c)
    target_link_libraries(test_short PRIVATE bobbin_warnings)
    target_compile_options(test_short PRIVATE -fno-builtin)
    add_test(NAME short_memory
        COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/crash/test_short_memory.py
                ${CMAKE_BINARY_DIR}/bin $<TARGET_FILE:test_short> --stride 97)
    set_tests_properties(short_memory PROPERTIES TIMEOUT 300 LABELS crash)
    set(SHORT_MEMORY ${PYTHON3} $<TARGET_FILE:test_short>)
endif()

add_custom_target(crash
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/crash/crash.sh ${CMAKE_BINARY_DIR} 10000 1000 ${SHORT_MEMORY}
    DEPENDS test_power_cut test_store_faults test_kill bobbind $<TARGET_NAME_IF_EXISTS:test_short>
    USES_TERMINAL)

# What fails around the daemon: the disk, descriptors, clients by the hundred.
foreach(name disk_full descriptors slow_disk)
    bobbin_check_test(test_${name}
        SOURCES crash/test_${name}.c crash/writers.c
        LIBRARIES test_harness
        LABELS crash
        TIMEOUT 300)
    set_tests_properties(test_${name} PROPERTIES SKIP_RETURN_CODE 77)
    add_dependencies(test_${name} bobbind)
endforeach()

# Sockets a byte at a time and interrupted calls, for client and daemon alike.
if(NOT BOBBIN_SANITIZE)
    add_library(test_drip MODULE crash/drip_preload.c)
    target_link_libraries(test_drip PRIVATE bobbin_warnings)
    foreach(name kv wire watch unread)
        add_test(NAME drip_${name} COMMAND test_${name})
        set_tests_properties(drip_${name} PROPERTIES TIMEOUT 300 LABELS crash
            ENVIRONMENT "LD_PRELOAD=$<TARGET_FILE:test_drip>")
    endforeach()
endif()

# They are loaded in front of everything, also of a sanitizer's own library.
foreach(name slow_app noblock)
    add_library(test_${name} MODULE crash/${name}_preload.c)
    target_link_libraries(test_${name} PRIVATE bobbin_warnings)
    target_compile_options(test_${name} PRIVATE -fno-sanitize=all)
    target_link_options(test_${name} PRIVATE -fno-sanitize=all)
endforeach()
target_compile_definitions(test_slow_disk PRIVATE TEST_SLOW_APP="$<TARGET_FILE:test_slow_app>")
add_dependencies(test_slow_disk test_slow_app)
if(NOT BOBBIN_SANITIZE)
    target_compile_definitions(test_descriptors PRIVATE
        TEST_NO_BLOCK="$<TARGET_FILE:test_noblock>")
endif()
target_link_libraries(test_descriptors PRIVATE PkgConfig::UV)
add_dependencies(test_descriptors test_noblock)

add_test(NAME report COMMAND ${PYTHON3} ${CMAKE_CURRENT_SOURCE_DIR}/report.py --check)
