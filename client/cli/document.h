/* What several commands show as JSON, one document each. */
#ifndef BOBBIN_CLI_DOCUMENT_H
#define BOBBIN_CLI_DOCUMENT_H

#include <jansson.h>

#include "client/include/bobbin.h"

/* NULL without memory. */
json_t *document_of_event(const bobbin_event *e);
json_t *document_of_traced(const bobbin_traced *t);

#endif
