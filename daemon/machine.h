/* How much memory there is to plan with. */
#ifndef BOBBIN_DAEMON_MACHINE_H
#define BOBBIN_DAEMON_MACHINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that this process may have: the machine's, or less where a control group says so. 0: not
 * known. */
uint64_t machine_memory(void);

/* The least `memory.max` in the control group at this path and those above it, as far as they have
 * one; UINT64_MAX: none of them sets a limit. */
uint64_t machine_group_memory(const char *path);

#ifdef __cplusplus
}
#endif

#endif
