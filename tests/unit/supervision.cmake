foreach(name IN ITEMS manifest config log metrics_address options restart)
    bobbin_check_test(test_${name}
        SOURCES unit/test_${name}.c
        LIBRARIES bobbind_supervision bobbind_store
        LABELS unit)
endforeach()

foreach(name IN ITEMS component process outlog warden)
    bobbin_check_test(test_${name}
        SOURCES unit/test_${name}.c unit/supervision_env.c
        LIBRARIES bobbind_supervision bobbind_store
        LABELS unit)
endforeach()

bobbin_check_test(test_journal
    SOURCES unit/test_journal.c
    LIBRARIES bobbind_supervision
    LABELS unit)

foreach(name IN ITEMS handover leader)
    bobbin_check_test(test_${name}
        SOURCES unit/test_${name}.c
        LIBRARIES bobbind_supervision
        LABELS unit)
endforeach()

bobbin_check_test(test_registry
    SOURCES unit/test_registry.c
    LIBRARIES bobbind_server PkgConfig::SQLITE
    LABELS unit)

bobbin_check_test(test_usage
    SOURCES unit/test_usage.c
    LIBRARIES bobbind_supervision
    LABELS unit)
