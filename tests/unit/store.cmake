# The store layer: what touches SQLite, and the queue in front of it.
add_library(bobbin_test_store STATIC unit/test_store_env.c unit/test_store_vfs.c)
target_link_libraries(bobbin_test_store
    PUBLIC bobbind_store PkgConfig::SQLITE PkgConfig::CHECK PRIVATE bobbin_warnings)
# Check's own macros convert freely.
target_compile_options(bobbin_test_store PRIVATE -Wno-conversion)
# The commit log's way to the disk; SQLite's own is a VFS.
target_link_options(bobbin_test_store INTERFACE
    -Wl,--wrap=fsync -Wl,--wrap=fdatasync -Wl,--wrap=pwritev -Wl,--undefined=__wrap_fdatasync)

bobbin_check_test(test_store
    SOURCES unit/test_store.c unit/test_store_backup.c unit/test_store_checkpoint.c
            unit/test_store_crash.c unit/test_store_early.c unit/test_store_expiry.c unit/test_store_fault.c
            unit/test_store_file.c unit/test_store_fold.c unit/test_store_held.c unit/test_store_list.c
            unit/test_store_numbers.c unit/test_store_restore.c
    LIBRARIES bobbin_test_store
    LABELS unit)
bobbin_check_test(test_batcher
    SOURCES unit/test_batcher.c unit/test_batcher_background.c unit/test_batcher_env.c
            unit/test_batcher_fault.c unit/test_batcher_restore.c
    LIBRARIES bobbin_test_store
    LABELS unit)
bobbin_check_test(test_commit_log
    SOURCES unit/test_commit_log.c
    LIBRARIES bobbin_test_store
    LABELS unit)
bobbin_check_test(test_directory
    SOURCES unit/test_directory.c
    LIBRARIES bobbin_test_store
    LABELS unit)
bobbin_check_test(test_cache
    SOURCES unit/test_cache.c
    LIBRARIES bobbin_test_store
    LABELS unit)
# It makes allocations fail.
target_link_options(test_cache PRIVATE -Wl,--wrap=malloc)
bobbin_check_test(test_memtable
    SOURCES unit/test_memtable.c
    LIBRARIES bobbind_store
    LABELS unit)
bobbin_check_test(test_gather
    SOURCES unit/test_gather.c
    LIBRARIES bobbin_test_store
    LABELS unit)
bobbin_check_test(test_run_soon
    SOURCES unit/test_run_soon.c
    LIBRARIES bobbin_test_store
    LABELS unit)
bobbin_check_test(test_syncer
    SOURCES unit/test_syncer.c
    LIBRARIES bobbin_test_store
    LABELS unit)
bobbin_check_test(test_log_rows
    SOURCES unit/test_log_rows.c
    LIBRARIES bobbin_test_store
    LABELS unit)
