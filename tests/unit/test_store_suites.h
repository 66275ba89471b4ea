/* The suites of test_store, one in each file. */
#ifndef BOBBIN_TEST_STORE_SUITES_H
#define BOBBIN_TEST_STORE_SUITES_H

#include <check.h>

Suite *store_list_suite(void);
Suite *store_file_suite(void);
Suite *store_crash_suite(void);
Suite *store_early_suite(void);
Suite *store_expiry_suite(void);
Suite *store_fault_suite(void);
Suite *store_numbers_suite(void);
Suite *store_restore_suite(void);
Suite *store_fold_suite(void);
Suite *store_held_suite(void);
Suite *store_backup_suite(void);
Suite *store_checkpoint_suite(void);

#endif
