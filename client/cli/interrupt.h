/* Ctrl-C and its like, taken when it suits instead of whenever they come. */
#ifndef BOBBIN_CLI_INTERRUPT_H
#define BOBBIN_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on Ctrl-C does not end the program; interrupt_caught tells of it. */
void interrupt_catch(void);
/* Whether there was a Ctrl-C since the last call of interrupt_forget. */
bool interrupt_caught(void);
void interrupt_forget(void);

/* From now on SIGINT, SIGTERM and SIGHUP wait, but for those that this program was told to ignore.
 */
void interrupt_block(void);
/* Take them again as they come; those that wait are forgotten. */
void interrupt_unblock(void);
/* A descriptor that is readable while one of them waits, to be closed; -1 with errno. */
int interrupt_fd(void);
/* Wait so many milliseconds, or less when one of them comes. Its number, or 0. */
int interrupt_wait(int ms);

#endif
