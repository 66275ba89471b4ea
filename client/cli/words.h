/* Facts about a component in words for people. */
#ifndef BOBBIN_CLI_WORDS_H
#define BOBBIN_CLI_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "client/cli/output.h"
#include "client/include/bobbin.h"

/* "12 s ago", "3 min ago", "5 h ago", "2 days ago". A time to come is "0 s ago". */
void words_ago(char *buf, size_t size, int64_t since_ms, int64_t now_ms);
/* The last exit: "exited, status 1", "killed by SIGKILL", or "" when there was none. */
void words_exit(char *buf, size_t size, const bobbin_component_status *c);
/* The states of all components: "2 running", "1 running, 1 failed", "no components". */
void words_summary(char *buf, size_t size, const bobbin_app_status *app);
/* What a state looks like on a terminal. */
enum colour words_state_colour(const char *state);
/* Milliseconds since 1970. */
int64_t words_now_ms(void);

#endif
