/* The suites of test_batcher, one in each file. */
#ifndef BOBBIN_TEST_BATCHER_SUITES_H
#define BOBBIN_TEST_BATCHER_SUITES_H

#include "test_batcher_env.h"

Suite *batcher_background_suite(void);
Suite *batcher_fault_suite(void);
Suite *batcher_restore_suite(void);

#endif
