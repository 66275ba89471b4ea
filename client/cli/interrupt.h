/* Ctrl-C and its like, taken when it suits instead of whenever they come. */
#ifndef BOBBIN_CLI_INTERRUPT_H
#define BOBBIN_CLI_INTERRUPT_H

/* From now on SIGINT, SIGTERM and SIGHUP wait, but for those that this program was told to ignore.
 */
void interrupt_block(void);
/* Wait so many milliseconds, or less when one of them comes. Its number, or 0. */
int interrupt_wait(int ms);

#endif
