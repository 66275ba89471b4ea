/* The answer to a bobbin_request, read and checked by its kind. */
#ifndef BOBBIN_CLIENT_RESULT_H
#define BOBBIN_CLIENT_RESULT_H

#include "failure.h"
#include "session.h"

struct result {
    bobbin_result shown; /* what the caller sees; its pointers go to what is below */
    size_t expected;     /* get_many: the values asked for; atomic: the checks made; entries: 1 if
                          * times to live were */
    char *value;         /* owned, as are the others, until the taker sets it to NULL */
    bobbin_values *values;
    bobbin_key_page *keys;
    bobbin_entry_page *entries;
    bobbin_app_status *status_of_app;
    bobbin_app_list *apps;
    bobbin_stats *stats;
    bobbin_log_page *log_page;
    bobbin_event_list *happened;
    bobbin_trace_list *traced;
    struct session session; /* attach */
    char *app;              /* attach: what to */
};

/* Ready for the answer to this request. False: no memory. */
bool result_init(struct result *res, const bobbin_request *q);
/* Free what is owned; may be followed by anything but another read. */
void result_fini(struct result *res);
/* Read the answer. BOBBIN_BAD_RESPONSE or BOBBIN_NO_MEMORY with *f set; then nothing is owned and
 * the fields are as after result_init. */
bobbin_status result_read(struct reader *r, struct result *res, struct failure *f);

#endif
