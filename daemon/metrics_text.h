/* A snapshot as text for Prometheus: OpenMetrics 1.0, or the older text format. */
#ifndef BOBBIN_DAEMON_METRICS_TEXT_H
#define BOBBIN_DAEMON_METRICS_TEXT_H

#include "daemon/snapshot.h"
#include "protocol/buffer.h"

enum metrics_format { METRICS_OPENMETRICS, METRICS_TEXT };

/* What an HTTP answer calls the format. */
const char *metrics_content_type(enum metrics_format format);

/* Write all metrics of the list behind what is in `ret`; reads /proc for what processes use. Any
 * thread. `ret` has failed when memory is short. */
void metrics_write(const struct snapshot *snapshot, enum metrics_format format, struct buffer *ret);

#endif
